package jisrtest_test

import (
	"testing"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/jisrtest"
)

// A question is no care: whoever was asked something about a person has not
// sat with the person, speaks for nobody and passes nobody on.
func TestWhoAnswersAQuestionTakesNoConsentAndPassesNobodyOn(t *testing.T) {
	p := baghdad(t)
	p.Notify(jisrtest.NGO, jisrtest.Foreign)
	ngo := p.As(jisrtest.NGO)
	r := p.Refer(jisrv1.Referral_KIND_INFORMATION_REQUEST, jisrtest.NGO)
	got(accept(ngo, r.GetName()))(t)
	person := jisrv1.ConsentRecord_GIVEN_BY_PERSON
	refused(ngo.RecordConsent(ctx, answered(p, ngoRole, assisting, person)))(t, fault.TransitionNotAllowed)
	refused(ngo.RecordConsent(ctx, answered(p, abroad, forConsular, person)))(t, fault.TransitionNotAllowed)
	if v := got(getVictim(p.AsFor(jisrtest.NGO, ngoRole, assisting), p.First))(t); v.HasIdentity() {
		t.Error("whoever was asked a question reads the name on its own word")
	}
	if got(getVictim(consular(p), p.First))(t).HasIdentity() {
		t.Error("foreign affairs reads the name on the word of who was asked a question")
	}
	taken := got(policeOf(p).RecordConsent(ctx, answered(p, abroad, forConsular, person)))(t)
	refused(withdraw(ngo, taken.GetName()))(t, fault.TransitionNotAllowed)
	draft := draftOf(p, jisrv1.Referral_KIND_CHILD_PROTECTION, "agencies/ngo-shelter-erbil")
	refused(ngo.CreateReferral(ctx, draft))(t, fault.TransitionNotAllowed)
	refused(getVictim(p.As(shelterOfErbil), p.First))(t, fault.NotFound)
	// Who cares does both.
	care := p.Refer(jisrv1.Referral_KIND_INTERPRETER, jisrtest.NGO)
	got(accept(ngo, care.GetName()))(t)
	got(ngo.RecordConsent(ctx, answered(p, ngoRole, assisting, person)))(t)
	got(send(ngo, got(ngo.CreateReferral(ctx, draft))(t)))(t)
}
