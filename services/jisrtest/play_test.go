package jisrtest_test

import (
	"context"
	"testing"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/jisrtest"
)

func TestShelterReadsWhomItCaresForAndNobodyElse(t *testing.T) {
	ctx := context.Background()
	p := jisrtest.Opened(t, jisrtest.Start(t))
	p.Notify(jisrtest.Judge, jisrtest.Foreign)
	p.Order(jisrv1.Order_KIND_SHELTER, p.First, nil)
	ref := p.Refer(jisrv1.Referral_KIND_SHELTER_PLACEMENT, jisrtest.Shelter)
	shelter := p.As(jisrtest.Shelter)
	v, err := shelter.GetVictim(ctx, jisrv1.GetVictimRequest_builder{Name: p.First}.Build())
	if err != nil {
		t.Fatal(err)
	}
	t.Log(v)
	if !v.HasIdentity() {
		t.Error("the shelter does not know whom it cares for")
	}
	if _, err := shelter.AcceptReferral(ctx, jisrv1.AcceptReferralRequest_builder{Name: ref.GetName()}.Build()); err != nil {
		t.Fatal(err)
	}
	if _, err = shelter.GetVictim(ctx, jisrv1.GetVictimRequest_builder{Name: p.Second}.Build()); err == nil {
		t.Error("the shelter reads a victim it was not asked to care for")
	}
}
