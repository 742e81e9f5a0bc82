package export_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/export"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/register"
)

const (
	aCase    = "cases/mfzgk2lbnrsw45dfon2gk3tuem"
	aVictim  = aCase + "/victims/nb2hi4dthixs653xo4xgs4tbni"
	aSuspect = aCase + "/suspects/nb2hi4dthixs653xo4xgs4tbnq"
)

// shelf answers lists with what a test puts on it, one record a page.
type shelf struct {
	cases    []*jisrv1.Case
	victims  []*jisrv1.Victim
	suspects []*jisrv1.Suspect
	refuse   map[string]error
}

// next returns the one record of a page, and the token of the page after it.
func next[M any](all []M, token string) ([]M, string) {
	n := len(token)
	if n >= len(all) {
		return nil, ""
	}
	if n+1 < len(all) {
		token += "x"
	} else {
		token = ""
	}
	return all[n : n+1], token
}

func (s *shelf) ListCases(_ context.Context, r *jisrv1.ListCasesRequest, _ ...grpc.CallOption) (*jisrv1.ListCasesResponse, error) {
	page, token := next(s.cases, r.GetPageToken())
	return jisrv1.ListCasesResponse_builder{Cases: page, NextPageToken: token}.Build(), s.refuse["cases"+r.GetPageToken()]
}

func (s *shelf) ListVictims(_ context.Context, r *jisrv1.ListVictimsRequest, _ ...grpc.CallOption) (*jisrv1.ListVictimsResponse, error) {
	page, token := next(s.victims, r.GetPageToken())
	return jisrv1.ListVictimsResponse_builder{Victims: page, NextPageToken: token}.Build(), s.refuse["victims"+r.GetPageToken()]
}

func (s *shelf) ListSuspects(_ context.Context, r *jisrv1.ListSuspectsRequest, _ ...grpc.CallOption) (*jisrv1.ListSuspectsResponse, error) {
	page, token := next(s.suspects, r.GetPageToken())
	return jisrv1.ListSuspectsResponse_builder{Suspects: page, NextPageToken: token}.Build(), s.refuse["suspects"+r.GetPageToken()]
}

