package jisrtest_test

import (
	"context"
	"strings"
	"testing"

	"google.golang.org/grpc"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/jisrtest"
)

// What a library says of itself over the wire is what the form lets through.
func TestTheProcessLogNamesTheClientsProgram(t *testing.T) {
	x := jisrtest.Start(t)
	got(x.As(jisrtest.Police).WhoAmI(context.Background(), &jisrv1.WhoAmIRequest{}))(t)
	x.Stop()
	if want := `"user_agent":"grpc-go/` + grpc.Version + `"`; !strings.Contains(x.Log.String(), want) {
		t.Errorf("no line has %s: %s", want, x.Log)
	}
}

// The shelter refers to a hospital. The owner of the case does not see that
// referral, so the log does not tell it which hospital either.
func TestTheLogDoesNotTellTheOwnerWhichHospitalTreats(t *testing.T) {
	ctx := context.Background()
	p := jisrtest.Opened(t, jisrtest.Start(t))
	p.Order(jisrv1.Order_KIND_SHELTER, p.First, nil)
	care := p.Refer(jisrv1.Referral_KIND_SHELTER_PLACEMENT, jisrtest.Shelter)
	got(accept(p.As(jisrtest.Shelter), care.GetName()))(t)
	shelter, hospital, police := p.As(jisrtest.Shelter), p.As(jisrtest.Health), p.As(jisrtest.Police)
	r, err := shelter.CreateReferral(ctx, jisrv1.CreateReferralRequest_builder{Parent: p.Case, Referral: jisrv1.Referral_builder{
		Kind: jisrv1.Referral_KIND_MEDICAL_EXAM, Victim: p.First, Receiver: hospital.Agency,
	}.Build()}.Build())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := shelter.SendReferral(ctx, jisrv1.SendReferralRequest_builder{Name: r.GetName()}.Build()); err != nil {
		t.Fatal(err)
	}
	for _, reader := range []*jisrtest.Client{hospital, shelter, p.As(jisrtest.Prosecutor)} {
		if _, err := reader.GetVictim(ctx, jisrv1.GetVictimRequest_builder{Name: p.First}.Build()); err != nil {
			t.Fatal(err)
		}
	}
	log, err := police.ListLogEntries(ctx, jisrv1.ListLogEntriesRequest_builder{Record: p.First}.Build())
	if err != nil {
		t.Fatal(err)
	}
	agencies := make(map[jisrv1.Role]string)
	for _, e := range log.GetLogEntries() {
		if e.GetKind() == jisrv1.LogEntry_KIND_DISCLOSED {
			agencies[e.GetRole()] = e.GetAgency() + e.GetSystem() + e.GetOfficer()
		}
	}
	if who, ok := agencies[jisrv1.Role_ROLE_HEALTH]; !ok || who != "" {
		t.Errorf("the hospital's read names %q; want an entry that names nobody", who)
	}
	// Nor is the shelter named, though the police sent it there: were it, the log
	// would fall silent once the judge had sent somebody else of those who were told.
	if who, ok := agencies[jisrv1.Role_ROLE_SOCIAL_AFFAIRS]; !ok || who != "" {
		t.Errorf("the shelter's read names %q; want an entry that names nobody", who)
	}
	// The control: whoever acts there reads there.
	if agencies[jisrv1.Role_ROLE_PROSECUTOR] == "" {
		t.Error("the prosecutor's read names nobody, so that nothing was hidden")
	}
}
