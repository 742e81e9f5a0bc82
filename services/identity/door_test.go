package identity_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/types/known/emptypb"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/certs"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/identity"
)

func TestTheCallerIsWhatTheCertificateAndTheAgreementSay(t *testing.T) {
	x := open(t)
	admitted(t, call(x.as("police"), getCase, good()...))
	c := x.lastCaller()
	if c.Agency != "police" || c.System != "desk" || c.Officer != "o-17" ||
		c.Role != jisrv1.Role_ROLE_COUNTER_TRAFFICKING || c.Purpose != jisrv1.Purpose_PURPOSE_INVESTIGATION ||
		c.Jurisdiction != jisrv1.Jurisdiction_JURISDICTION_FEDERAL || !slices.Equal(c.Territories, []string{"IQG15"}) ||
		len(c.Roles) != 1 || c.Law != x.theLaw() || c.Serial == "" || c.NotAfter.IsZero() {
		t.Fatalf("the caller is %+v", c)
	}
	got, err := identity.FromContext(identity.NewContext(context.Background(), c))
	if err != nil || got != c {
		t.Fatalf("the context gives %v, %v", got, err)
	}
	if _, err := identity.FromContext(context.Background()); !errors.Is(err, fault.New(fault.Internal)) {
		t.Fatalf("a context without a caller gives %v, want INTERNAL", err)
	}
}

func TestExpiredCertificateIsRefusedOnAnOpenConnection(t *testing.T) {
	x := open(t)
	must(t, x.authority.PublishFor(x.dir, 1000*time.Hour))
	must(t, x.revocation.Refresh(context.Background()))
	police := x.as("police")
	admitted(t, call(police, getCase, good()...))
	x.clock.advance(24*time.Hour - time.Minute)
	admitted(t, call(police, getCase, good()...))
	x.clock.advance(2 * time.Minute)
	refusedFor(t, call(police, getCase, good()...), fault.CertificateExpired)
	x.refusedHandshake(t, once(x.as("police"), health), identity.RefusalReason(fault.CertificateExpired))
}

func TestCertificateThatIsNotValidYetIsRefused(t *testing.T) {
	x := open(t)
	police := x.as("police")
	admitted(t, call(police, getCase, good()...))
	x.clock.advance(-2 * time.Minute)
	refusedFor(t, call(police, getCase, good()...), fault.CertificateExpired)
}

func TestAStreamEndsWhenWhatItWasAdmittedByEnds(t *testing.T) {
	for what, c := range map[string]struct {
		end  func(x *exchange)
		want fault.Reason
	}{
		"revoked":       {func(x *exchange) { x.revoke("police") }, fault.CertificateRevoked},
		"expired":       {func(x *exchange) { x.clock.advance(48 * time.Hour) }, fault.CertificateExpired},
		"list stale":    {func(x *exchange) { x.clock.advance(2 * time.Hour) }, fault.CertificateUnchecked},
		"agency struck": {func(x *exchange) { x.amend(theLaw(t, without("police"))) }, fault.CertificateInvalid},
		"rpc struck":    {func(x *exchange) { x.amend(theLaw(t, striking("NotificationService/GetNotification"))) }, fault.MethodNotGranted},
		"nothing":       {func(x *exchange) { x.amend(theLaw(t, without("shelter"))) }, ""},
	} {
		t.Run(what, func(t *testing.T) {
			x := open(t)
			ctx, cancel := context.WithTimeout(metadata.AppendToOutgoingContext(context.Background(), good()...), 20*time.Second)
			defer cancel()
			s, err := x.as("police").NewStream(ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, stream)
			must(t, err)
			exchangeOne := func() error {
				if err := s.SendMsg(&emptypb.Empty{}); err != nil {
					return err
				}
				return s.RecvMsg(&emptypb.Empty{})
			}
			admitted(t, exchangeOne())
			c.end(x)
			err = exchangeOne()
			if c.want == "" {
				admitted(t, err)
				return
			}
			refusedFor(t, err, c.want)
		})
	}
}

func TestAgencyThatTheAgreementDoesNotNameIsRefused(t *testing.T) {
	x := open(t)
	pair, err := x.authority.IssueClient("stranger", "desk")
	must(t, err)
	refusedFor(t, call(x.with(pair), getCase, good()...), fault.CertificateInvalid)
	refusedFor(t, call(x.with(pair), health), fault.CertificateInvalid)
	other, err := x.authority.IssueClient("police", "second-desk")
	must(t, err)
	admitted(t, call(x.with(other), getCase, good()...))
	if c := x.lastCaller(); c.System != "second-desk" {
		t.Fatalf("the system is %s", c.System)
	}
}

