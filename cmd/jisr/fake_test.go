package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/types/known/timestamppb"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/certs"
	"github.com/jisr-exchange/jisr/services/fault"
)

const (
	aCase   = "cases/mfzgk2lbnrsw45dfon2gk3tuem"
	aVictim = aCase + "/victims/nb2hi4dthixs653xo4xgs4tbni"
)

// day is the clock of every answer, so that golden files hold.
var day = timestamppb.New(time.Date(2026, 11, 22, 8, 30, 0, 0, time.UTC))

// stand is an exchange of set answers behind real mutual TLS: what is tested
// here is the command line, so the answers need no law.
type stand struct {
	jisrv1.UnimplementedAgreementServiceServer
	jisrv1.UnimplementedCaseServiceServer
	jisrv1.UnimplementedAuditServiceServer
	jisrv1.UnimplementedDirectoryServiceServer

	dir, addr string
	authority *certs.Authority
	now       func() *timestamppb.Timestamp

	mu      sync.Mutex
	headers metadata.MD
	tells   []jisrv1.DataClass
	made    map[string]string // name by request id
}

// newStand starts one; shape changes its TLS.
func newStand(t *testing.T, shape func(*tls.Config)) *stand {
	t.Helper()
	s := &stand{dir: t.TempDir(), now: func() *timestamppb.Timestamp { return day }, made: make(map[string]string), tells: []jisrv1.DataClass{
		jisrv1.DataClass_DATA_CLASS_CASE_CORE, jisrv1.DataClass_DATA_CLASS_CASE_NARRATIVE, jisrv1.DataClass_DATA_CLASS_VICTIM_PROFILE,
		jisrv1.DataClass_DATA_CLASS_VICTIM_NATIONALITY, jisrv1.DataClass_DATA_CLASS_VICTIM_IDENTITY, jisrv1.DataClass_DATA_CLASS_VICTIM_DOCUMENTS,
		jisrv1.DataClass_DATA_CLASS_SUSPECT_IDENTITY,
	}}
	dir := s.dir + "/certs"
	authority, err := certs.Create(dir, certs.Options{Clients: []certs.Client{{Agency: "dcoc", System: "main"}}})
	if err != nil {
		t.Fatal(err)
	}
	s.dir, s.authority = dir, authority
	pair, err := authority.IssueServer()
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(authority.Certificate())
	cfg := &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{pair.TLS()}, ClientCAs: roots, ClientAuth: tls.RequireAndVerifyClientCert}
	if shape != nil {
		shape(cfg)
	}
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.addr = listener.Addr().String()
	server := grpc.NewServer(grpc.Creds(credentials.NewTLS(cfg)), grpc.UnaryInterceptor(s.note))
	jisrv1.RegisterAgreementServiceServer(server, s)
	jisrv1.RegisterCaseServiceServer(server, s)
	jisrv1.RegisterAuditServiceServer(server, s)
	jisrv1.RegisterDirectoryServiceServer(server, s)
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		// A test may be over before the server has begun.
		if err := <-done; err != nil && !errors.Is(err, grpc.ErrServerStopped) {
			t.Error(err)
		}
	})
	return s
}

func (s *stand) note(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	s.mu.Lock()
	s.headers, _ = metadata.FromIncomingContext(ctx)
	s.mu.Unlock()
	return handler(ctx, req)
}

// flags are the flags by which jisr calls the stand.
func (s *stand) flags(more ...string) []string {
	return append(more, "--server", s.addr, "--dir", s.dir, "--agency", "dcoc", "--officer", "d.12", "--purpose", "investigation")
}

func (s *stand) WhoAmI(context.Context, *jisrv1.WhoAmIRequest) (*jisrv1.WhoAmIResponse, error) {
	return jisrv1.WhoAmIResponse_builder{
		Agency: "agencies/dcoc", System: "main", Roles: []jisrv1.Role{jisrv1.Role_ROLE_ORGANISED_CRIME}, Role: jisrv1.Role_ROLE_ORGANISED_CRIME,
		Purposes:              []jisrv1.Purpose{jisrv1.Purpose_PURPOSE_IDENTIFICATION, jisrv1.Purpose_PURPOSE_INVESTIGATION},
		CertificateExpireTime: day, ServerTime: s.now(), ServerVersion: "v0.1.0", Agreement: strings.Repeat("ab", 32), Development: true,
	}.Build(), nil
}

