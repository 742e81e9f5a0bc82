package orders

import (
	"fmt"
	"slices"
	"strings"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/record"
	"github.com/jisr-exchange/jisr/services/store"
)

// decides are the links by which a judge or court may decide in a case: its own
// territory, or an assignment. Being told of a case gives no power over it.
var decides = agreement.Links(jisrv1.Link_LINK_TERRITORY, jisrv1.Link_LINK_ASSIGNED)

// mayDecide views the case and fails unless the caller may decide in it.
func mayDecide(tx *store.Tx, caseName string) error {
	about := &jisrv1.Case{}
	if err := tx.View(caseName, about); err != nil {
		return err
	}
	for _, l := range tx.Standing(caseName).Links {
		// A court of the territory decides only what was referred to it (article 130); until then the judge does.
		before := l.Link == jisrv1.Link_LINK_TERRITORY && tx.Caller().Role != jisrv1.Role_ROLE_INVESTIGATING_JUDGE &&
			about.GetState() != jisrv1.Case_STATE_REFERRED_TO_TRIAL
		if decides.Has(l.Link) && !before {
			return nil
		}
	}
	return fault.New(fault.TransitionNotAllowed).With("next_states", "only a judge or court of the territory, or one assigned, decides in a case")
}

// check gathers everything that is wrong with an order.
func check(tx *store.Tx, caseName string, m *jisrv1.Order) error {
	var wrong []fault.Violation
	violate := func(field, rule string) {
		wrong = append(wrong, fault.Violation{Field: "order." + field, Rule: rule})
	}
	if m.GetTarget() != caseName && (!strings.HasPrefix(m.GetTarget(), caseName+"/") || !known(tx, m.GetTarget())) {
		violate("target", "must name the case, or a victim or suspect of it that your agency knows of")
	}
	if m.HasUntilTime() && !m.GetUntilTime().AsTime().After(tx.Now()) {
		violate("until_time", "must lie in the future")
	}
	if d := m.GetDecision(); d.GetNumber() == "" || d.GetDate() == "" {
		violate("decision", "must give the decision's number and date")
	}
	checkAddressees(tx, m, violate)
	checkKind(m, violate)
	if len(wrong) > 0 {
		return fault.Invalid(wrong...)
	}
	return nil
}

func known(tx *store.Tx, target string) bool {
	n, ok := record.ParseName(target)
	return ok && tx.View(target, n.Type.New()) == nil
}

// checkKind holds an order against what its kind needs.
func checkKind(m *jisrv1.Order, violate func(field, rule string)) {
	opens := m.GetKind() == jisrv1.Order_KIND_DISCLOSE
	if opens && len(m.GetDataClasses()) == 0 {
		violate("data_classes", "must name the classes that a disclosing order opens")
	}
	if !opens && len(m.GetDataClasses()) > 0 {
		violate("data_classes", "must be left out: only a disclosing order opens classes")
	}
	if (opens || m.GetKind() == jisrv1.Order_KIND_ASSIGN) && len(m.GetAddressees()) == 0 {
		violate("addressees", "must name at least one agency")
	}
	if m.GetKind() == jisrv1.Order_KIND_ASSIGN && personOf(m) != "" {
		violate("target", "must be the case: an agency is assigned to the whole of it")
	}
	if m.GetKind() == jisrv1.Order_KIND_SEAL && m.GetSeal().GetText() == "" {
		violate("seal.text", "must give the reason: it has to be written (Code of Criminal Procedure 23 of 1971, article 57)")
	}
}

// reaches fails where a seal keeps an order from one of its addressees. An order
// that seals or unseals says itself who is named; a person's seal opens to nobody
// what the seal of the whole case closes.
func reaches(tx *store.Tx, caseName string, m *jisrv1.Order) error {
	persons := []string{personOf(m)}
	switch m.GetKind() {
	case jisrv1.Order_KIND_UNSEAL:
		return nil
	case jisrv1.Order_KIND_SEAL:
		if m.GetTarget() == caseName {
			return nil
		}
		persons = nil
	}
	for _, a := range m.GetAddressees() {
		if err := tx.NamedBySeals(caseName, persons, strings.TrimPrefix(a, "agencies/")); err != nil {
			return err
		}
	}
	return nil
}

// checkAddressees holds each agency and class against the agreement: an order
// widens only where the agreement lets an order widen.
func checkAddressees(tx *store.Tx, m *jisrv1.Order, violate func(field, rule string)) {
	for i, name := range m.GetAddressees() {
		a, ok := tx.Law().Agency(strings.TrimPrefix(name, "agencies/"))
		if !ok {
			violate(fmt.Sprintf("addressees[%d]", i), "must be an agency of the agreement")
			continue
		}
		if m.GetKind() != jisrv1.Order_KIND_DISCLOSE {
			continue
		}
		for j, class := range m.GetDataClasses() {
			opens := func(r jisrv1.Role) bool { return tx.Law().OpenableByOrder(r).Has(class) }
			if !slices.ContainsFunc(a.Roles, opens) {
				violate(fmt.Sprintf("data_classes[%d]", j), "must be a class that the agreement lets an order open to the addressee's role")
			}
		}
	}
}

// revocable refuses to revoke what only another order may end.
func revocable(m *jisrv1.Order) error {
	if k := m.GetKind(); k == jisrv1.Order_KIND_SEAL || k == jisrv1.Order_KIND_UNSEAL {
		return fault.New(fault.TransitionNotAllowed).With("next_states", "a seal is lifted by an UNSEAL order, and an UNSEAL order has done its work")
	}
	return nil
}