func TestIdentityHeadersAreTakenOnceAndWellFormedOrNotAtAll(t *testing.T) {
	x := open(t)
	police, court := x.as("police"), x.as("court")
	o, p, r := identity.OfficerHeader, identity.PurposeHeader, identity.RoleHeader
	for what, c := range map[string]struct {
		headers []string
		want    fault.Reason
	}{
		"good":                       {good(), ""},
		"own role named":             {good(r, "counter_trafficking"), ""},
		"longest officer":            {[]string{p, "investigation", o, fmt.Sprintf("%064d", 1)}, ""},
		"other headers":              {good("traceparent", "00-1", "accept-language", "ar"), ""},
		"no headers":                 {nil, fault.HeaderInvalid},
		"no officer":                 {[]string{p, "investigation"}, fault.HeaderInvalid},
		"no purpose":                 {[]string{o, "o-17"}, fault.HeaderInvalid},
		"empty officer":              {[]string{p, "investigation", o, ""}, fault.HeaderInvalid},
		"officer too long":           {[]string{p, "investigation", o, fmt.Sprintf("%065d", 1)}, fault.HeaderInvalid},
		"officer with a space":       {[]string{p, "investigation", o, "o 17"}, fault.HeaderInvalid},
		"officers joined":            {[]string{p, "investigation", o, "o-17,o-18"}, fault.HeaderInvalid},
		"officer twice":              {good(o, "o-18"), fault.HeaderInvalid},
		"officer twice, the same":    {good(o, "o-17"), fault.HeaderInvalid},
		"purpose twice":              {good(p, "identification"), fault.HeaderInvalid},
		"role twice":                 {good(r, "counter_trafficking", r, "counter_trafficking"), fault.HeaderInvalid},
		"purpose of no list":         {[]string{o, "o-17", p, "curiosity"}, fault.HeaderInvalid},
		"purpose in capitals":        {[]string{o, "o-17", p, "Investigation"}, fault.HeaderInvalid},
		"purpose unspecified":        {[]string{o, "o-17", p, "purpose_unspecified"}, fault.HeaderInvalid},
		"role of no list":            {good(r, "king"), fault.HeaderInvalid},
		"agency claimed":             {good("jisr-agency", "court"), fault.HeaderInvalid},
		"officer misspelt":           {good("jisr-oficer", "o-17"), fault.HeaderInvalid},
		"officer in binary":          {good("jisr-officer-bin", "o-17"), fault.HeaderInvalid},
		"role not held":              {good(r, "investigating_judge"), fault.RoleNotHeld},
		"purpose not granted":        {[]string{o, "o-17", p, "adjudication"}, fault.PurposeNotGranted},
		"second purpose of the role": {[]string{o, "o-17", p, "identification"}, ""},
	} {
		t.Run(what, func(t *testing.T) {
			err := call(police, getCase, c.headers...)
			if c.want == "" {
				admitted(t, err)
				return
			}
			refusedFor(t, err, c.want)
		})
	}
	t.Run("several roles", func(t *testing.T) {
		refusedFor(t, call(court, getCase, good()...), fault.RoleNotHeld)
		refusedFor(t, call(court, getCase, good(r, "counter_trafficking")...), fault.RoleNotHeld)
		admitted(t, call(court, getCase, good(r, "investigating_judge")...))
		// The other role is held, but was granted another method and purpose.
		refusedFor(t, call(court, getCase, good(r, "trial_court")...), fault.MethodNotGranted)
		refusedFor(t, call(court, "/jisr.v1.CaseService/CreateCase", good(r, "trial_court")...), fault.PurposeNotGranted)
		admitted(t, call(court, "/jisr.v1.CaseService/CreateCase", o, "o-1", p, "adjudication", r, "trial_court"))
	})
}

func TestWhatIsNotGrantedIsDenied(t *testing.T) {
	x := open(t)
	police, court, shelter := x.as("police"), x.as("court"), x.as("shelter")
	for _, denied := range []string{
		listCases, "/jisr.v1.CaseService/NoSuchMethod", "/jisr.v1.NoSuchService/GetCase", "/jisr.v2.CaseService/GetCase",
		"/CaseService/GetCase", "/jisr.v1.CaseService/GetCase/", "/jisr.v1./GetCase", "/jisr.v1.CaseService/",
		"/grpc.channelz.v1.Channelz/GetServers",
	} {
		refusedFor(t, call(police, denied, good()...), fault.MethodNotGranted)
	}
	// A path that would borrow reflection's name in the agreement, by a role that is granted it.
	refusedFor(t, call(court, "/jisr.v1.grpc.reflection/ServerReflectionInfo", identity.OfficerHeader, "o-1",
		identity.PurposeHeader, "adjudication", identity.RoleHeader, "trial_court"), fault.MethodNotGranted)
	refusedFor(t, call(shelter, getCase, good()...), fault.MethodNotGranted)
	admitted(t, call(police, getCase, good()...))
	for _, reflection := range []string{
		"/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
	} {
		refusedFor(t, call(police, reflection), fault.MethodNotGranted)
		admitted(t, call(court, reflection))
	}
}

