package jisrtest_test

import (
	"testing"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/jisrtest"
)

func told(t testing.TB, p *jisrtest.Play, receiver, victim string) *jisrv1.Notification {
	t.Helper()
	return got(policeOf(p).SendNotification(ctx, jisrv1.SendNotificationRequest_builder{Notification: jisrv1.Notification_builder{
		Case: p.Case, Victims: []string{victim}, Subject: jisrv1.Notification_SUBJECT_UPDATE, Receivers: []string{p.As(receiver).Agency},
	}.Build()}.Build()))(t)
}

// A pull that came back empty, though something was waiting, would tell that
// there had been something before it.
func TestAPullDoesNotTellThatSomethingWasTakenBack(t *testing.T) {
	p := baghdad(t)
	shelter := p.As(jisrtest.Shelter)
	p.Order(jisrv1.Order_KIND_SHELTER, p.First, nil)
	for range 3 {
		r := p.Refer(jisrv1.Referral_KIND_SHELTER_PLACEMENT, jisrtest.Shelter)
		got(policeOf(p).WithdrawReferral(ctx, jisrv1.WithdrawReferralRequest_builder{Name: r.GetName(), Reason: jisrv1.Referral_END_REASON_NOT_NEEDED}.Build()))(t)
	}
	n := told(t, p, jisrtest.Shelter, p.Second)
	leased := got(shelter.PullDeliveries(ctx, jisrv1.PullDeliveriesRequest_builder{Parent: shelter.Agency, MaxDeliveries: 1}.Build()))(t).GetDeliveries()
	if len(leased) != 1 || leased[0].GetNotification().GetName() != n.GetName() || leased[0].GetDelivery().GetNumber() != 1 {
		t.Errorf("behind referrals that were taken back: %v", leased)
	}
}

func TestAPullDoesNotTellThatAPersonIsSealedAndTheKnockComesWhenTheSealIsLifted(t *testing.T) {
	p := baghdad(t)
	mofa := p.As(jisrtest.Foreign)
	hidden := told(t, p, jisrtest.Foreign, p.First)
	sealed(p, p.First)
	open := told(t, p, jisrtest.Foreign, p.Second)
	leased := pull(t, mofa)
	if len(leased) != 1 || leased[0].GetNotification().GetName() != open.GetName() || leased[0].GetDelivery().GetNumber() != 1 {
		t.Fatalf("behind a sealed person: %v", leased)
	}
	got(acknowledge(mofa, leased[0].GetDelivery().GetName()))(t)
	if n := len(pull(t, mofa)); n > 0 {
		t.Errorf("%d deliveries under the seal", n)
	}
	p.Order(jisrv1.Order_KIND_UNSEAL, p.First, nil)
	if late := pull(t, mofa); len(late) != 1 || late[0].GetNotification().GetName() != hidden.GetName() || late[0].GetDelivery().GetNumber() != 2 {
		t.Errorf("after the seal was lifted: %v", late)
	}
}