func (s *stand) GetDisclosureMatrix(_ context.Context, r *jisrv1.GetDisclosureMatrixRequest) (*jisrv1.GetDisclosureMatrixResponse, error) {
	reply := &jisrv1.GetDisclosureMatrixResponse{}
	rules := []*jisrv1.DisclosureRule{jisrv1.DisclosureRule_builder{
		Role: jisrv1.Role_ROLE_FOREIGN_AFFAIRS, DataClass: jisrv1.DataClass_DATA_CLASS_VICTIM_LOCATION,
		Read: []jisrv1.Condition{jisrv1.Condition_CONDITION_NEVER}, Write: []jisrv1.Condition{jisrv1.Condition_CONDITION_NEVER}, Reasons: []int32{15}, Fields: []string{"Victim.location"},
	}.Build(), jisrv1.DisclosureRule_builder{
		Role: jisrv1.Role_ROLE_FOREIGN_AFFAIRS, DataClass: jisrv1.DataClass_DATA_CLASS_VICTIM_CONSULAR, Consent: true,
		Read: []jisrv1.Condition{jisrv1.Condition_CONDITION_LINKED, jisrv1.Condition_CONDITION_OWN}, Write: []jisrv1.Condition{jisrv1.Condition_CONDITION_LINKED}, Reasons: []int32{8, 15}, Fields: []string{"Victim.consular"},
	}.Build()}
	for _, class := range s.tells {
		rules = append(rules, jisrv1.DisclosureRule_builder{Role: jisrv1.Role_ROLE_ORGANISED_CRIME, DataClass: class, Write: []jisrv1.Condition{jisrv1.Condition_CONDITION_OWNER}}.Build())
	}
	for _, rule := range rules {
		if r.GetRole() == 0 || r.GetRole() == rule.GetRole() {
			reply.SetRules(append(reply.GetRules(), rule))
		}
	}
	return reply, nil
}

func (s *stand) ExplainAccess(context.Context, *jisrv1.ExplainAccessRequest) (*jisrv1.ExplainAccessResponse, error) {
	return jisrv1.ExplainAccessResponse_builder{OnShelf: true, Decisions: []*jisrv1.AccessDecision{
		jisrv1.AccessDecision_builder{DataClass: jisrv1.DataClass_DATA_CLASS_VICTIM_PROFILE, Readable: true, Writable: true, Reasons: []int32{4}, Fields: []string{"Victim.state", "Victim.profile"}}.Build(),
		jisrv1.AccessDecision_builder{DataClass: jisrv1.DataClass_DATA_CLASS_VICTIM_LOCATION, Reason: jisrv1.Withholding_REASON_ROLE_NOT_GRANTED, Reasons: []int32{14}, AskAgency: "agencies/molsa", Fields: []string{"Victim.location"}}.Build(),
	}}.Build(), nil
}

func (s *stand) GetVictim(context.Context, *jisrv1.GetVictimRequest) (*jisrv1.Victim, error) {
	return jisrv1.Victim_builder{
		Name: aVictim, Etag: "e1", CreateTime: day, UpdateTime: day, State: jisrv1.Victim_STATE_POSSIBLE, PersonRole: jisrv1.Victim_PERSON_ROLE_VICTIM,
		Profile:  jisrv1.VictimProfile_builder{Sex: jisrv1.Sex_SEX_FEMALE, Languages: []string{"ar", "ckb"}, Sectors: []string{"domestic work"}}.Build(),
		Identity: jisrv1.VictimIdentity_builder{FullName: jisrv1.PersonName_builder{Original: "نرجس الرمان الفضي", Language: "ar"}.Build()}.Build(),
		Risk:     jisrv1.VictimRisk_builder{Level: jisrv1.RiskLevel_RISK_LEVEL_HIGH, Assessment: "first line\nsecond line, with \x1b[31mescape and \u202eturned"}.Build(),
		Withheld: []*jisrv1.Withholding{
			jisrv1.Withholding_builder{DataClass: jisrv1.DataClass_DATA_CLASS_VICTIM_LOCATION, Reason: jisrv1.Withholding_REASON_ROLE_NOT_GRANTED, AskAgency: "agencies/molsa"}.Build(),
			jisrv1.Withholding_builder{DataClass: jisrv1.DataClass_DATA_CLASS_VICTIM_HEALTH, Reason: jisrv1.Withholding_REASON_NOT_AVAILABLE}.Build(),
		},
	}.Build(), nil
}

