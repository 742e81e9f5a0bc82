package notifications

import (
	"fmt"
	"strings"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/store"
)

// sends are the links by which an agency may notify others of a case: to
// notify is to let know, so whoever was merely told may not pass it on.
var sends = agreement.Links(jisrv1.Link_LINK_OWNER, jisrv1.Link_LINK_ASSIGNED, jisrv1.Link_LINK_TERRITORY)

func maySend(tx *store.Tx, caseName string) error {
	for _, l := range tx.Standing(caseName).Links {
		if sends.Has(l.Link) {
			return nil
		}
	}
	return fault.New(fault.TransitionNotAllowed).With("next_states", "only the owner of a case, or who acts in its territory, notifies others of it")
}

// check gathers everything that is wrong with a notification.
func check(tx *store.Tx, m *jisrv1.Notification) error {
	var wrong []fault.Violation
	violate := func(field, rule string) {
		wrong = append(wrong, fault.Violation{Field: "notification." + field, Rule: rule})
	}
	for i, name := range m.GetReceivers() {
		slug := strings.TrimPrefix(name, "agencies/")
		if _, ok := tx.Law().Agency(slug); !ok {
			violate(fmt.Sprintf("receivers[%d]", i), "must be an agency of the agreement")
		} else if slug == tx.Caller().Agency {
			violate(fmt.Sprintf("receivers[%d]", i), "must be another agency than the sender")
		}
	}
	for i, v := range m.GetVictims() {
		if !strings.HasPrefix(v, m.GetCase()+"/") || tx.View(v, &jisrv1.Victim{}) != nil {
			violate(fmt.Sprintf("victims[%d]", i), "must name a victim of this case that your agency knows of")
		}
	}
	if len(wrong) > 0 {
		return fault.Invalid(wrong...)
	}
	return nil
}
