package jisrtest_test

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/jisrtest"
)

func pull(t testing.TB, c *jisrtest.Client) []*jisrv1.PulledDelivery {
	t.Helper()
	return got(c.PullDeliveries(ctx, jisrv1.PullDeliveriesRequest_builder{
		Parent: c.Agency, LeaseDuration: durationpb.New(time.Minute),
	}.Build()))(t).GetDeliveries()
}

func acknowledge(c *jisrtest.Client, names ...string) (*jisrv1.AcknowledgeDeliveriesResponse, error) {
	return c.AcknowledgeDeliveries(ctx, jisrv1.AcknowledgeDeliveriesRequest_builder{Parent: c.Agency, Names: names}.Build())
}

func TestDeliveriesComeOneByOneForACaseInOrderAndDenselyNumbered(t *testing.T) {
	p := baghdad(t)
	second := jisrtest.Opened(t, p.Exchange)
	var sent []string
	for range 3 {
		sent = append(sent, p.Notify(jisrtest.Shelter).GetName())
	}
	other := second.Notify(jisrtest.Shelter).GetName()
	p.Notify(jisrtest.Foreign) // numbers are each receiver's own
	shelter := p.As(jisrtest.Shelter)
	pullAll(t, shelter, [][]string{{sent[0], other}, {sent[1]}, {sent[2]}, {}})
}

// pullAll pulls, holds what came against what was to come, and acknowledges, round by round.
func pullAll(t testing.TB, c *jisrtest.Client, rounds [][]string) {
	t.Helper()
	number := int64(0)
	for _, want := range rounds {
		leased := pull(t, c)
		if len(leased) != len(want) {
			t.Fatalf("%d deliveries, not %d", len(leased), len(want))
		}
		if again := pull(t, c); len(again) != 0 {
			t.Fatalf("%d deliveries while one of each case is unacknowledged", len(again))
		}
		for i, d := range leased {
			number++
			if d.GetNotification().GetName() != want[i] || d.GetDelivery().GetNumber() != number {
				t.Errorf("delivery %d is number %d of %s, not of %s", number, d.GetDelivery().GetNumber(), d.GetNotification().GetName(), want[i])
			}
			got(acknowledge(c, d.GetDelivery().GetName()))(t)
		}
	}
}

func TestALeaseThatRanOutIsHandedOutAgain(t *testing.T) {
	s := newStage()
	p := jisrtest.Opened(t, s.start(t))
	p.Notify(jisrtest.Shelter)
	p.Notify(jisrtest.Shelter)
	shelter := p.As(jisrtest.Shelter)
	first := pull(t, shelter)[0].GetDelivery()
	s.pass(time.Minute - time.Microsecond)
	if n := len(pull(t, shelter)); n != 0 {
		t.Fatalf("%d deliveries under a lease", n)
	}
	s.pass(time.Microsecond)
	again := pull(t, shelter)
	if len(again) != 1 || again[0].GetDelivery().GetName() != first.GetName() {
		t.Fatalf("after the lease: %v", again)
	}
	if d := again[0].GetDelivery(); d.GetNumber() != first.GetNumber() || d.GetAttempts() != 2 {
		t.Errorf("number %d, attempt %d", d.GetNumber(), d.GetAttempts())
	}
	got(acknowledge(shelter, first.GetName()))(t)
	if next := pull(t, shelter); len(next) != 1 || next[0].GetDelivery().GetNumber() != first.GetNumber()+1 {
		t.Errorf("the next is %v", next)
	}
}

