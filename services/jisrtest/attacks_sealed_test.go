package jisrtest_test

import (
	"bytes"
	"slices"
	"testing"

	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/jisrtest"
)

// endangered lets an agency tell whom the suspect endangers.
func endangered(c *jisrtest.Client, p *jisrtest.Play, victims ...string) (*jisrv1.Suspect, error) {
	return c.UpdateSuspect(ctx, jisrv1.UpdateSuspectRequest_builder{
		Suspect: jisrv1.Suspect_builder{Name: p.Suspect, Endangers: victims}.Build(), UpdateMask: mask("endangers"),
	}.Build())
}

// alerted lets an agency tell what the suspect looks like.
func alerted(c *jisrtest.Client, p *jisrtest.Play) (*jisrv1.Suspect, error) {
	return c.UpdateSuspect(ctx, jisrv1.UpdateSuspectRequest_builder{
		Suspect: jisrv1.Suspect_builder{Name: p.Suspect, Alert: jisrv1.SuspectAlert_builder{Likeness: "tall, no coat"}.Build()}.Build(), UpdateMask: mask("alert"),
	}.Build())
}

func getSuspect(c *jisrtest.Client, p *jisrtest.Play) (*jisrv1.Suspect, error) {
	return c.GetSuspect(ctx, jisrv1.GetSuspectRequest_builder{Name: p.Suspect}.Build())
}

func sealed(p *jisrtest.Play, victim string) {
	p.Order(jisrv1.Order_KIND_SEAL, victim, func(o *jisrv1.Order) {
		o.SetSeal(jisrv1.SealReason_builder{Text: "the accused has friends in the office"}.Build())
	})
}

// The police of Erbil know of the second victim. Were they to write the list of
// the endangered anew, the first victim's shelter would lose its safety alert.
func TestWhoDoesNotReadWhomASuspectEndangersDoesNotOverwriteIt(t *testing.T) {
	p := baghdad(t)
	police, erbil, shelter := policeOf(p), p.As(jisrtest.Erbil), p.As(jisrtest.Shelter)
	got(endangered(police, p, p.First, p.Second))(t)
	placed(t, p)
	share(t, p, jisrv1.Share_builder{Agency: erbil.Agency, Victims: []string{p.Second}}.Build())
	if seen := got(getSuspect(erbil, p))(t); len(seen.GetEndangers()) > 0 {
		t.Errorf("who knows of one victim learns of another: %v", seen.GetEndangers())
	}
	refused(endangered(erbil, p, p.Second))(t, fault.ClassNotWritable)
	refused(endangered(erbil, p))(t, fault.ClassNotWritable)
	if !got(getSuspect(shelter, p))(t).HasAlert() {
		t.Error("the shelter lost its safety alert")
	}
	// The police, whose list it is, may change it, and the alert goes with it.
	got(endangered(police, p, p.Second))(t)
	refused(getSuspect(shelter, p))(t, fault.NotFound)
}

func TestAnUpdateOfAnAlertSaysNothingOfASealedVictim(t *testing.T) {
	p := baghdad(t)
	police, erbil := policeOf(p), p.As(jisrtest.Erbil)
	got(endangered(police, p, p.First, p.Second))(t)
	share(t, p, jisrv1.Share_builder{Agency: erbil.Agency, Victims: []string{p.Second}}.Build())
	sealed(p, p.First)
	refused(getVictim(police, p.First))(t, fault.NotFound)
	got(alerted(police, p))(t)
	reply, err := proto.Marshal(got(alerted(erbil, p))(t))
	if err != nil || bytes.Contains(reply, []byte(p.First)) {
		t.Errorf("the reply names the sealed victim (%v)", err)
	}
	// Named, the sealed victim is refused as one that never was.
	absent := p.First[:len(p.First)-8] + "aaaaaaaa"
	_, hidden := endangered(police, p, p.First)
	_, never := endangered(police, p, absent)
	jisrtest.Refused(t, hidden, fault.InvalidRequest)
	if !proto.Equal(status.Convert(hidden).Proto(), status.Convert(never).Proto()) {
		t.Errorf("sealed: %v; never there: %v", hidden, never)
	}
	p.Order(jisrv1.Order_KIND_UNSEAL, p.First, nil)
	got(endangered(police, p, p.First))(t)
}

func TestAVictimWhomTheJudgeAddsUnderSealIsNotLearnedByTheSuspect(t *testing.T) {
	p := baghdad(t)
	police, judge := policeOf(p), judgeOf(p)
	if seen := got(getSuspect(police, p))(t); !slices.Equal(seen.GetEndangers(), []string{p.First}) {
		t.Fatalf("the police do not read whom they told of: %v", seen.GetEndangers())
	}
	third := got(judge.CreateVictim(ctx, jisrv1.CreateVictimRequest_builder{Parent: p.Case, Victim: jisrtest.Person(1)}.Build()))(t)
	sealed(p, third.GetName())
	got(endangered(judge, p, p.First, third.GetName()))(t)
	reply, err := proto.Marshal(got(getSuspect(police, p))(t))
	if err != nil || bytes.Contains(reply, []byte(third.GetName())) {
		t.Errorf("the suspect's record names the sealed victim (%v)", err)
	}
	refused(endangered(police, p, p.First))(t, fault.ClassNotWritable)
	if seen := got(getSuspect(judge, p))(t); !slices.Contains(seen.GetEndangers(), third.GetName()) {
		t.Errorf("the judge reads %v: there is nothing that could have been learned", seen.GetEndangers())
	}
}

// A receipt would tell the sender that somebody still knows of the person.
func TestADeliveryAboutASealedVictimIsNotAcknowledged(t *testing.T) {
	p := baghdad(t)
	police, mofa := policeOf(p), p.As(jisrtest.Foreign)
	knock := jisrv1.SendNotificationRequest_builder{Notification: jisrv1.Notification_builder{
		Case: p.Case, Victims: []string{p.First}, Subject: jisrv1.Notification_SUBJECT_UPDATE, Receivers: []string{mofa.Agency},
	}.Build()}.Build()
	got(police.SendNotification(ctx, knock))(t)
	leased := pull(t, mofa)
	if len(leased) != 1 {
		t.Fatalf("%d deliveries were leased", len(leased))
	}
	delivery := leased[0].GetDelivery().GetName()
	sealed(p, p.First)
	refused(acknowledge(mofa, delivery))(t, fault.NotFound)
	refused(police.SendNotification(ctx, knock))(t, fault.InvalidRequest)
	p.Order(jisrv1.Order_KIND_UNSEAL, p.First, nil)
	got(acknowledge(mofa, delivery))(t)
	got(police.SendNotification(ctx, knock))(t)
}
