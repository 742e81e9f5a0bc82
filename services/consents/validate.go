package consents

import (
	"strings"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/referrals"
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
	checkCollector(tx, m, answer, violate)
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

// mayCollect fails unless the caller may record or withdraw consents of a person:
// it answers for the person or has the person in its care, and its role tells
// consents at all. name is a record that it has viewed, the person's or a consent's.
func mayCollect(tx *store.Tx, name string) error {
	c, st := tx.Caller(), tx.Standing(name)
	may := referrals.Answers(st)
	if !may {
		var err error
		if may, err = referrals.Cares(tx, st); err != nil {
			return err
		}
	}
	if may && tx.Law().Write(c.Role, c.Purpose, st).Has(jisrv1.DataClass_DATA_CLASS_CONSENT_SCOPE) {
		return nil
	}
	return fault.New(fault.TransitionNotAllowed).With("next_states", "only who answers for a person, or has the person in its care, records consent")
}

// dispenses are the roles that may record that consent is not required, or that
// the judge gave it: nobody dispenses itself.
var dispenses = agreement.Roles(jisrv1.Role_ROLE_INVESTIGATING_JUDGE, jisrv1.Role_ROLE_COUNTER_TRAFFICKING, jisrv1.Role_ROLE_ORGANISED_CRIME)

// checkCollector holds an answer against who records it: a legal basis in the
// place of consent is for the judge and the police, and never for whoever gains by it.
func checkCollector(tx *store.Tx, m *jisrv1.Consent, answer state, violate func(field, rule string)) {
	c := tx.Caller()
	dispensed := answer == notRequired || m.GetRecord().GetGivenBy() == jisrv1.ConsentRecord_GIVEN_BY_JUDGE
	if dispensed && (!dispenses.Has(c.Role) || m.GetRecipientRole() == c.Role) {
		violate("legal_basis", "may be recorded by the judge or the police alone, and not for their own role")
	}
}