// example is a shelf with a case, two victims and a suspect.
func example() *shelf {
	at := &timestamppb.Timestamp{Seconds: 1_760_000_000, Nanos: 500}
	c := jisrv1.Case_builder{
		Name: aCase, Etag: "e", CreateTime: at, State: jisrv1.Case_STATE_DRAFT, CrimeType: jisrv1.Case_CRIME_TYPE_TRAFFICKING_IN_PERSONS, Governorate: "IQG08",
		AdministeringAuthority: jisrv1.Jurisdiction_JURISDICTION_FEDERAL,
		Core:                   jisrv1.CaseCore_builder{Sectors: []string{"a; b", `c\`, "=cmd"}, ExploitationForms: []jisrv1.ExploitationForm{jisrv1.ExploitationForm_EXPLOITATION_FORM_SERVITUDE}}.Build(),
		LegalBases: []*jisrv1.LegalBasis{
			jisrv1.LegalBasis_builder{Article: "TIP.28-2012.6-1", ProposeTime: at}.Build(), jisrv1.LegalBasis_builder{Article: "PROST.8-1988.4"}.Build(),
		},
		Hearings: []*jisrv1.Hearing{jisrv1.Hearing_builder{Court: "Rusafa", Closed: true}.Build()},
	}.Build()
	first := jisrv1.Victim_builder{
		Name: aVictim, PersonRole: jisrv1.Victim_PERSON_ROLE_VICTIM, Profile: jisrv1.VictimProfile_builder{Minor: jisrv1.Answer_ANSWER_NO}.Build(),
		Identity: jisrv1.VictimIdentity_builder{FullName: jisrv1.PersonName_builder{Original: "نرجس الرمان الفضي", Language: "ar"}.Build(), BirthPlace: "=1+1"}.Build(),
		Withheld: []*jisrv1.Withholding{
			jisrv1.Withholding_builder{DataClass: jisrv1.DataClass_DATA_CLASS_VICTIM_LOCATION, Reason: jisrv1.Withholding_REASON_ROLE_NOT_GRANTED, AskAgency: "agencies/molsa"}.Build(),
			jisrv1.Withholding_builder{DataClass: jisrv1.DataClass_DATA_CLASS_VICTIM_HEALTH, Reason: jisrv1.Withholding_REASON_NOT_AVAILABLE}.Build(),
		},
	}.Build()
	second := jisrv1.Victim_builder{Name: aVictim[:len(aVictim)-1] + "j", PersonRole: jisrv1.Victim_PERSON_ROLE_WITNESS}.Build()
	suspect := jisrv1.Suspect_builder{Name: aSuspect, Endangers: []string{aVictim, second.GetName()}, Identity: jisrv1.SuspectIdentity_builder{
		Note: "\t-1 \"quoted\"\nline\n'@x", OtherNames: []*jisrv1.PersonName{jisrv1.PersonName_builder{Original: "ڕووبار"}.Build(), jisrv1.PersonName_builder{Original: "Oak"}.Build()},
	}.Build()}.Build()
	return &shelf{cases: []*jisrv1.Case{c}, victims: []*jisrv1.Victim{first, second}, suspects: []*jisrv1.Suspect{suspect}}
}

// exported is an export in both forms.
func exported(t require, s *shelf) (*export.Summary, string, string) {
	t.Helper()
	var spool, table, lines bytes.Buffer
	sum, err := (&export.Exporter{Cases: s}).Fetch(context.Background(), &spool)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(sum.CSV(&table, bytes.NewReader(spool.Bytes())), sum.JSONLines(&lines, bytes.NewReader(spool.Bytes()))); err != nil {
		t.Fatal(err)
	}
	return sum, table.String(), lines.String()
}

type require interface {
	Helper()
	Fatal(...any)
	Fatalf(string, ...any)
}

func TestExportHasARowForEachRecordAndAColumnForEachFieldThatIsFilled(t *testing.T) {
	sum, table, lines := exported(t, example())
	if sum.Total() != 4 || sum.Records[register.KindVictim] != 2 || sum.Withheld["VICTIM_LOCATION"] != 1 || sum.Unknown != 0 {
		t.Errorf("%+v", sum)
	}
	if !strings.HasPrefix(table, "\ufeff\"kind\",") {
		t.Errorf("no byte order mark before the header: %.40q", table)
	}
	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(table, "\ufeff"))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	want := [][]string{
		{
			"kind", "name", "of_case", "case.create_time", "case.state", "case.crime_type", "case.governorate", "case.administering_authority", "case.core.exploitation_forms",
			"case.core.sectors", "case.legal_bases.1.article", "case.legal_bases.1.propose_time", "case.legal_bases.2.article", "case.hearings.1.court", "case.hearings.1.closed",
			"victim.person_role", "victim.profile.minor", "victim.identity.full_name.original", "victim.identity.full_name.language", "victim.identity.birth_place",
			"suspect.endangers", "suspect.identity.other_names.1.original", "suspect.identity.other_names.2.original", "suspect.identity.note", "withheld",
		},
		{
			"case", aCase, aCase, "2025-10-09T08:53:20.0000005Z", "DRAFT", "TRAFFICKING_IN_PERSONS", "IQG08", "FEDERAL", "SERVITUDE", `a\; b; c\\; '=cmd`, "TIP.28-2012.6-1",
			"2025-10-09T08:53:20.0000005Z", "PROST.8-1988.4", "Rusafa", "true", "", "", "", "", "", "", "", "", "", "",
		},
		{
			"victim", aVictim, aCase, "", "", "", "", "", "", "", "", "", "", "", "", "VICTIM", "NO", "نرجس الرمان الفضي", "ar", "'=1+1", "", "", "", "",
			"VICTIM_LOCATION (ROLE_NOT_GRANTED, ask agencies/molsa); VICTIM_HEALTH (NOT_AVAILABLE)",
		},
		{"victim", aVictim[:len(aVictim)-1] + "j", aCase, "", "", "", "", "", "", "", "", "", "", "", "", "WITNESS", "", "", "", "", "", "", "", "", ""},
		{
			"suspect", aSuspect, aCase, "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", aVictim + "; " + aVictim[:len(aVictim)-1] + "j", "ڕووبار", "Oak",
			"'\t'-1 \"quoted\"\nline\n''@x", "",
		},
	}
	if diff := cmp.Diff(want, rows); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	for _, part := range []string{`"victim":{"person_role":"PERSON_ROLE_VICTIM","profile":{"minor":"ANSWER_NO"},`, "نرجس الرمان الفضي", `"withheld":["VICTIM_LOCATION (ROLE_NOT_GRANTED, ask agencies/molsa)",`} {
		if !strings.Contains(lines, part) {
			t.Errorf("the lines lack %s:\n%s", part, lines)
		}
	}
	if strings.Count(lines, "\n") != 4 || strings.Contains(lines, "minor\":\"ANSWER_UNSPECIFIED") {
		t.Errorf("want four lines, and nothing about what is not stated:\n%s", lines)
	}
}

// told is what a plan would tell, each record by its external id; fields that
// the exchange fills are not told.
func told(t require, s *shelf) map[string]proto.Message {
	t.Helper()
	all := make(map[string]proto.Message)
	add := func(name string, m proto.Message) {
		m = proto.Clone(m)
		r := m.ProtoReflect()
		for _, field := range []protoreflect.Name{"name", "etag", "create_time", "update_time", "withheld", "state", "progress", "owner", "endangers"} {
			if fd := r.Descriptor().Fields().ByName(field); fd != nil {
				r.Clear(fd)
			}
		}
		all[name] = m
	}
	for _, m := range s.cases {
		add(m.GetName(), m)
	}
	for _, m := range s.victims {
		add(m.GetName(), m)
	}
	for _, m := range s.suspects {
		add(m.GetName(), m)
	}
	return all
}

// again reads an export by its own mapping.
func again(t require, mapping []byte, text string) map[string]proto.Message {
	t.Helper()
	m, err := register.ReadMapping(bytes.NewReader(mapping))
	if err != nil {
		t.Fatalf("%v\n%s", err, mapping)
	}
	p, err := m.Plan(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Rejects) > 0 {
		t.Fatalf("rejects %v of\n%q\nby\n%s", p.Rejects, text, mapping)
	}
	all := make(map[string]proto.Message)
	for _, g := range p.Groups {
		all[g.Case.ExternalID] = g.Case.Request.(*jisrv1.CreateCaseRequest).GetCase()
		for _, person := range g.Persons {
			switch r := person.Request.(type) {
			case *jisrv1.CreateVictimRequest:
				all[person.ExternalID] = r.GetVictim()
			case *jisrv1.CreateSuspectRequest:
				all[person.ExternalID] = r.GetSuspect()
			}
		}
	}
	return all
}

func TestExportIsImportedAgainAsItWas(t *testing.T) {
	s := example()
	sum, table, lines := exported(t, s)
	for form, got := range map[string]map[string]proto.Message{
		"CSV": again(t, sum.Mapping("once-more", false), table), "JSON lines": again(t, sum.Mapping("once-more", true), lines),
	} {
		if diff := cmp.Diff(told(t, s), got, protocmp.Transform()); diff != "" {
			t.Errorf("%s (-told +imported again):\n%s", form, diff)
		}
	}
}

// Whatever words stand in a record, both forms give them back to the letter.
func TestAnyWordsComeBackToTheLetter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.StringOfN(rapid.RuneFrom([]rune("=+-@'\t\n,;| \\\"abNA١نێ＝<&\u200f")), 1, 30, -1)
		s := example()
		s.cases[0].GetCore().SetSectors(rapid.SliceOfNDistinct(words, 1, 4, rapid.ID[string]).Draw(t, "sectors"))
		s.cases[0].SetNarrative(jisrv1.CaseNarrative_builder{Account: words.Draw(t, "account")}.Build())
		s.victims[0].GetIdentity().GetFullName().SetOriginal(words.Draw(t, "name"))
		s.suspects[0].GetIdentity().SetNote(words.Draw(t, "note"))
		sum, table, lines := exported(t, s)
		want := told(t, s)
		for form, got := range map[string]map[string]proto.Message{
			"CSV": again(t, sum.Mapping("once-more", false), table), "JSON lines": again(t, sum.Mapping("once-more", true), lines),
		} {
			if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
				t.Fatalf("%s (-told +imported again):\n%s", form, diff)
			}
		}
	})
}

