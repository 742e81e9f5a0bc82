package jisrtest_test

import (
	"sync"
	"testing"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/jisrtest"
)

// placed is a first victim whom a judge's order and a referral brought to the shelter.
func placed(t testing.TB, p *jisrtest.Play) *jisrv1.Referral {
	t.Helper()
	p.Order(jisrv1.Order_KIND_SHELTER, p.First, nil)
	r := p.Refer(jisrv1.Referral_KIND_SHELTER_PLACEMENT, jisrtest.Shelter)
	return got(accept(p.As(jisrtest.Shelter), r.GetName()))(t)
}

func TestShelterReadsWhomItCaresForAndNobodyElse(t *testing.T) {
	p := baghdad(t)
	housed(t, p)
	shelter := p.As(jisrtest.Shelter)
	refused(getVictim(shelter, p.First))(t, fault.NotFound)
	placed(t, p)
	v := got(getVictim(shelter, p.First))(t)
	if !v.HasIdentity() || !v.HasLocation() || !v.HasRisk() {
		t.Error("the shelter does not know whom it cares for, where and against what")
	}
	refused(getVictim(shelter, p.Second))(t, fault.NotFound)
	c := got(getCase(shelter, p.Case))(t)
	if c.HasNarrative() || c.HasPlan() || c.HasSources() || len(c.GetLegalBases()) > 0 {
		t.Error("the shelter reads charges, methods or the investigation")
	}
	if !c.HasCore() {
		t.Error("the shelter does not learn the form of exploitation")
	}
}

func TestShelterThatDeclinesAfterAcceptanceIsOutAndTheSenderRefersAgain(t *testing.T) {
	p := baghdad(t)
	r := placed(t, p)
	shelter := p.As(jisrtest.Shelter)
	got(shelter.RejectReferral(ctx, jisrv1.RejectReferralRequest_builder{
		Name: r.GetName(), Reason: jisrv1.Referral_END_REASON_NO_CAPACITY,
		Outcome: jisrv1.ReferralOutcome_builder{Text: "all fifty beds are taken"}.Build(),
	}.Build()))(t)
	refused(getVictim(shelter, p.First))(t, fault.NotFound)
	refused(getCase(shelter, p.Case))(t, fault.NotFound)
	told := got(getReferral(p.As(jisrtest.Police), r.GetName()))(t)
	if told.GetState() != jisrv1.Referral_STATE_REJECTED || told.GetEndReason() != jisrv1.Referral_END_REASON_NO_CAPACITY || told.GetOutcome().GetText() == "" {
		t.Errorf("the sender does not learn why: %v", told)
	}
	// The order still stands, so that the next shelter can be asked at once.
	other := p.Refer(jisrv1.Referral_KIND_SHELTER_PLACEMENT, "kri-molsa/shelter")
	got(accept(p.As("kri-molsa/shelter"), other.GetName()))(t)
	if !got(getVictim(p.As("kri-molsa/shelter"), p.First))(t).HasIdentity() {
		t.Error("the second shelter does not know whom it cares for")
	}
	refused(getReferral(shelter, other.GetName()))(t, fault.NotFound)
}

func TestReaderAfterCompletionKeepsItsOwnEntriesAndTheReferralsEnd(t *testing.T) {
	p := baghdad(t)
	r := placed(t, p)
	shelter := p.As(jisrtest.Shelter)
	v := jisrtest.Person(0)
	v.SetName(p.First)
	v.SetHealth(jisrv1.VictimHealth_builder{Text: "what the counsellor wrote"}.Build())
	got(shelter.UpdateVictim(ctx, jisrv1.UpdateVictimRequest_builder{Victim: v, UpdateMask: mask("health")}.Build()))(t)
	got(shelter.CompleteReferral(ctx, jisrv1.CompleteReferralRequest_builder{Name: r.GetName(), Reason: jisrv1.Referral_END_REASON_NEED_MET}.Build()))(t)

	refused(getCase(shelter, p.Case))(t, fault.NotFound)
	_, err := recvFile(shelter, p.Case)
	jisrtest.Refused(t, err, fault.NotFound)
	own := got(getVictim(shelter, p.First))(t)
	if own.GetHealth().GetText() != "what the counsellor wrote" {
		t.Error("the counsellor cannot reread what it wrote")
	}
	if own.HasIdentity() || own.HasProfile() || own.HasLocation() || own.HasRisk() || own.HasDocuments() {
		t.Errorf("the shelter still reads the person: %v", own)
	}
	past := got(getReferral(shelter, r.GetName()))(t)
	if past.GetState() != jisrv1.Referral_STATE_COMPLETED || !past.HasEndTime() {
		t.Errorf("the receiver does not see that it ended, and when: %v", past)
	}
	list := got(shelter.ListReferrals(ctx, jisrv1.ListReferralsRequest_builder{Parent: "cases/-"}.Build()))(t)
	if len(list.GetReferrals()) != 1 {
		t.Errorf("the receiver lists %d of its one referral", len(list.GetReferrals()))
	}
}