func (s *stand) GetCase(context.Context, *jisrv1.GetCaseRequest) (*jisrv1.Case, error) {
	return jisrv1.Case_builder{Name: aCase, CrimeType: jisrv1.Case_CRIME_TYPE_TRAFFICKING_IN_PERSONS, LegalBases: []*jisrv1.LegalBasis{
		jisrv1.LegalBasis_builder{Article: "TIP.28-2012.6-1", ProposedBy: jisrv1.Role_ROLE_ORGANISED_CRIME, ProposeTime: day}.Build(),
		jisrv1.LegalBasis_builder{Article: "PROST.8-1988.4", ProposedBy: jisrv1.Role_ROLE_INVESTIGATING_JUDGE}.Build(),
	}}.Build(), nil
}

func (s *stand) GetSuspect(context.Context, *jisrv1.GetSuspectRequest) (*jisrv1.Suspect, error) {
	return nil, fault.New(fault.NotFound).GRPCStatus().Err()
}

func (s *stand) ListLogEntries(_ context.Context, r *jisrv1.ListLogEntriesRequest) (*jisrv1.ListLogEntriesResponse, error) {
	if r.GetPageToken() == "" {
		return jisrv1.ListLogEntriesResponse_builder{NextPageToken: "more", LogEntries: []*jisrv1.LogEntry{jisrv1.LogEntry_builder{
			CreateTime: day, Kind: jisrv1.LogEntry_KIND_DISCLOSED, Role: jisrv1.Role_ROLE_SOCIAL_AFFAIRS, Purpose: jisrv1.Purpose_PURPOSE_ASSISTANCE, Rpc: "CaseService/GetVictim",
			DataClasses: []jisrv1.DataClass{jisrv1.DataClass_DATA_CLASS_VICTIM_PROFILE, jisrv1.DataClass_DATA_CLASS_VICTIM_ALIAS}, Agency: "agencies/molsa", System: "shelters", Officer: "s.4",
		}.Build()}}.Build(), nil
	}
	return jisrv1.ListLogEntriesResponse_builder{LogEntries: []*jisrv1.LogEntry{jisrv1.LogEntry_builder{
		CreateTime: day, Kind: jisrv1.LogEntry_KIND_CHANGED, Role: jisrv1.Role_ROLE_ORGANISED_CRIME, Purpose: jisrv1.Purpose_PURPOSE_INVESTIGATION, Rpc: "CaseService/CreateVictim",
	}.Build()}}.Build(), nil
}

func (s *stand) create(requestID, name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if first, ok := s.made[requestID]; ok {
		return first
	}
	id := []byte(strings.Repeat("a", 26))
	id[25] += byte(len(s.made))
	s.made[requestID] = name + string(id)
	return s.made[requestID]
}

func (s *stand) CreateCase(_ context.Context, r *jisrv1.CreateCaseRequest) (*jisrv1.Case, error) {
	return jisrv1.Case_builder{Name: s.create(r.GetRequestId(), "cases/")}.Build(), nil
}

func (s *stand) CreateVictim(_ context.Context, r *jisrv1.CreateVictimRequest) (*jisrv1.Victim, error) {
	return jisrv1.Victim_builder{Name: s.create(r.GetRequestId(), r.GetParent()+"/victims/")}.Build(), nil
}

func (s *stand) CreateSuspect(_ context.Context, r *jisrv1.CreateSuspectRequest) (*jisrv1.Suspect, error) {
	if strings.HasPrefix(r.GetSuspect().GetIdentity().GetFullName().GetOriginal(), "Refused") {
		return nil, fault.Invalid(fault.Violation{Field: "suspect.identity.full_name.original", Rule: "not that"}).GRPCStatus().Err()
	}
	return jisrv1.Suspect_builder{Name: s.create(r.GetRequestId(), r.GetParent()+"/suspects/")}.Build(), nil
}
