package jisrtest_test

import (
	"slices"
	"testing"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/jisrtest"
)

const (
	shelterOfErbil = "ngo-shelter-erbil/desk"
	narrative      = jisrv1.DataClass_DATA_CLASS_CASE_NARRATIVE
)

func send(c *jisrtest.Client, r *jisrv1.Referral) (*jisrv1.Referral, error) {
	return c.SendReferral(ctx, jisrv1.SendReferralRequest_builder{Name: r.GetName()}.Build())
}

// To be told of a person is not to answer for the person.
func TestWhoWasMerelyToldPassesNobodyOn(t *testing.T) {
	p := baghdad(t)
	p.Notify(jisrtest.Foreign, "kri-dcvaw/desk", jisrtest.Health)
	ngo := p.As(jisrtest.NGO)
	draft := draftOf(p, jisrv1.Referral_KIND_CHILD_PROTECTION, ngo.Agency)
	draft.GetReferral().ClearRequest()
	for _, who := range []string{jisrtest.Foreign, "kri-dcvaw/desk", jisrtest.Health} {
		got(getVictim(p.As(who), p.First))(t)
		refused(p.As(who).CreateReferral(ctx, draft))(t, fault.TransitionNotAllowed)
	}
	refused(getVictim(ngo, p.First))(t, fault.NotFound)
	// Who answers for the case passes on, and so does who cares. Whoever was only
	// asked to care, and has not accepted, does not.
	r := got(policeOf(p).CreateReferral(ctx, draft))(t)
	got(send(policeOf(p), r))(t)
	if !got(getVictim(ngo, p.First))(t).HasRisk() {
		t.Error("the organisation does not learn against what it protects")
	}
	draft.GetReferral().SetReceiver("agencies/ngo-shelter-erbil")
	refused(ngo.CreateReferral(ctx, draft))(t, fault.TransitionNotAllowed)
	got(accept(ngo, r.GetName()))(t)
	next := got(ngo.CreateReferral(ctx, draft))(t)
	got(send(ngo, next))(t)
	got(getVictim(p.As(shelterOfErbil), p.First))(t)
}

func TestADraftIsNotSentAfterItsSendersOwnLinkEnded(t *testing.T) {
	p := baghdad(t)
	care := placed(t, p)
	shelter := p.As(jisrtest.Shelter)
	inTime := got(shelter.CreateReferral(ctx, draftOf(p, jisrv1.Referral_KIND_CHILD_PROTECTION, "agencies/ngo-shelter-erbil")))(t)
	held := got(shelter.CreateReferral(ctx, draftOf(p, jisrv1.Referral_KIND_CHILD_PROTECTION, "agencies/iom")))(t)
	got(send(shelter, inTime))(t)
	got(getVictim(p.As(shelterOfErbil), p.First))(t)
	got(shelter.CompleteReferral(ctx, jisrv1.CompleteReferralRequest_builder{Name: care.GetName(), Reason: jisrv1.Referral_END_REASON_NEED_MET}.Build()))(t)
	if _, err := send(shelter, held); err == nil {
		t.Error("a draft that was kept back let somebody in after its sender was out")
	}
	refused(getVictim(p.As(jisrtest.NGO), p.First))(t, fault.NotFound)
	refused(getVictim(shelter, p.First))(t, fault.NotFound)
	if _, err := shelter.CreateReferral(ctx, draftOf(p, jisrv1.Referral_KIND_CHILD_PROTECTION, "agencies/iom")); err == nil {
		t.Error("a shelter that is out drafts a referral")
	}
}

// Nobody gives what it has not: a shelter cannot have the police of another
// region told the account that it may not read itself.
func TestAReferralOpensNoMoreThanItsSenderReads(t *testing.T) {
	p := baghdad(t)
	placed(t, p)
	shelter, erbil := p.As(jisrtest.Shelter), p.As(jisrtest.Erbil)
	draft := draftOf(p, jisrv1.Referral_KIND_INVESTIGATION_ASSISTANCE, erbil.Agency)
	draft.GetReferral().SetScope([]jisrv1.DataClass{narrative})
	refused(shelter.CreateReferral(ctx, draft))(t, fault.InvalidRequest)
	draft.GetReferral().SetScope(nil)
	r := got(shelter.CreateReferral(ctx, draft))(t)
	if slices.Contains(r.GetScope(), narrative) || !slices.Contains(r.GetScope(), identity) {
		t.Errorf("the scope of the shelter's referral is %v", r.GetScope())
	}
	wider := jisrv1.Referral_builder{Name: r.GetName(), Scope: []jisrv1.DataClass{narrative}}.Build()
	refused(shelter.UpdateReferral(ctx, jisrv1.UpdateReferralRequest_builder{Referral: wider, UpdateMask: mask("scope")}.Build()))(t, fault.InvalidRequest)
	got(send(shelter, r))(t)
	if got(getCase(erbil, p.Case))(t).HasNarrative() {
		t.Error("the shelter's referral opened the account")
	}
	if !got(getVictim(erbil, p.First))(t).HasIdentity() {
		t.Error("the shelter's referral opens nothing at all")
	}
	// The police, who answer for the case, do open it.
	p.Refer(jisrv1.Referral_KIND_INVESTIGATION_ASSISTANCE, jisrtest.Erbil)
	if !got(getCase(erbil, p.Case))(t).HasNarrative() {
		t.Error("there is no account that could have been opened")
	}
}