func TestReceiverKnowsNothingOfADraft(t *testing.T) {
	p := baghdad(t)
	p.Order(jisrv1.Order_KIND_SHELTER, p.First, nil)
	draft := got(p.As(jisrtest.Police).CreateReferral(ctx, draftOf(p, jisrv1.Referral_KIND_SHELTER_PLACEMENT, "agencies/molsa")))(t)
	shelter := p.As(jisrtest.Shelter)
	refused(getReferral(shelter, draft.GetName()))(t, fault.NotFound)
	refused(accept(shelter, draft.GetName()))(t, fault.NotFound)
	refused(getVictim(shelter, p.First))(t, fault.NotFound)
}

func draftOf(p *jisrtest.Play, kind jisrv1.Referral_Kind, receiver string) *jisrv1.CreateReferralRequest {
	return jisrv1.CreateReferralRequest_builder{Parent: p.Case, Referral: jisrv1.Referral_builder{
		Kind: kind, Victim: p.First, Receiver: receiver, Request: jisrv1.ReferralRequest_builder{Text: "request text"}.Build(),
	}.Build()}.Build()
}

func TestShelterPlacementNeedsTheJudgesOrderForThatPerson(t *testing.T) {
	p := baghdad(t)
	police := p.As(jisrtest.Police)
	draft := got(police.CreateReferral(ctx, draftOf(p, jisrv1.Referral_KIND_SHELTER_PLACEMENT, "agencies/molsa")))(t)
	send := jisrv1.SendReferralRequest_builder{Name: draft.GetName()}.Build()
	refused(police.SendReferral(ctx, send))(t, fault.OrderRequired)
	p.Order(jisrv1.Order_KIND_SHELTER, p.Second, nil)
	refused(police.SendReferral(ctx, send))(t, fault.OrderRequired)
	order := p.Order(jisrv1.Order_KIND_SHELTER, p.First, nil)
	got(judgeOf(p).RevokeOrder(ctx, jisrv1.RevokeOrderRequest_builder{Name: order.GetName()}.Build()))(t)
	refused(police.SendReferral(ctx, send))(t, fault.OrderRequired)
	if state := got(getReferral(police, draft.GetName()))(t).GetState(); state != jisrv1.Referral_STATE_DRAFT {
		t.Errorf("what was refused changed the referral to %s", state)
	}
	p.Order(jisrv1.Order_KIND_SHELTER, p.First, nil)
	got(police.SendReferral(ctx, send))(t)
}

func TestConsentToOneBodyOrToHalfIsNoConsentToAnotherOrToTheWhole(t *testing.T) {
	p := baghdad(t)
	police := p.As(jisrtest.Police)
	const ngo, helping = jisrv1.Role_ROLE_NGO, jisrv1.Purpose_PURPOSE_ASSISTANCE
	p.Consent(jisrtest.Police, jisrv1.Role_ROLE_SOCIAL_AFFAIRS, helping, legalAid...)
	draft := got(police.CreateReferral(ctx, draftOf(p, jisrv1.Referral_KIND_LEGAL_AID, "agencies/iom")))(t)
	send := jisrv1.SendReferralRequest_builder{Name: draft.GetName()}.Build()
	refused(police.SendReferral(ctx, send))(t, fault.ConsentRequired)
	refused(getVictim(p.As(jisrtest.NGO), p.First))(t, fault.NotFound)
	// Half for one purpose and half for another is not the whole for either.
	p.Consent(jisrtest.Police, ngo, helping, legalAid[:3]...)
	p.Consent(jisrtest.Police, ngo, jisrv1.Purpose_PURPOSE_REINTEGRATION, legalAid[3:]...)
	refused(police.SendReferral(ctx, send))(t, fault.ConsentRequired)
	if state := got(getReferral(police, draft.GetName()))(t).GetState(); state != jisrv1.Referral_STATE_DRAFT {
		t.Errorf("what was refused changed the referral to %s", state)
	}
	p.Consent(jisrtest.Police, ngo, helping, legalAid[3:]...)
	got(police.SendReferral(ctx, send))(t)
}

