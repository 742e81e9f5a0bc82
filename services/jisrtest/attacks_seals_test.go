package jisrtest_test

import (
	"slices"
	"testing"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/jisrtest"
)

// Who knew of a matter through one person alone knows of none of it once the
// person is sealed: a case that stayed behind would say that there was somebody.
func TestWhoKnewOfAMatterThroughASealedPersonKnowsOfNothingInIt(t *testing.T) {
	p := baghdad(t)
	placed(t, p)
	shelter, erbil, mofa := p.As(jisrtest.Shelter), p.As(jisrtest.Erbil), p.As(jisrtest.Foreign)
	share(t, p, jisrv1.Share_builder{Agency: erbil.Agency, Victims: []string{p.First}}.Build())
	knock := jisrv1.Notification_builder{Case: p.Case, Victims: []string{p.First}, Subject: jisrv1.Notification_SUBJECT_UPDATE, Receivers: []string{mofa.Agency}}.Build()
	got(policeOf(p).SendNotification(ctx, jisrv1.SendNotificationRequest_builder{Notification: knock}.Build()))(t)
	everyone := []*jisrtest.Client{shelter, erbil, mofa}
	for _, c := range everyone {
		got(getCase(c, p.Case))(t)
	}
	got(getSuspect(shelter, p))(t)
	sealed(p, p.First)
	for _, c := range everyone {
		refused(getVictim(c, p.First))(t, fault.NotFound)
		refused(getCase(c, p.Case))(t, fault.NotFound)
		if n := len(got(c.ListCases(ctx, &jisrv1.ListCasesRequest{}))(t).GetCases()); n > 0 {
			t.Errorf("%s lists %d cases", c.Agency, n)
		}
		if _, err := recvFile(c, p.Case); jisrtest.Reason(err) != fault.NotFound {
			t.Errorf("%s reads a case file: %v", c.Agency, err)
		}
	}
	for _, c := range []*jisrtest.Client{shelter, erbil} {
		refused(getSuspect(c, p))(t, fault.NotFound)
	}
	// Nor of a suspect who comes to endanger the person under the seal.
	added := got(judgeOf(p).CreateSuspect(ctx, jisrv1.CreateSuspectRequest_builder{Parent: p.Case, Suspect: jisrv1.Suspect_builder{
		Endangers: []string{p.First}, Alert: jisrv1.SuspectAlert_builder{Likeness: "short, red scarf"}.Build(),
	}.Build()}.Build()))(t)
	for _, c := range []*jisrtest.Client{shelter, erbil} {
		if n := len(got(c.ListSuspects(ctx, jisrv1.ListSuspectsRequest_builder{Parent: "cases/-"}.Build()))(t).GetSuspects()); n > 0 {
			t.Errorf("%s lists %d suspects", c.Agency, n)
		}
	}
	// Whoever knows of another person in the matter, or of all of it, still does.
	got(getCase(policeOf(p), p.Case))(t)
	got(getSuspect(policeOf(p), p))(t)
	p.Order(jisrv1.Order_KIND_UNSEAL, p.First, nil)
	for _, c := range everyone {
		got(getVictim(c, p.First))(t)
		got(getCase(c, p.Case))(t)
	}
	for _, name := range []string{p.Suspect, added.GetName()} {
		got(shelter.GetSuspect(ctx, jisrv1.GetSuspectRequest_builder{Name: name}.Build()))(t)
	}
}

// namely seals for the named agencies and the judge alone.
func namely(p *jisrtest.Play, target string, agencies ...string) *jisrv1.Order {
	return p.Order(jisrv1.Order_KIND_SEAL, target, func(o *jisrv1.Order) {
		o.SetAddressees(agencies)
		o.SetSeal(jisrv1.SealReason_builder{Text: "the accused has friends in the office"}.Build())
	})
}