func TestReceiptIsReceiptHoweverOftenItIsSaid(t *testing.T) {
	p := baghdad(t)
	n := p.Notify(jisrtest.Shelter, jisrtest.Foreign)
	shelter, mofa := p.As(jisrtest.Shelter), p.As(jisrtest.Foreign)
	mine := pull(t, shelter)[0].GetDelivery().GetName()
	theirs := pull(t, mofa)[0].GetDelivery().GetName()
	// All that are named, or none.
	refused(acknowledge(shelter, mine, theirs))(t, fault.NotFound)
	if d := got(policeOf(p).GetNotification(ctx, jisrv1.GetNotificationRequest_builder{Name: n.GetName()}.Build()))(t); d.GetReceipts()[0].GetState() != jisrv1.Delivery_STATE_PENDING {
		t.Error("half of a refused call was kept")
	}
	for range 2 {
		reply := got(acknowledge(shelter, mine))(t)
		if reply.GetDeliveries()[0].GetState() != jisrv1.Delivery_STATE_ACKNOWLEDGED {
			t.Errorf("acknowledged: %v", reply)
		}
	}
	refused(p.As(jisrtest.NGO).PullDeliveries(ctx, jisrv1.PullDeliveriesRequest_builder{Parent: shelter.Agency}.Build()))(t, fault.NotFound)
}

func TestTheSenderSeesWhoReceivedAndReceiversNeverSeeEachOther(t *testing.T) {
	p := baghdad(t)
	n := p.Notify(jisrtest.Shelter, jisrtest.Foreign, jisrtest.NGO)
	for _, who := range []string{jisrtest.Shelter, jisrtest.Foreign, jisrtest.NGO} {
		c := p.As(who)
		d := pull(t, c)[0]
		for _, seen := range []*jisrv1.Notification{d.GetNotification(), got(c.GetNotification(ctx, jisrv1.GetNotificationRequest_builder{Name: n.GetName()}.Build()))(t)} {
			if len(seen.GetReceivers()) > 0 || len(seen.GetReceipts()) > 0 {
				t.Errorf("%s sees the other receivers: %v", who, seen)
			}
			if seen.GetMessage().GetText() == "" || seen.GetSender() == "" {
				t.Errorf("%s does not see who knocks, and why", who)
			}
		}
		if who != jisrtest.NGO {
			got(acknowledge(c, d.GetDelivery().GetName()))(t)
		}
	}
	states := map[string]jisrv1.Delivery_State{}
	for _, r := range got(policeOf(p).GetNotification(ctx, jisrv1.GetNotificationRequest_builder{Name: n.GetName()}.Build()))(t).GetReceipts() {
		states[r.GetAgency()] = r.GetState()
	}
	if states["agencies/molsa"] != jisrv1.Delivery_STATE_ACKNOWLEDGED || states["agencies/mofa"] != jisrv1.Delivery_STATE_ACKNOWLEDGED || states["agencies/iom"] == jisrv1.Delivery_STATE_ACKNOWLEDGED {
		t.Errorf("the sender sees %v", states)
	}
	refused(p.As(jisrtest.Health).GetNotification(ctx, jisrv1.GetNotificationRequest_builder{Name: n.GetName()}.Build()))(t, fault.NotFound)
}

func TestTheStoryIsToldAsItMayBeToldWhenItIsDelivered(t *testing.T) {
	p := baghdad(t)
	mofa := consular(p)
	p.Notify(jisrtest.Foreign)
	p.Notify(jisrtest.Foreign)
	c := p.Consent(jisrtest.Police, abroad, forConsular, identity)
	first := pull(t, mofa)[0]
	if !first.GetVictims()[0].HasIdentity() {
		t.Error("a consent given after the knock does not open the story")
	}
	got(acknowledge(mofa, first.GetDelivery().GetName()))(t)
	got(withdraw(policeOf(p), c.GetName()))(t)
	if pull(t, mofa)[0].GetVictims()[0].HasIdentity() {
		t.Error("what was queued is told on a consent that has ended")
	}
}

func TestADeliveryWithNothingLeftToShowIsNotNumberedAndBlocksNothing(t *testing.T) {
	p := baghdad(t)
	second := jisrtest.Opened(t, p.Exchange)
	p.Notify(jisrtest.Shelter)
	p.Order(jisrv1.Order_KIND_SEAL, p.Case, func(o *jisrv1.Order) { o.SetSeal(jisrv1.SealReason_builder{Text: "reason"}.Build()) })
	second.Notify(jisrtest.Shelter)
	leased := pull(t, p.As(jisrtest.Shelter))
	if len(leased) != 1 || leased[0].GetNotification().GetCase() != second.Case || leased[0].GetDelivery().GetNumber() != 1 {
		t.Errorf("behind a sealed matter: %v", leased)
	}
}

