package register_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/jisr-exchange/jisr/examples"
	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/register"
)

func examplePlan(t *testing.T) *register.Plan {
	t.Helper()
	m, err := register.ReadMapping(bytes.NewReader(examples.RegisterMapping))
	if err != nil {
		t.Fatal(err)
	}
	return plan(t, m, string(examples.Register))
}

func TestRegisterImportedTwiceHasOneEffect(t *testing.T) {
	x := newExchange()
	sum, rejects, err := x.importer().Run(t.Context(), examplePlan(t))
	want := register.Summary{Rows: 8, Imported: 8, Cases: 4, Victims: 6, Suspects: 2}
	if err != nil || len(rejects) > 0 || sum != want {
		t.Fatalf("%+v, %v, %v; want %+v", sum, rejects, err, want)
	}
	first := x.requestIDs()
	sum, rejects, err = x.importer().Run(t.Context(), examplePlan(t))
	want = register.Summary{Rows: 8, AlreadyThere: 8}
	if err != nil || len(rejects) > 0 || sum != want {
		t.Fatalf("again: %+v, %v, %v; want %+v", sum, rejects, err, want)
	}
	if second := x.requestIDs()[len(first):]; !slices.Equal(first, second) || len(x.made) != 12 {
		t.Errorf("the second run sent other request ids, or made records: %d are there", len(x.made))
	}
}

// The ids are part of what the exchange remembers: another version of jisr must make the same.
func TestRequestIDsNeverChange(t *testing.T) {
	for _, tc := range []struct {
		externalID string
		kind       register.Kind
		want       string
	}{
		{"14/2025", register.KindCase, "8fcc7c34-cf06-5424-9316-f4f5f2bebb0b"},
		{"1", register.KindVictim, "150f2764-e48e-573d-b517-88f89eecfcb9"},
		{"3", register.KindSuspect, "48ced44d-5fb5-51c0-949c-daac14e634ea"},
	} {
		if got := register.RequestID("example-counter-trafficking-2025", tc.externalID, tc.kind, 0); got != tc.want {
			t.Errorf("%s %s: %s, want %s", tc.kind, tc.externalID, got, tc.want)
		}
	}
}

func TestBadRowSendsNothingOfItsCase(t *testing.T) {
	x := newExchange()
	p := plan(t, mapping(t, small), smallHeader+
		"1,A,Erbil,,victim,,,Cedar\n2,A,Erbil,,victim,perhaps,,Willow\n3,B,Duhok,,suspect,,,Amber\n")
	sum, rejects, err := x.importer().Run(t.Context(), p)
	if err != nil || sum.Imported != 1 || sum.Rejected != 2 || len(rejects) != 2 {
		t.Fatalf("%+v, %v, %v", sum, rejects, err)
	}
	for _, m := range x.sent {
		if text, _ := proto.Marshal(m); strings.Contains(string(text), "Cedar") || strings.Contains(string(text), "Willow") {
			t.Errorf("a person of the bad case was sent: %v", m)
		}
	}
	if len(x.sent) != 2 {
		t.Errorf("%d calls; want a case and a suspect", len(x.sent))
	}
}

func TestCaseComesBeforeItsPersonsAndTheyLieInIt(t *testing.T) {
	x := newExchange()
	im := x.importer()
	im.InFlight = 8
	if _, _, err := im.Run(t.Context(), examplePlan(t)); err != nil {
		t.Fatal(err)
	}
	cases := make(map[string]bool)
	for _, header := range x.made {
		cases[header.GetName()] = true
	}
	for _, m := range x.sent {
		if child, ok := m.(interface{ GetParent() string }); ok && !cases[child.GetParent()] {
			t.Errorf("a person was sent into %q, which is no case", child.GetParent())
		}
	}
}