func TestANewSealTakesThePlaceOfTheOneInForce(t *testing.T) {
	for _, whole := range []bool{false, true} {
		p := baghdad(t)
		placed(t, p)
		police, prosecutor, shelter, judge := policeOf(p), p.As(jisrtest.Prosecutor), p.As(jisrtest.Shelter), judgeOf(p)
		target := p.First
		if whole {
			target = p.Case
		}
		reads := func(when string, may ...*jisrtest.Client) {
			t.Helper()
			for _, c := range []*jisrtest.Client{police, prosecutor, shelter, judge} {
				_, err := getVictim(c, p.First)
				if slices.Contains(may, c) != (err == nil) {
					t.Errorf("%s, of %s, %s reads: %v", when, target, c.Agency, err)
				}
			}
		}
		state := func(o *jisrv1.Order) jisrv1.Order_State {
			t.Helper()
			return got(judge.GetOrder(ctx, jisrv1.GetOrderRequest_builder{Name: o.GetName()}.Build()))(t).GetState()
		}
		first := namely(p, target, prosecutor.Agency, judge.Agency)
		reads("under the first seal", prosecutor, judge)
		second := namely(p, target, police.Agency, shelter.Agency)
		reads("under the second seal", police, shelter, judge)
		if state(first) != jisrv1.Order_STATE_REVOKED || state(second) != jisrv1.Order_STATE_IN_FORCE {
			t.Errorf("the first order is %s, the second %s", state(first), state(second))
		}
		for _, o := range []*jisrv1.Order{first, second} {
			refused(prosecutor.GetOrder(ctx, jisrv1.GetOrderRequest_builder{Name: o.GetName()}.Build()))(t, fault.NotFound)
		}
		p.Order(jisrv1.Order_KIND_UNSEAL, target, nil)
		reads("after all", police, prosecutor, shelter, judge)
		if state(second) != jisrv1.Order_STATE_REVOKED {
			t.Errorf("the second order is %s", state(second))
		}
	}
}

// What is sent under a seal to who is not named would reach nobody, and the judge
// would believe that help is on its way.
func TestUnderASealNothingIsSentToWhoIsNotNamed(t *testing.T) {
	p := baghdad(t)
	judge, police, desk := judgeOf(p), policeOf(p), p.As(asayish)
	got(judge.IssueOrder(ctx, orderIn(p, jisrv1.Order_KIND_SHELTER, p.First)))(t)
	draft := got(judge.CreateReferral(ctx, draftOf(p, jisrv1.Referral_KIND_SHELTER_PLACEMENT, "agencies/molsa")))(t)
	about := func(kind jisrv1.Order_Kind, target string) *jisrv1.IssueOrderRequest {
		o := orderIn(p, kind, target)
		o.GetOrder().SetAddressees([]string{desk.Agency})
		if kind == jisrv1.Order_KIND_DISCLOSE {
			o.GetOrder().SetDataClasses([]jisrv1.DataClass{identity})
		}
		return o
	}
	knock := func(victims ...string) *jisrv1.SendNotificationRequest {
		return jisrv1.SendNotificationRequest_builder{Notification: jisrv1.Notification_builder{
			Case: p.Case, Victims: victims, Subject: jisrv1.Notification_SUBJECT_UPDATE, Receivers: []string{desk.Agency},
		}.Build()}.Build()
	}
	given := func(victims ...string) *jisrv1.ShareCaseRequest {
		return jisrv1.ShareCaseRequest_builder{Parent: p.Case, Share: jisrv1.Share_builder{Agency: desk.Agency, Victims: victims}.Build()}.Build()
	}
	closed := func(victims ...string) {
		t.Helper()
		refused(send(judge, draft))(t, fault.TransitionNotAllowed)
		refused(judge.IssueOrder(ctx, about(jisrv1.Order_KIND_DISCLOSE, p.First)))(t, fault.TransitionNotAllowed)
		refused(judge.IssueOrder(ctx, about(jisrv1.Order_KIND_NO_CONTACT, p.First)))(t, fault.TransitionNotAllowed)
		refused(judge.SendNotification(ctx, knock(victims...)))(t, fault.TransitionNotAllowed)
		refused(police.ShareCase(ctx, given(victims...)))(t, fault.TransitionNotAllowed)
	}
	namely(p, p.First, police.Agency)
	closed(p.First)
	closed(p.Second, p.First)
	// Of the person who is not sealed, and of the case beside the one who is, all may be told.
	got(judge.SendNotification(ctx, knock(p.Second)))(t)
	got(judge.SendNotification(ctx, knock()))(t)
	got(police.ShareCase(ctx, given()))(t)
	got(judge.IssueOrder(ctx, about(jisrv1.Order_KIND_ASSIGN, p.Case)))(t)
	// To whom the seal does not name, it is as if the person had never been.
	namely(p, p.First, "agencies/molsa", desk.Agency)
	refused(police.ShareCase(ctx, given(p.First)))(t, fault.InvalidRequest)
	// Named in a new seal, everything reaches them.
	got(send(judge, draft))(t)
	got(getReferral(p.As(jisrtest.Shelter), draft.GetName()))(t)
	got(judge.IssueOrder(ctx, about(jisrv1.Order_KIND_DISCLOSE, p.First)))(t)
	got(judge.SendNotification(ctx, knock(p.First)))(t)
	if !got(getVictim(desk, p.First))(t).HasIdentity() {
		t.Error("what was sent under the seal reaches nobody")
	}
	// A seal of the whole case closes it beside every seal of a person.
	p.Order(jisrv1.Order_KIND_UNSEAL, p.First, nil)
	draft = got(judge.CreateReferral(ctx, draftOf(p, jisrv1.Referral_KIND_SHELTER_PLACEMENT, "agencies/molsa")))(t)
	namely(p, p.Case, police.Agency)
	closed()
	closed(p.Second)
	refused(judge.IssueOrder(ctx, about(jisrv1.Order_KIND_ASSIGN, p.Case)))(t, fault.TransitionNotAllowed)
	person := about(jisrv1.Order_KIND_SEAL, p.First)
	person.GetOrder().SetSeal(jisrv1.SealReason_builder{Text: "the accused has friends in the office"}.Build())
	refused(judge.IssueOrder(ctx, person))(t, fault.TransitionNotAllowed)
}

