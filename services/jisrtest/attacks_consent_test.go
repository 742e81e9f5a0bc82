package jisrtest_test

import (
	"testing"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/jisrtest"
)

const (
	ngoRole   = jisrv1.Role_ROLE_NGO
	assisting = jisrv1.Purpose_PURPOSE_ASSISTANCE
)

// dispensed is a record that consent to a role is not required.
func dispensed(p *jisrtest.Play, to jisrv1.Role, purpose jisrv1.Purpose) *jisrv1.RecordConsentRequest {
	return jisrv1.RecordConsentRequest_builder{Parent: p.First, Answer: jisrv1.Consent_STATE_NOT_REQUIRED, Consent: jisrv1.Consent_builder{
		Purpose: purpose, RecipientRole: to, LegalBasis: jisrv1.Consent_LEGAL_BASIS_LEGAL_OBLIGATION,
		DataClasses: []jisrv1.DataClass{identity, documents, jisrv1.DataClass_DATA_CLASS_VICTIM_PROFILE},
	}.Build()}.Build()
}

// answered is a record that somebody consented in the person's place or name.
func answered(p *jisrtest.Play, to jisrv1.Role, purpose jisrv1.Purpose, by jisrv1.ConsentRecord_GivenBy) *jisrv1.RecordConsentRequest {
	return jisrv1.RecordConsentRequest_builder{Parent: p.First, Answer: jisrv1.Consent_STATE_GIVEN, Consent: jisrv1.Consent_builder{
		Purpose: purpose, RecipientRole: to, DataClasses: []jisrv1.DataClass{identity},
		Record: jisrv1.ConsentRecord_builder{GivenBy: by, Explained: true}.Build(),
	}.Build()}.Build()
}

func TestWhoGainsByAConsentDoesNotForgeIt(t *testing.T) {
	p := baghdad(t)
	p.Notify(jisrtest.NGO, jisrtest.Foreign)
	ngo, mofa := p.As(jisrtest.NGO), consular(p)
	unnamed := func(when string) {
		t.Helper()
		for _, c := range []*jisrtest.Client{ngo, mofa} {
			if v := got(getVictim(c, p.First))(t); v.HasIdentity() || v.HasDocuments() {
				t.Errorf("%s %s reads the name: %v", when, c.Agency, v)
			}
		}
	}
	// Merely told, it takes no consent at all, for itself or for others.
	person, judge := jisrv1.ConsentRecord_GIVEN_BY_PERSON, jisrv1.ConsentRecord_GIVEN_BY_JUDGE
	for _, forged := range []*jisrv1.RecordConsentRequest{
		dispensed(p, ngoRole, assisting), dispensed(p, abroad, forConsular), answered(p, ngoRole, assisting, person), answered(p, abroad, forConsular, judge),
	} {
		refused(ngo.RecordConsent(ctx, forged))(t, fault.TransitionNotAllowed)
		refused(mofa.RecordConsent(ctx, forged))(t, fault.MethodNotGranted)
	}
	unnamed("after forging while merely told,")
	// Even while it cares for the person, it dispenses nobody, and the judge's word is the judge's.
	r := p.Refer(jisrv1.Referral_KIND_INTERPRETER, jisrtest.NGO)
	got(accept(ngo, r.GetName()))(t)
	for _, forged := range []*jisrv1.RecordConsentRequest{
		dispensed(p, ngoRole, assisting), dispensed(p, abroad, forConsular), answered(p, ngoRole, assisting, judge), answered(p, abroad, forConsular, judge),
	} {
		refused(ngo.RecordConsent(ctx, forged))(t, fault.InvalidRequest)
	}
	unnamed("after forging while it cares for the person,")
	// What the person told the police opens the name to both.
	got(policeOf(p).RecordConsent(ctx, answered(p, ngoRole, ngo.Purpose, person)))(t)
	got(policeOf(p).RecordConsent(ctx, answered(p, abroad, forConsular, person)))(t)
	if !got(getVictim(ngo, p.First))(t).HasIdentity() || !got(getVictim(mofa, p.First))(t).HasIdentity() {
		t.Error("the person's consent opens nothing, so that forging it would not either")
	}
}

func TestTheJudgeDispensesWithConsentAndThePoliceNotForThemselves(t *testing.T) {
	p := baghdad(t)
	p.Notify(jisrtest.Foreign)
	refused(policeOf(p).RecordConsent(ctx, dispensed(p, jisrv1.Role_ROLE_COUNTER_TRAFFICKING, assisting)))(t, fault.InvalidRequest)
	got(judgeOf(p).RecordConsent(ctx, answered(p, abroad, forConsular, jisrv1.ConsentRecord_GIVEN_BY_JUDGE)))(t)
	if !got(getVictim(consular(p), p.First))(t).HasIdentity() {
		t.Error("the judge's consent opens nothing")
	}
}

