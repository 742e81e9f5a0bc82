package jisrtest_test

import (
	"testing"

	"google.golang.org/protobuf/proto"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/jisrtest"
)

// A consent may name one organisation. The owner of the case, who does not read
// which, would learn it by asking about one organisation after the other.
func TestAnOwnerDoesNotLearnWhomAConsentNamesByAsking(t *testing.T) {
	p := baghdad(t)
	placed(t, p)
	p.Notify(jisrtest.NGO, shelterOfErbil)
	taken := answered(p, ngoRole, assisting, jisrv1.ConsentRecord_GIVEN_BY_PERSON)
	taken.GetConsent().SetRecipient("agencies/ngo-shelter-erbil")
	c := got(p.As(jisrtest.Shelter).RecordConsent(ctx, taken))(t)
	asked := func(who *jisrtest.Client, agency string) *jisrv1.ExplainAccessResponse {
		return decided(got(who.ExplainAccess(ctx, jisrv1.ExplainAccessRequest_builder{Name: p.First, Agency: agency, Role: ngoRole, Purpose: assisting}.Build()))(t))
	}
	if seen := got(policeOf(p).GetConsent(ctx, jisrv1.GetConsentRequest_builder{Name: c.GetName()}.Build()))(t); seen.GetRecipient() != "" {
		t.Fatal("the police read whom the consent names")
	}
	if !proto.Equal(asked(policeOf(p), "agencies/ngo-shelter-erbil"), asked(policeOf(p), "agencies/iom")) {
		t.Error("the owner is explained whom the consent names")
	}
	// The shelter does read the name; whom the police may read it of, they are told of.
	if erbil := p.AsFor(shelterOfErbil, ngoRole, assisting); !got(getVictim(erbil, p.First))(t).HasIdentity() {
		t.Error("the consent opens nothing, so that nothing was hidden")
	}
	got(policeOf(p).RecordConsent(ctx, answered(p, ngoRole, assisting, jisrv1.ConsentRecord_GIVEN_BY_PERSON)))(t)
	if !readable(asked(policeOf(p), "agencies/iom"), identity) {
		t.Error("the owner is not told of a consent that it may read")
	}
}