func TestHowManyCasesAreInFlightChangesNothing(t *testing.T) {
	rows := smallHeader
	for i := range 60 {
		rows += fmt.Sprintf("%d,%d,%s,,victim,,,Cedar\n", i, i/2, []string{"Erbil", "Duhok", "nowhere"}[i/2%3])
	}
	one, many := newExchange(), newExchange()
	refuse := func(m proto.Message) error {
		if r, ok := m.(*jisrv1.CreateVictimRequest); ok && r.GetRequestId() == register.RequestID("small", "7", register.KindVictim, 0) {
			return refusal(fault.New(fault.NotFound))
		}
		return nil
	}
	one.refuse, many.refuse = refuse, refuse
	im := many.importer()
	im.InFlight = 16
	wantSum, wantRejects, err := one.importer().Run(t.Context(), plan(t, mapping(t, small), rows))
	if err != nil || wantSum.Imported != 38 || wantSum.Rejected != 22 {
		t.Fatalf("%+v, %v", wantSum, err)
	}
	sum, rejects, err := im.Run(t.Context(), plan(t, mapping(t, small), rows))
	name := regexp.MustCompile(`cases/[a-z]+`) // names are by order of arrival
	for _, list := range [][]register.Reject{wantRejects, rejects} {
		for i := range list {
			list[i].Reason = name.ReplaceAllString(list[i].Reason, "cases/…")
		}
	}
	if diff := cmp.Diff(wantRejects, rejects); err != nil || sum != wantSum || diff != "" {
		t.Errorf("%+v, %v; want %+v; rejects (-one +many):\n%s", sum, err, wantSum, diff)
	}
	first, second := one.requestIDs(), many.requestIDs()
	slices.Sort(first)
	slices.Sort(second)
	if !slices.Equal(first, second) {
		t.Error("other calls were made")
	}
}

func TestRefusedRecordIsARejectAndTheRestGoesOn(t *testing.T) {
	x := newExchange()
	x.refuse = func(m proto.Message) error {
		if r, ok := m.(*jisrv1.CreateVictimRequest); ok && r.GetVictim().GetIdentity().GetFullName().GetOriginal() == "Willow" {
			return refusal(fault.Invalid(fault.Violation{Field: "victim.identity.full_name.original", Rule: "not that"}))
		}
		return nil
	}
	p := plan(t, mapping(t, small), smallHeader+"1,A,Erbil,,victim,,,Willow\n2,A,Erbil,,suspect,,,Cedar\n3,B,Duhok,,suspect,,,Amber\n")
	sum, rejects, err := x.importer().Run(t.Context(), p)
	if err != nil || sum.Imported != 1 || sum.Rejected != 2 {
		t.Fatalf("%+v, %v", sum, err)
	}
	want := []register.Reject{
		{Line: 2, Column: "name", Reason: "the exchange refused it: INVALID, the request breaks the rules named in the details: victim.identity.full_name.original: not that"},
		{Line: 2, Reason: "the case was opened as cases/aaaaaaaaaaaaaaaaaaaaaaaaaa and lacks this person: mend the row and import again, which adds what is missing"},
		{Line: 3, Reason: "held back with line 2 of the same case"},
	}
	if diff := cmp.Diff(want, rejects); diff != "" {
		t.Errorf("rejects (-want +got):\n%s", diff)
	}
}

func TestRowChangedSinceItWasImportedIsNamed(t *testing.T) {
	x := newExchange()
	m := mapping(t, small)
	if _, _, err := x.importer().Run(t.Context(), plan(t, m, smallHeader+"1,A,Erbil,,victim,,,Cedar\n")); err != nil {
		t.Fatal(err)
	}
	_, rejects, err := x.importer().Run(t.Context(), plan(t, m, smallHeader+"1,A,Erbil,,victim,yes,,Cedar\n"))
	if err != nil || len(rejects) == 0 || !strings.Contains(rejects[0].Reason, "other content from an earlier import") {
		t.Errorf("%v, %v", rejects, err)
	}
}