func TestAnAgencyWhoseAccessEndedRecordsNoConsent(t *testing.T) {
	p := baghdad(t)
	r := placed(t, p)
	p.Notify(jisrtest.Foreign)
	shelter := p.As(jisrtest.Shelter)
	got(tell(shelter, jisrv1.Victim_builder{Name: p.First, Health: jisrv1.VictimHealth_builder{Text: "what the counsellor wrote"}.Build()}.Build(), "health"))(t)
	person := jisrv1.ConsentRecord_GIVEN_BY_PERSON
	taken := got(shelter.RecordConsent(ctx, answered(p, abroad, forConsular, person)))(t)
	if !got(getVictim(consular(p), p.First))(t).HasIdentity() {
		t.Error("a consent taken while in care opens nothing")
	}
	got(withdraw(shelter, taken.GetName()))(t)
	got(shelter.CompleteReferral(ctx, jisrv1.CompleteReferralRequest_builder{Name: r.GetName(), Reason: jisrv1.Referral_END_REASON_NEED_MET}.Build()))(t)
	// It still rereads what it wrote, and so still knows of the person.
	if !got(getVictim(shelter, p.First))(t).HasHealth() {
		t.Error("the shelter does not keep its own entries")
	}
	refused(shelter.RecordConsent(ctx, answered(p, abroad, forConsular, person)))(t, fault.TransitionNotAllowed)
	refused(tell(shelter, jisrv1.Victim_builder{Name: p.First, Health: jisrv1.VictimHealth_builder{Text: "later"}.Build()}.Build(), "health"))(t, fault.ClassNotWritable)
	if got(getVictim(consular(p), p.First))(t).HasIdentity() {
		t.Error("foreign affairs reads the name on the word of a shelter that is out")
	}
}

func TestWhoWasMerelyToldWithdrawsNobodysConsent(t *testing.T) {
	p := baghdad(t)
	consent := p.Consent(jisrtest.Police, jisrv1.Role_ROLE_SOCIAL_AFFAIRS, assisting, jisrv1.DataClass_DATA_CLASS_VICTIM_PROFILE)
	r := p.Refer(jisrv1.Referral_KIND_PSYCHOSOCIAL, jisrtest.Shelter)
	got(accept(p.As(jisrtest.Shelter), r.GetName()))(t)
	p.Notify(jisrtest.NGO)
	refused(withdraw(p.As(jisrtest.NGO), consent.GetName()))(t, fault.TransitionNotAllowed)
	if state := got(getReferral(p.As(jisrtest.Shelter), r.GetName()))(t).GetState(); state != jisrv1.Referral_STATE_ACCEPTED {
		t.Errorf("an organisation that was merely told ended another's care: %s", state)
	}
	got(withdraw(policeOf(p), consent.GetName()))(t)
	if state := got(getReferral(p.As(jisrtest.Shelter), r.GetName()))(t).GetState(); state == jisrv1.Referral_STATE_ACCEPTED {
		t.Error("a withdrawal ends nothing, so that a forged one would not either")
	}
}

// A court tries what was referred to it (Code of Criminal Procedure, article
// 130); until then the investigating judge alone decides.
func TestATrialCourtDecidesNothingBeforeTheCaseIsReferredToIt(t *testing.T) {
	p := baghdad(t)
	court, desk := p.As("sjc-rusafa-felony/court"), p.As(asayish)
	open := orderIn(p, jisrv1.Order_KIND_DISCLOSE, p.First)
	open.GetOrder().SetAddressees([]string{desk.Agency})
	open.GetOrder().SetDataClasses([]jisrv1.DataClass{identity})
	undecided := func() {
		t.Helper()
		refused(court.IssueOrder(ctx, open))(t, fault.TransitionNotAllowed)
		refused(court.IssueOrder(ctx, orderIn(p, jisrv1.Order_KIND_NO_CONTACT, p.First)))(t, fault.TransitionNotAllowed)
		refused(getVictim(desk, p.First))(t, fault.NotFound)
	}
	advance := func(to jisrv1.Case_State) {
		t.Helper()
		got(judgeOf(p).AdvanceCase(ctx, jisrv1.AdvanceCaseRequest_builder{Name: p.Case, State: to}.Build()))(t)
	}
	undecided()
	p.Notify(jisrtest.Prosecutor)
	undecided()
	advance(jisrv1.Case_STATE_UNDER_INVESTIGATION)
	undecided()
	advance(jisrv1.Case_STATE_REFERRED_TO_TRIAL)
	got(court.IssueOrder(ctx, open))(t)
	if !got(getVictim(desk, p.First))(t).HasIdentity() {
		t.Error("the court of the trial opens nothing")
	}
}