func TestAChildIsReferredWithoutConsentAndFlaggedSo(t *testing.T) {
	p := baghdad(t)
	police := p.As(jisrtest.Police)
	basis := got(police.RecordConsent(ctx, jisrv1.RecordConsentRequest_builder{
		Parent: p.First, Answer: jisrv1.Consent_STATE_NOT_REQUIRED, Consent: jisrv1.Consent_builder{
			Purpose: jisrv1.Purpose_PURPOSE_ASSISTANCE, RecipientRole: jisrv1.Role_ROLE_NGO, LegalBasis: jisrv1.Consent_LEGAL_BASIS_CHILD,
			DataClasses: legalAid,
		}.Build(),
	}.Build()))(t)
	p.Refer(jisrv1.Referral_KIND_LEGAL_AID, jisrtest.NGO)
	c := got(police.GetConsent(ctx, jisrv1.GetConsentRequest_builder{Name: basis.GetName()}.Build()))(t)
	if c.GetState() != jisrv1.Consent_STATE_NOT_REQUIRED || c.GetLegalBasis() != jisrv1.Consent_LEGAL_BASIS_CHILD {
		t.Errorf("the referral is not flagged not_required(child): %v", c)
	}
}

func TestSenderTakesBackAtTheMomentOfAcceptanceAndOneOfTheTwoHolds(t *testing.T) {
	p := baghdad(t)
	police, shelter := p.As(jisrtest.Police), p.As(jisrtest.Shelter)
	p.Order(jisrv1.Order_KIND_SHELTER, p.First, nil)
	for range 8 {
		r := p.Refer(jisrv1.Referral_KIND_SHELTER_PLACEMENT, jisrtest.Shelter)
		var back, kept error
		var both sync.WaitGroup
		both.Go(func() {
			_, back = police.WithdrawReferral(ctx, jisrv1.WithdrawReferralRequest_builder{Name: r.GetName(), Reason: jisrv1.Referral_END_REASON_NOT_NEEDED}.Build())
		})
		both.Go(func() { _, kept = accept(shelter, r.GetName()) })
		both.Wait()
		if (back == nil) == (kept == nil) {
			t.Fatalf("taken back: %v; accepted: %v", back, kept)
		}
		want := jisrv1.Referral_STATE_ACCEPTED
		if back == nil {
			want = jisrv1.Referral_STATE_WITHDRAWN
			jisrtest.Refused(t, kept, fault.TransitionNotAllowed)
		} else {
			jisrtest.Refused(t, back, fault.TransitionNotAllowed)
		}
		for _, party := range []*jisrtest.Client{police, shelter} {
			if state := got(getReferral(party, r.GetName()))(t).GetState(); state != want {
				t.Errorf("%s sees %s, not %s", party.Agency, state, want)
			}
		}
	}
}

func TestOnlyThePartiesOfAReferralMoveIt(t *testing.T) {
	p := baghdad(t)
	p.Notify("iom/assistance")
	r := placed(t, p)
	end := jisrv1.CompleteReferralRequest_builder{Name: r.GetName(), Reason: jisrv1.Referral_END_REASON_NEED_MET}.Build()
	refused(p.As(jisrtest.NGO).CompleteReferral(ctx, end))(t, fault.NotFound)
	refused(p.As(jisrtest.Police).CompleteReferral(ctx, end))(t, fault.TransitionNotAllowed)
	refused(judgeOf(p).CompleteReferral(ctx, end))(t, fault.TransitionNotAllowed)
	got(p.As(jisrtest.Shelter).CompleteReferral(ctx, end))(t)
	refused(p.As(jisrtest.Shelter).CompleteReferral(ctx, end))(t, fault.TransitionNotAllowed)
}