func TestADraftIsNotSentWiderThanItsSenderStillReads(t *testing.T) {
	p := baghdad(t)
	placed(t, p)
	shelter := p.As(jisrtest.Shelter)
	assigned := p.Order(jisrv1.Order_KIND_ASSIGN, p.Case, func(o *jisrv1.Order) { o.SetAddressees([]string{shelter.Agency}) })
	inTime := got(shelter.CreateReferral(ctx, draftOf(p, jisrv1.Referral_KIND_INVESTIGATION_ASSISTANCE, "agencies/kri-dcoc")))(t)
	held := got(shelter.CreateReferral(ctx, draftOf(p, jisrv1.Referral_KIND_INVESTIGATION_ASSISTANCE, "agencies/kri-dcoc")))(t)
	if !slices.Contains(held.GetScope(), narrative) {
		t.Fatalf("the draft is no wider than the shelter reads: %v", held.GetScope())
	}
	sent := got(send(shelter, inTime))(t)
	got(shelter.WithdrawReferral(ctx, jisrv1.WithdrawReferralRequest_builder{Name: sent.GetName(), Reason: jisrv1.Referral_END_REASON_NOT_NEEDED}.Build()))(t)
	got(judgeOf(p).RevokeOrder(ctx, jisrv1.RevokeOrderRequest_builder{Name: assigned.GetName()}.Build()))(t)
	refused(send(shelter, held))(t, fault.InvalidRequest)
	refused(getCase(p.As(jisrtest.Erbil), p.Case))(t, fault.NotFound)
}

// A notification is a knock: whoever is merely told reads the bare facts,
// whatever the subject, and never where somebody is, at what risk and who.
func TestABareNotificationOpensNeitherPlaceNorRiskNorName(t *testing.T) {
	p := baghdad(t)
	housed(t, p)
	told := []string{jisrtest.NGO, "kri-dcvaw/desk", jisrtest.Shelter, jisrtest.Erbil, jisrtest.Foreign, jisrtest.Health, "moi-residency/desk"}
	subjects := 0
	for n := range jisrv1.Notification_Subject_name {
		subject := jisrv1.Notification_Subject(n)
		if subject == jisrv1.Notification_SUBJECT_UNSPECIFIED || subject == jisrv1.Notification_SUBJECT_REFERRAL {
			continue
		}
		knock := jisrv1.Notification_builder{Case: p.Case, Victims: []string{p.First}, Subject: subject}.Build()
		for _, who := range told {
			knock.SetReceivers(append(knock.GetReceivers(), p.As(who).Agency))
		}
		got(policeOf(p).SendNotification(ctx, jisrv1.SendNotificationRequest_builder{Notification: knock}.Build()))(t)
		subjects++
		for _, who := range told {
			bare(t, who, got(getVictim(p.As(who), p.First))(t))
		}
	}
	if subjects < 6 {
		t.Errorf("only %d subjects were tried", subjects)
	}
	if !got(getVictim(p.As(jisrtest.Foreign), p.First))(t).HasNationality() || !got(getCase(p.As(jisrtest.NGO), p.Case))(t).HasCore() {
		t.Error("the notification opened nothing at all")
	}
	// Who is asked to care reads it all.
	placed(t, p)
	if v := got(getVictim(p.As(jisrtest.Shelter), p.First))(t); !v.HasLocation() || !v.HasRisk() || !v.HasIdentity() || !v.HasAlias() {
		t.Error("there is neither place nor risk nor name that could have been read")
	}
}

func bare(t testing.TB, who string, v *jisrv1.Victim) {
	t.Helper()
	if v.HasLocation() || v.HasDistrict() || v.HasLiaison() || v.HasRisk() || v.HasIdentity() || v.HasAlias() || v.HasDocuments() || v.HasHealth() || v.HasScreening() {
		t.Errorf("%s, merely told, reads %v", who, v)
	}
}