func TestListThatTheRoleMayNotCallIsLeftOutAndNamedUnlessItWasAskedFor(t *testing.T) {
	s := example()
	s.refuse = map[string]error{"suspects": fault.New(fault.MethodNotGranted).GRPCStatus().Err()}
	var spool bytes.Buffer
	sum, err := (&export.Exporter{Cases: s}).Fetch(t.Context(), &spool)
	if err != nil || !slices.Equal(sum.NotGranted, []register.Kind{register.KindSuspect}) || sum.Total() != 3 {
		t.Errorf("%+v, %v", sum, err)
	}
	if _, err := (&export.Exporter{Cases: s, Kinds: []register.Kind{register.KindSuspect}}).Fetch(t.Context(), &spool); err == nil {
		t.Error("suspects were asked for, and their list was refused")
	}
}

// What was there stays until what comes instead is whole.
func TestExportThatIsCutOffLeavesNoHalfFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "out.csv")
	if err := os.WriteFile(path, []byte("yesterday"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := example()
	s.refuse = map[string]error{"victimsx": fault.New(fault.StoreUnavailable).GRPCStatus().Err()}
	if _, err := (&export.Exporter{Cases: s}).ToFile(t.Context(), path, (*export.Summary).CSV); err == nil {
		t.Fatal("an export of which a page failed was called whole")
	}
	if err := export.WriteFile(path, func(io.Writer) error { return errors.New("no space left") }); !errors.Is(err, export.ErrFile) {
		t.Error(err)
	}
	left(t, dir, "yesterday")
	s.refuse = nil
	if err := os.WriteFile(path+".part-17", []byte("of a killed export"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := (&export.Exporter{Cases: s}).ToFile(t.Context(), path, (*export.Summary).CSV); err != nil {
		t.Fatal(err)
	}
	_, table, _ := exported(t, s)
	left(t, dir, table)
}

// left requires out.csv alone in a directory, with a text and for its owner alone.
func left(t *testing.T, dir, text string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Fatalf("%d files are left, %v; want one", len(entries), err)
	}
	info, err := entries[0].Info()
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(dir, "out.csv"))
	if err != nil || string(got) != text || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %o, %q, %v", info.Mode().Perm(), got, err)
	}
}

