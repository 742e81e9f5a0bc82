package jisrtest_test

import (
	"testing"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/jisrtest"
)

// Whoever owns a case could have any carer told where a person is, though it may
// not be told itself: a share asks for no order, no consent and no acceptance.
func TestAShareOpensNoMoreThanItsOwnerReads(t *testing.T) {
	p := baghdad(t)
	station, ngo := p.As(jisrtest.Community), p.As(jisrtest.NGO)
	c, v := opened(t, station, "IQG08", jisrv1.Jurisdiction_JURISDICTION_FEDERAL)
	for _, own := range []struct {
		owner            *jisrtest.Client
		caseName, victim string
	}{{policeOf(p), p.Case, p.First}, {station, c, v}} {
		shelter := quietly(t, p, own.caseName, own.victim)
		request := func(scope ...jisrv1.DataClass) *jisrv1.ShareCaseRequest {
			return jisrv1.ShareCaseRequest_builder{Parent: own.caseName, Share: jisrv1.Share_builder{Agency: ngo.Agency, Scope: scope}.Build()}.Build()
		}
		refused(own.owner.ShareCase(ctx, request(location)))(t, fault.InvalidRequest)
		shared := got(own.owner.ShareCase(ctx, request()))(t)
		for _, class := range shared.GetScope() {
			if class == location {
				t.Error("a share opens where the person is")
			}
		}
		if seen := got(getVictim(ngo, own.victim))(t); seen.HasLocation() || seen.HasHealth() {
			t.Errorf("by a share %s reads %v", ngo.Agency, seen)
		}
		if !got(getVictim(shelter, own.victim))(t).HasLocation() {
			t.Error("there is nothing that the share could have opened")
		}
	}
	// What the police read themselves they do share.
	erbil := p.As(jisrtest.Erbil)
	share(t, p, jisrv1.Share_builder{Agency: erbil.Agency}.Build())
	if !got(getCase(erbil, p.Case))(t).HasNarrative() || !got(getVictim(erbil, p.First))(t).HasIdentity() || !got(getSuspect(erbil, p))(t).HasIdentity() {
		t.Error("a share among police opens too little")
	}
}