func TestMethodsThatTouchNoRecordNeedNoOfficer(t *testing.T) {
	x := open(t)
	police, court := x.as("police"), x.as("court")
	for _, method := range []string{whoAmI, "/jisr.v1.DirectoryService/ListAgencies", health} {
		admitted(t, call(police, method))
		admitted(t, call(court, method))
		if c := x.lastCaller(); c.Role != jisrv1.Role_ROLE_UNSPECIFIED || len(c.Roles) != 2 {
			t.Fatalf("%s: the role is %v of %v", method, c.Role, c.Roles)
		}
		refusedFor(t, call(police, method, identity.OfficerHeader, "o 17"), fault.HeaderInvalid)
		refusedFor(t, call(police, method, identity.PurposeHeader, "adjudication"), fault.PurposeNotGranted)
	}
	// The need for an officer is not lifted by a server that forgets to ask.
	refusedFor(t, call(police, getCase), fault.HeaderInvalid)
}

func TestARecordAlwaysNeedsAnOfficer(t *testing.T) {
	x := open(t)
	admitted(t, call(x.as("police"), whoAmI))
	ctx := x.contextOf("police")
	if _, err := x.door.Admit(ctx, whoAmI, false); err != nil {
		t.Fatal(err)
	}
	if _, err := x.door.Admit(ctx, whoAmI, true); !errors.Is(err, fault.New(fault.HeaderInvalid)) {
		t.Fatalf("got %v, want HEADER_INVALID", err)
	}
}

func TestACallWithoutAVerifiedCertificateIsRefused(t *testing.T) {
	x := open(t)
	for what, ctx := range map[string]context.Context{
		"no peer": context.Background(), "no TLS": peerOf(nil), "unverified": peerOf(unverified(t, x)),
	} {
		if _, err := x.door.Admit(ctx, health, false); !errors.Is(err, fault.New(fault.CertificateInvalid)) {
			t.Fatalf("%s: got %v, want CERTIFICATE_INVALID", what, err)
		}
		if _, _, _, ok := x.door.Named(ctx); ok {
			t.Fatalf("%s: somebody was named", what)
		}
	}
	if err := x.door.Recheck(context.Background(), &identity.Caller{Law: x.theLaw()}); err == nil {
		t.Fatal("a caller whom the door did not admit passes the recheck")
	}
	if agency, system, serial, ok := x.door.Named(x.contextOf("police")); !ok || agency != "police" || system != "desk" || serial == "" {
		t.Fatalf("named %s, %s, %s, %v", agency, system, serial, ok)
	}
}

func TestACarelessDoorIsNotBuilt(t *testing.T) {
	x := open(t)
	sound := identity.Options{Law: x.theLaw, Revocation: x.revocation, TrustDomain: certs.DefaultTrustDomain}
	if _, err := identity.NewDoor(sound); err != nil {
		t.Fatal(err)
	}
	for what, spoil := range map[string]func(*identity.Options){
		"no agreement":          func(o *identity.Options) { o.Law = nil },
		"no agreement in force": func(o *identity.Options) { o.Law = noLaw },
		"no revocation":         func(o *identity.Options) { o.Revocation = nil },
		"no trust domain":       func(o *identity.Options) { o.TrustDomain = "" },
		"no such trust domain":  func(o *identity.Options) { o.TrustDomain = "Not A Domain" },
	} {
		o := sound
		spoil(&o)
		if d, err := identity.NewDoor(o); err == nil || d != nil {
			t.Errorf("%s: a door was built", what)
		}
	}
	if _, err := identity.TLSConfig(nil, x.door); err == nil {
		t.Error("TLS without material")
	}
	if _, err := identity.TLSConfig(x.material, nil); err == nil {
		t.Error("TLS without a door")
	}
	if _, err := identity.NewRevocation(identity.RevocationOptions{Authorities: x.material.Authorities}); err == nil {
		t.Error("revocation without a path")
	}
}

func BenchmarkAdmit(b *testing.B) {
	x := open(b)
	ctx := metadata.NewIncomingContext(x.contextOf("police"), metadata.Pairs(append(good(),
		":authority", "localhost", "content-type", "application/grpc", "user-agent", "grpc-go/1.85.0")...))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := x.door.Admit(ctx, getCase, true); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRecheck(b *testing.B) {
	x := open(b)
	ctx := metadata.NewIncomingContext(x.contextOf("police"), metadata.Pairs(good()...))
	c, err := x.door.Admit(ctx, getCase, true)
	must(b, err)
	b.ReportAllocs()
	for b.Loop() {
		if err := x.door.Recheck(ctx, c); err != nil {
			b.Fatal(err)
		}
	}
}