// What a pull has taken it shows, also where another agreement was adopted before
// it could: taken a second time, the first would stay hidden until their leases end.
func TestAPullThatComesThroughTheDoorAgainTakesNothingTwice(t *testing.T) {
	m := &moment{}
	p := baghdad(t, jisrtest.WithClock(m.now))
	n := told(t, p, jisrtest.Foreign, p.First)
	m.meanwhile(func() { p.Adopt(append(jisrtest.Agreement(t), "# the next edition\n"...)) })
	leased := pull(t, p.As(jisrtest.Foreign))
	m.done(t)
	if len(leased) != 1 || leased[0].GetNotification().GetName() != n.GetName() || leased[0].GetDelivery().GetAttempts() != 1 {
		t.Errorf("after a new edition a pull shows %v", leased)
	}
}

func TestANoticeOfAWholeCaseNamesNobodyInItAndIsClosedByItsSealAlone(t *testing.T) {
	p := baghdad(t)
	police, mofa, health := policeOf(p), p.As(jisrtest.Foreign), p.As(jisrtest.Health)
	n := got(police.SendNotification(ctx, jisrv1.SendNotificationRequest_builder{Notification: jisrv1.Notification_builder{
		Case: p.Case, Subject: jisrv1.Notification_SUBJECT_UPDATE, Receivers: []string{mofa.Agency, health.Agency},
	}.Build()}.Build()))(t)
	seal := func(target string) {
		t.Helper()
		order := orderIn(p, jisrv1.Order_KIND_SEAL, target)
		order.GetOrder().SetSeal(jisrv1.SealReason_builder{Text: "the reason"}.Build())
		got(judgeOf(p).IssueOrder(ctx, order))(t)
	}
	seal(p.Second)
	came := pull(t, mofa)
	if len(came) != 1 || came[0].GetNotification().GetName() != n.GetName() || came[0].GetCase().GetName() != p.Case || len(came[0].GetVictims()) != 0 {
		t.Fatalf("what came: %v", came)
	}
	got(acknowledge(mofa, came[0].GetDelivery().GetName()))(t)
	states := make(map[string]jisrv1.Delivery_State)
	for _, r := range got(police.GetNotification(ctx, jisrv1.GetNotificationRequest_builder{Name: n.GetName()}.Build()))(t).GetReceipts() {
		states[r.GetAgency()] = r.GetState()
	}
	if states[mofa.Agency] != jisrv1.Delivery_STATE_ACKNOWLEDGED || states[health.Agency] != jisrv1.Delivery_STATE_PENDING {
		t.Errorf("the sender is told %v", states)
	}
	seal(p.Case)
	if came := pull(t, health); len(came) != 0 {
		t.Errorf("of a case that is sealed came %v", came)
	}
}

func TestTheSenderOfAReferralIsToldThatItsNoticeWasReceived(t *testing.T) {
	p := baghdad(t)
	police, ngo := policeOf(p), p.As(jisrtest.NGO)
	r := got(police.CreateReferral(ctx, draftOf(p, jisrv1.Referral_KIND_INTERPRETER, ngo.Agency)))(t)
	got(send(police, r))(t)
	told := func(want jisrv1.Delivery_State) {
		t.Helper()
		list := got(police.ListNotifications(ctx, &jisrv1.ListNotificationsRequest{}))(t).GetNotifications()
		if len(list) != 1 || list[0].GetSubject() != jisrv1.Notification_SUBJECT_REFERRAL || len(list[0].GetReceipts()) != 1 ||
			list[0].GetReceipts()[0].GetAgency() != ngo.Agency || list[0].GetReceipts()[0].GetState() != want {
			t.Errorf("the sender is told %v, want %s", list, want)
		}
	}
	told(jisrv1.Delivery_STATE_PENDING)
	for _, d := range pull(t, ngo) {
		got(acknowledge(ngo, d.GetDelivery().GetName()))(t)
	}
	told(jisrv1.Delivery_STATE_ACKNOWLEDGED)
}