func TestFailureThatEveryCaseWouldMeetStopsTheImport(t *testing.T) {
	for _, stop := range []error{
		refusal(fault.New(fault.MethodNotGranted)), refusal(fault.New(fault.StoreUnavailable)),
		status.Error(codes.Unavailable, "gone"), errors.New("no connection"),
	} {
		x := newExchange()
		x.refuse = func(proto.Message) error { return stop }
		sum, _, err := x.importer().Run(t.Context(), examplePlan(t))
		if !errors.Is(err, stop) || len(x.sent) != 1 || sum.NotReached != 8 {
			t.Errorf("%v: %d calls, %+v, %v; want one call and eight rows not reached", stop, len(x.sent), sum, err)
		}
	}
}

func TestInterruptedImportFinishesTheCaseAndGoesOnFromItsNames(t *testing.T) {
	x := newExchange()
	ctx, interrupt := context.WithCancel(t.Context())
	x.refuse = func(m proto.Message) error {
		interrupt() // on the first call of all
		return nil
	}
	im := x.importer()
	var written bytes.Buffer
	if err := im.Names.Start(&written); err != nil {
		t.Fatal(err)
	}
	sum, _, err := im.Run(ctx, examplePlan(t))
	if !errors.Is(err, context.Canceled) || sum.Imported != 3 || sum.NotReached != 5 || len(x.sent) != 4 {
		t.Fatalf("%+v, %v, %d calls; want the first case whole and five rows not reached", sum, err, len(x.sent))
	}

	// The last line was being written when the power went.
	names, err := register.ReadNames(strings.NewReader(written.String() + "example-counter-trafficking-2025,15/2025,case,0,cases/aaaa"))
	if err != nil {
		t.Fatal(err)
	}
	x.refuse = nil
	next := x.importer()
	next.Names = names
	sum, _, err = next.Run(t.Context(), examplePlan(t))
	if err != nil || sum.AlreadyThere != 3 || sum.Imported != 5 || len(x.sent) != 12 {
		t.Errorf("%+v, %v, %d calls in all; want three rows already there and no call for them", sum, err, len(x.sent))
	}
}

func TestNamesGiveEachRowItsRecord(t *testing.T) {
	x := newExchange()
	im := x.importer()
	var written bytes.Buffer
	if err := im.Names.Start(&written); err != nil {
		t.Fatal(err)
	}
	if _, _, err := im.Run(t.Context(), plan(t, mapping(t, small), smallHeader+"7,A,Erbil,,victim,,,Cedar\n8,A,Erbil,,suspect,,,Amber\n")); err != nil {
		t.Fatal(err)
	}
	want := `register,external_id,kind,ordinal,name
small,A,case,0,cases/aaaaaaaaaaaaaaaaaaaaaaaaaa
small,7,victim,0,cases/aaaaaaaaaaaaaaaaaaaaaaaaaa/victims/aaaaaaaaaaaaaaaaaaaaaaaaab
small,8,suspect,0,cases/aaaaaaaaaaaaaaaaaaaaaaaaaa/suspects/aaaaaaaaaaaaaaaaaaaaaaaaac
`
	if diff := cmp.Diff(want, written.String()); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
}

func TestRejectsFileHoldsLineColumnReason(t *testing.T) {
	var b bytes.Buffer
	p := plan(t, mapping(t, small), smallHeader+"1,A,Nowhere,,victim,,,Cedar\n")
	if err := register.WriteRejects(&b, p.Rejects); err != nil {
		t.Fatal(err)
	}
	want := `line,column,reason
2,place,no map reads this value as case.governorate
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("rejects (-want +got):\n%s", diff)
	}
}

func TestCarelessImporterIsRefused(t *testing.T) {
	if _, _, err := (&register.Importer{}).Run(t.Context(), &register.Plan{}); err == nil {
		t.Error("an importer without an exchange was taken")
	}
}