func TestTwoExportsToOneFileAtOncePublishNoHalf(t *testing.T) {
	path := filepath.Join(t.TempDir(), "view.csv")
	half, whole := bytes.Repeat([]byte("half\n"), 4096), []byte("whole\n")
	begun, published := make(chan struct{}), make(chan struct{})
	late := make(chan error, 1)
	_ = export.WriteFile(path, func(w io.Writer) error {
		go func() {
			late <- export.WriteFile(path, func(w io.Writer) error {
				_, err := w.Write(half)
				close(begun)
				<-published
				return err
			})
		}()
		<-begun
		_, err := w.Write(whole)
		return err
	})
	if text, err := os.ReadFile(path); err == nil && !bytes.Equal(text, whole) || err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Errorf("while one is being written there stand %d bytes: %v", len(text), err)
	}
	close(published)
	if err := <-late; err != nil {
		t.Fatalf("the one that began last: %v", err)
	}
	if text, err := os.ReadFile(path); err != nil || !bytes.Equal(text, half) {
		t.Errorf("at the end there stand %d bytes: %v", len(text), err)
	}
}

func TestFieldOfANewerExchangeIsCountedNotForgotten(t *testing.T) {
	s := example()
	s.victims[0].GetIdentity().ProtoReflect().SetUnknown([]byte{0xa2, 0x06, 1, 'x'})
	if sum, _, _ := exported(t, s); sum.Unknown != 1 {
		t.Errorf("%d records with unknown fields, want 1", sum.Unknown)
	}
}
