package referrals

import (
	"strings"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/record"
	"github.com/jisr-exchange/jisr/services/store"
)

// directs are the links of who answers for a person: it owns the case, a judge
// assigned it, or it acts there. Its referrals open all that the agreement
// allows, even what it may not read itself.
var directs = agreement.Links(jisrv1.Link_LINK_OWNER, jisrv1.Link_LINK_ASSIGNED, jisrv1.Link_LINK_TERRITORY)

// Answers reports whether a standing is that of who answers for a person.
func Answers(st agreement.Standing) bool {
	for _, l := range st.Links {
		if directs.Has(l.Link) {
			return true
		}
	}
	return false
}

// Cares reports whether a person is in the caller's care now: it has accepted a
// referral of the person that has not ended. To have been asked is not enough,
// and a question is no care: who answers it need never have met the person.
func Cares(tx *store.Tx, st agreement.Standing) (bool, error) {
	for _, l := range st.Links {
		if l.Link != jisrv1.Link_LINK_RECEIVER {
			continue
		}
		m := &jisrv1.Referral{}
		if err := tx.Load(l.Via, m); err != nil {
			return false, err
		}
		if m.GetKind() != jisrv1.Referral_KIND_INFORMATION_REQUEST && (m.GetState() == accepted || m.GetState() == inProgress) {
			return true, nil
		}
	}
	return false, nil
}

// mayRefer views the person and fails unless the caller may refer the person
// now; it returns the most that the caller's referral can open. Whoever was
// merely told, or once had to do with the person, may not pass the person on.
func mayRefer(tx *store.Tx, victim string) (record.ClassSet, error) {
	if err := tx.View(victim, &jisrv1.Victim{}); err != nil {
		return 0, err
	}
	st := tx.Standing(victim)
	if Answers(st) {
		return record.EveryClass, nil
	}
	cares, err := Cares(tx, st)
	if err != nil {
		return 0, err
	}
	if !cares {
		return 0, fault.New(fault.TransitionNotAllowed).With("next_states", "only who answers for a person, or has the person in its care, refers the person")
	}
	c := tx.Caller()
	return tx.Law().Read(c.Role, c.Purpose, st), nil
}

// checkNew gathers everything that is wrong with a draft, and fills an empty
// scope with all that the agreement allows for the kind.
func checkNew(tx *store.Tx, caseName string, m *jisrv1.Referral, most record.ClassSet) error {
	var wrong []fault.Violation
	violate := func(field, rule string) {
		wrong = append(wrong, fault.Violation{Field: "referral." + field, Rule: rule})
	}
	terms, ok := tx.Law().Referral(m.GetKind())
	if !ok {
		violate("kind", "must be a kind that the agreement knows")
	}
	slug := strings.TrimPrefix(m.GetReceiver(), "agencies/")
	receiver, known := tx.Law().Agency(slug)
	switch {
	case !known:
		violate("receiver", "must be an agency of the agreement")
	case slug == tx.Caller().Agency:
		violate("receiver", "must be another agency than the sender")
	case ok && receivingRole(receiver, terms) == jisrv1.Role_ROLE_UNSPECIFIED:
		violate("receiver", "must hold a role that the agreement lets receive a referral of this kind")
	}
	if len(m.GetScope()) == 0 {
		m.SetScope((terms.Scope & most).List())
	} else if record.Classes(m.GetScope()...)&^(terms.Scope&most) != 0 {
		violate("scope", "must not hold a class that the agreement does not allow for this kind, or that your agency may not read itself")
	}
	if len(wrong) > 0 {
		return fault.Invalid(wrong...)
	}
	return nil
}

// receivingRole is the role in which an agency may receive a referral.
func receivingRole(a *agreement.Agency, terms agreement.Referral) jisrv1.Role {
	for _, r := range a.Roles {
		if terms.Receivers.Has(r) {
			return r
		}
	}
	return jisrv1.Role_ROLE_UNSPECIFIED
}

// checkSend holds a referral against what its kind needs at this moment: a
// judge's order, the person's consent or another legal basis.
func checkSend(tx *store.Tx, m *jisrv1.Referral) error {
	most, err := mayRefer(tx, m.GetVictim())
	if err != nil {
		return err
	}
	if record.Classes(m.GetScope()...)&^most != 0 {
		return fault.Invalid(fault.Violation{Field: "scope", Rule: "holds a class that your agency may no longer read itself; draft the referral anew"})
	}
	n, _ := record.ParseName(m.GetName())
	if err := tx.NamedBySeals(n.Case, []string{m.GetVictim()}, strings.TrimPrefix(m.GetReceiver(), "agencies/")); err != nil {
		return err
	}
	terms, _ := tx.Law().Referral(m.GetKind())
	if terms.Order != jisrv1.Order_KIND_UNSPECIFIED {
		in, err := tx.OrderInForce(terms.Order, m.GetVictim())
		if err != nil {
			return err
		}
		if !in {
			return fault.New(fault.OrderRequired).With("order_kind", strings.TrimPrefix(terms.Order.String(), "KIND_"))
		}
	}
	if terms.Consent {
		if in, err := ConsentHolds(tx, m); err != nil {
			return err
		} else if !in {
			return fault.New(fault.ConsentRequired).With("purposes", names(terms.Purposes))
		}
	}
	return nil
}

func names(purposes []jisrv1.Purpose) string {
	list := make([]string, len(purposes))
	for i, p := range purposes {
		list[i] = strings.TrimPrefix(p.String(), "PURPOSE_")
	}
	return strings.Join(list, ", ")
}

// ConsentHolds reports whether a referral still has the consent that its kind needs.
func ConsentHolds(tx *store.Tx, m *jisrv1.Referral) (bool, error) {
	terms, _ := tx.Law().Referral(m.GetKind())
	receiver, ok := tx.Law().Agency(strings.TrimPrefix(m.GetReceiver(), "agencies/"))
	if !ok {
		return false, nil
	}
	role := receivingRole(receiver, terms)
	need := record.Classes(m.GetScope()...) & tx.Law().ConsentClasses(role)
	return tx.ConsentInForce(m.GetVictim(), role, m.GetReceiver(), terms.Purposes, need)
}

// ConsentEnded ends a referral whose consent ended: the exchange's own act.
func ConsentEnded(tx *store.Tx, m *jisrv1.Referral) error {
	next, err := Lifecycle.Go(m.GetState(), "(consent ended)", []string{byServer}, nil, false)
	if err != nil {
		return err
	}
	return move(tx, m, next, jisrv1.Referral_END_REASON_CONSENT_ENDED, tx.SaveDerived)
}
