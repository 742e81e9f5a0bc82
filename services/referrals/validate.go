package referrals

import (
	"strings"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/record"
	"github.com/jisr-exchange/jisr/services/store"
)

// checkNew gathers everything that is wrong with a draft, and fills an empty
// scope with all that the agreement allows for the kind.
func checkNew(tx *store.Tx, caseName string, m *jisrv1.Referral) error {
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
	if !strings.HasPrefix(m.GetVictim(), caseName+"/") || tx.View(m.GetVictim(), &jisrv1.Victim{}) != nil {
		violate("victim", "must name a victim of this case that your agency knows of")
	}
	if len(m.GetScope()) == 0 {
		m.SetScope(terms.Scope.List())
	} else if record.Classes(m.GetScope()...)&^terms.Scope != 0 {
		violate("scope", "must not hold a class that the agreement does not allow for this kind")
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
			return fault.New(fault.ConsentRequired)
		}
	}
	return nil
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
	return tx.ConsentInForce(m.GetVictim(), role, m.GetReceiver(), need)
}

// ConsentEnded ends a referral whose consent ended: the exchange's own act.
func ConsentEnded(tx *store.Tx, m *jisrv1.Referral) error {
	next, err := Lifecycle.Go(m.GetState(), "(consent ended)", []string{byServer}, nil, false)
	if err != nil {
		return err
	}
	return Move(tx, m, next, jisrv1.Referral_END_REASON_CONSENT_ENDED)
}