// A knock about two persons who are both sealed is about nobody.
func TestANotificationAboutSealedPersonsAloneIsSealed(t *testing.T) {
	p := baghdad(t)
	ngo := p.As(jisrtest.NGO)
	n := p.Notify(jisrtest.NGO)
	delivery := pull(t, ngo)[0].GetDelivery().GetName()
	sealed(p, p.First)
	got(ngo.GetNotification(ctx, jisrv1.GetNotificationRequest_builder{Name: n.GetName()}.Build()))(t)
	sealed(p, p.Second)
	refused(ngo.GetNotification(ctx, jisrv1.GetNotificationRequest_builder{Name: n.GetName()}.Build()))(t, fault.NotFound)
	refused(acknowledge(ngo, delivery))(t, fault.NotFound)
	if n := len(got(ngo.ListNotifications(ctx, &jisrv1.ListNotificationsRequest{}))(t).GetNotifications()); n > 0 {
		t.Errorf("%d notifications are listed", n)
	}
	p.Order(jisrv1.Order_KIND_UNSEAL, p.Second, nil)
	got(acknowledge(ngo, delivery))(t)
}

// The judge tells the prosecutor of a person whom the police do not know of. Did
// the case move by it, the police would ask themselves who was told of what.
func TestWhatIsToldOfASealedPersonDoesNotMoveTheCase(t *testing.T) {
	p := baghdad(t)
	police, judge, prosecutor := policeOf(p), judgeOf(p), p.As(jisrtest.Prosecutor)
	third := got(judge.CreateVictim(ctx, jisrv1.CreateVictimRequest_builder{Parent: p.Case, Victim: jisrtest.Person(1)}.Build()))(t).GetName()
	p.Order(jisrv1.Order_KIND_SEAL, third, func(o *jisrv1.Order) {
		o.SetAddressees([]string{prosecutor.Agency})
		o.SetSeal(jisrv1.SealReason_builder{Text: "the accused has friends in the office"}.Build())
	})
	tellOf := func(victim string) {
		t.Helper()
		got(judge.SendNotification(ctx, jisrv1.SendNotificationRequest_builder{Notification: jisrv1.Notification_builder{
			Case: p.Case, Victims: []string{victim}, Subject: jisrv1.Notification_SUBJECT_UPDATE, Receivers: []string{prosecutor.Agency},
		}.Build()}.Build()))(t)
	}
	receive := func() {
		t.Helper()
		got(acknowledge(prosecutor, pull(t, prosecutor)[0].GetDelivery().GetName()))(t)
	}
	before := got(getCase(police, p.Case))(t)
	tellOf(third)
	if now := got(getCase(police, p.Case))(t); now.GetEtag() != before.GetEtag() {
		t.Errorf("the case moved from %s to %s", before.GetState(), now.GetState())
	}
	p.Notify(jisrtest.Foreign)
	before = got(getCase(police, p.Case))(t)
	receive()
	if now := got(getCase(police, p.Case))(t); now.GetEtag() != before.GetEtag() {
		t.Errorf("the case moved from %s to %s", before.GetState(), now.GetState())
	}
	tellOf(p.First)
	receive()
	if now := got(getCase(police, p.Case))(t); now.GetState() != jisrv1.Case_STATE_ACKNOWLEDGED {
		t.Errorf("what is told of a person whom the police know leaves the case %s", now.GetState())
	}
}
