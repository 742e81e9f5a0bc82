package jisrtest_test

import (
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
