package consents

import (
	"strings"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/store"
)

// check gathers everything that is wrong with a consent and its answer.
func check(tx *store.Tx, m *jisrv1.Consent, answer state) error {
	var wrong []fault.Violation
	violate := func(field, rule string) {
		wrong = append(wrong, fault.Violation{Field: "consent." + field, Rule: rule})
	}
	if m.GetRecipient() != "" {
		if _, ok := tx.Law().Agency(strings.TrimPrefix(m.GetRecipient(), "agencies/")); !ok {
			violate("recipient", "must be an agency of the agreement")
		}
	}
	if m.HasExpireTime() && !m.GetExpireTime().AsTime().After(tx.Now()) {
		violate("expire_time", "must lie in the future")
	}
	basis := m.GetLegalBasis() != jisrv1.Consent_LEGAL_BASIS_UNSPECIFIED
	if answer == notRequired && !basis {
		violate("legal_basis", "must be given where consent is not required")
	}
	if answer != notRequired && basis {
		violate("legal_basis", "must be left out unless consent is not required")
	}
	if answer == given {
		checkGiven(m.GetRecord(), violate)
	}
	if len(wrong) > 0 {
		return fault.Invalid(wrong...)
	}
	return nil
}

// checkGiven refuses a consent that nobody could have given: it must say who
// gave it, and a guardian must be cleared, since kin can be the trafficker
// (Law 28 of 2012, article 6(5)); else a guardian ad litem or the judge consents.
func checkGiven(r *jisrv1.ConsentRecord, violate func(field, rule string)) {
	if r.GetGivenBy() == jisrv1.ConsentRecord_GIVEN_BY_UNSPECIFIED {
		violate("record.given_by", "must say who gave the consent")
	}
	if r.GetGivenBy() == jisrv1.ConsentRecord_GIVEN_BY_GUARDIAN && r.GetGuardianStanding() != jisrv1.ConsentRecord_GUARDIAN_STANDING_CLEARED {
		violate("record.guardian_standing", "must be CLEARED for a guardian; else a guardian ad litem or the judge consents")
	}
	if !r.GetExplained() {
		violate("record.explained", "must be true: the person was told purpose, use, the right to see the data and how to withdraw")
	}
}

// childOf fails alike for a consent of another person and for one that is not there.
func childOf(parent, name string) error {
	if !strings.HasPrefix(name, parent+"/") {
		return fault.New(fault.NotFound)
	}
	return nil
}

// mayTell fails unless the caller may tell the scope of consents about this
// person: whoever may record one may record its end.
func mayTell(tx *store.Tx, m *jisrv1.Consent) error {
	c := tx.Caller()
	if tx.Law().Write(c.Role, c.Purpose, tx.Standing(m.GetName())).Has(jisrv1.DataClass_DATA_CLASS_CONSENT_SCOPE) {
		return nil
	}
	return fault.New(fault.TransitionNotAllowed).With("next_states", "none for your agency")
}
