package jisrtest_test

import (
	"strings"
	"testing"

	"google.golang.org/grpc/metadata"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/jisrtest"
)

func TestARequestIDIsGoodForOneBodyOfItsOwnAgencyAlone(t *testing.T) {
	x := jisrtest.Start(t)
	open := func(c *jisrtest.Client, governorate string) (*jisrv1.Case, error) {
		body := withoutSections()
		body.SetGovernorate(governorate)
		return c.CreateCase(ctx, jisrv1.CreateCaseRequest_builder{Case: body, RequestId: "6f1c7a52-6d9e-4b8e-9f55-0d3c2a9b7e10"}.Build())
	}
	shelter := func(purpose jisrv1.Purpose) *jisrtest.Client {
		return x.AsFor(jisrtest.Shelter, jisrv1.Role_ROLE_SOCIAL_AFFAIRS, purpose)
	}
	mine := shelter(jisrv1.Purpose_PURPOSE_PROTECTION)
	first := got(open(mine, "IQG08"))(t)
	if again := got(open(mine, "IQG08"))(t); again.GetName() != first.GetName() || again.GetEtag() != first.GetEtag() {
		t.Errorf("repeated, it made %s beside %s", again.GetName(), first.GetName())
	}
	refused(open(mine, "IQG15"))(t, fault.RequestIDReused)
	refused(open(shelter(jisrv1.Purpose_PURPOSE_ASSISTANCE), "IQG08"))(t, fault.RequestIDReused)
	// What another officer is shown has an entry with that officer in it, or is not shown.
	agency, system, _ := strings.Cut(jisrtest.Shelter, "/")
	colleague := x.Dial(agency, system, metadata.Pairs("jisr-officer", "officer-2", "jisr-purpose", "protection"))
	refused(open(colleague, "IQG08"))(t, fault.RequestIDReused)
	// Another agency of the same role, with the same words: an act of its own.
	theirs := got(open(x.AsFor("kri-molsa/desk", jisrv1.Role_ROLE_SOCIAL_AFFAIRS, jisrv1.Purpose_PURPOSE_PROTECTION), "IQG08"))(t)
	if theirs.GetName() == first.GetName() {
		t.Error("another agency's id answered with this agency's case")
	}
	if n := len(got(mine.ListCases(ctx, &jisrv1.ListCasesRequest{}))(t).GetCases()); n != 1 {
		t.Errorf("the shelter has %d cases by one request", n)
	}
}