// Whoever notifies of many persons at length would else stop the receiver's queue: it
// would come in one message that no client takes, again and again.
func TestANoticeOfManyPersonsIsAMessageThatAClientTakes(t *testing.T) {
	p := baghdad(t)
	police, judge := policeOf(p), judgeOf(p)
	long := strings.Repeat("ب", 15_000)
	var persons []string
	for range 64 {
		v := jisrtest.Person(0)
		v.SetScreening(jisrv1.VictimScreening_builder{Note: long}.Build())
		v.GetRisk().SetAssessment(long)
		persons = append(persons, got(police.CreateVictim(ctx, jisrv1.CreateVictimRequest_builder{Parent: p.Case, Victim: v}.Build()))(t).GetName())
	}
	notify := func(victims ...string) string {
		return got(police.SendNotification(ctx, jisrv1.SendNotificationRequest_builder{Notification: jisrv1.Notification_builder{
			Case: p.Case, Victims: victims, Subject: jisrv1.Notification_SUBJECT_UPDATE, Receivers: []string{judge.Agency, "agencies/mofa"},
		}.Build()}.Build()))(t).GetName()
	}
	many := notify(persons...)
	came := pull(t, judge)
	if len(came) != 1 || came[0].GetNotification().GetName() != many || !came[0].GetMore() || came[0].GetCase() == nil {
		t.Fatalf("%d came, with more: %v", len(came), came[0].GetMore())
	}
	if n, size := len(came[0].GetVictims()), proto.Size(came[0]); n == 0 || n == len(persons) || size > 1<<20 {
		t.Errorf("%d persons came, in %d bytes", n, size)
	}
	// Who reads little of each is shown all of them.
	if came := pull(t, consular(p)); len(came) != 1 || len(came[0].GetVictims()) != len(persons) || came[0].GetMore() {
		t.Errorf("to who reads little of each came %d of %d, with more: %v", len(came[0].GetVictims()), len(persons), came[0].GetMore())
	}
	got(acknowledge(judge, came[0].GetDelivery().GetName()))(t)
	few := notify(persons[:2]...)
	if came := pull(t, judge); len(came) != 1 || came[0].GetNotification().GetName() != few || len(came[0].GetVictims()) != 2 || came[0].GetMore() {
		t.Errorf("of two persons came %v", came)
	}
}

// That more is there than had room is said of what the receiver may know of alone.
func TestThatMoreIsThereIsNotSaidOfWhomASealHides(t *testing.T) {
	p := baghdad(t)
	police, prosecutor := policeOf(p), p.As(jisrtest.Prosecutor)
	long := strings.Repeat("ب", 15_000)
	var persons []string
	for range 20 { // more than have room
		v := jisrtest.Person(0)
		v.SetScreening(jisrv1.VictimScreening_builder{Note: long}.Build())
		persons = append(persons, got(police.CreateVictim(ctx, jisrv1.CreateVictimRequest_builder{Parent: p.Case, Victim: v}.Build()))(t).GetName())
	}
	for range 2 {
		got(police.SendNotification(ctx, jisrv1.SendNotificationRequest_builder{Notification: jisrv1.Notification_builder{
			Case: p.Case, Victims: persons, Subject: jisrv1.Notification_SUBJECT_UPDATE, Receivers: []string{prosecutor.Agency},
		}.Build()}.Build()))(t)
	}
	before := pull(t, prosecutor)[0]
	shown := len(before.GetVictims())
	if !before.GetMore() || shown == 0 || shown == len(persons) {
		t.Fatalf("the control: %d persons came, with more: %v", shown, before.GetMore())
	}
	got(acknowledge(prosecutor, before.GetDelivery().GetName()))(t)
	for _, person := range persons[shown:] {
		order := orderIn(p, jisrv1.Order_KIND_SEAL, person)
		order.GetOrder().SetSeal(jisrv1.SealReason_builder{Text: "the reason"}.Build())
		got(judgeOf(p).IssueOrder(ctx, order))(t)
	}
	if after := pull(t, prosecutor)[0]; after.GetMore() || len(after.GetVictims()) != shown {
		t.Errorf("%d persons came, with more: %v", len(after.GetVictims()), after.GetMore())
	}
}
