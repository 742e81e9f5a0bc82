package jisrtest_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/export"
	"github.com/jisr-exchange/jisr/services/jisrtest"
	"github.com/jisr-exchange/jisr/services/register"
)

// exportAs exports to a file as an agency, in one form, and returns what it holds.
func exportAs(t *testing.T, c *jisrtest.Client, form export.Form) (*export.Summary, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "view")
	sum, err := (&export.Exporter{Cases: c}).ToFile(context.Background(), path, form)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return sum, string(text)
}

func TestExportHoldsWhatTheAgencyMayReadAndIsLoggedAsReading(t *testing.T) {
	x := jisrtest.Start(t)
	p := jisrtest.Opened(t, x)
	p.Refer(jisrv1.Referral_KIND_CHILD_PROTECTION, jisrtest.Shelter)
	for _, tc := range []struct {
		who       string
		reads     []string
		never     []string
		withholds string
	}{
		{jisrtest.Police, []string{"sources text", "narrative account", "زهرة الوادي", "ڕووباری شین", "نهر الحجر", p.Case, p.Second}, nil, "VICTIM_LOCATION"},
		{jisrtest.Shelter, []string{p.First, "risk assessment"}, []string{"sources text", "plan text", "ڕووباری شین", p.Second, "نهر الحجر"}, "INVESTIGATION_SOURCES"},
		{jisrtest.Monitor, []string{"SERVITUDE"}, []string{"sources text", "زهرة الوادي", "narrative account", p.Case[6:], p.First[40:]}, "CASE_NARRATIVE"},
		{jisrtest.Health, nil, []string{"SERVITUDE", p.Case[6:], "زهرة الوادي"}, ""},
	} {
		for name, form := range map[string]export.Form{"CSV": (*export.Summary).CSV, "JSON lines": (*export.Summary).JSONLines} {
			sum, text := exportAs(t, x.As(tc.who), form)
			for _, words := range tc.reads {
				if !strings.Contains(text, words) {
					t.Errorf("%s, %s: the export lacks %q", tc.who, name, words)
				}
			}
			for _, words := range tc.never {
				if strings.Contains(text, words) {
					t.Errorf("%s, %s: the export holds %q", tc.who, name, words)
				}
			}
			if tc.withholds != "" && (sum.Withheld[tc.withholds] == 0 || !strings.Contains(text, tc.withholds+" (")) {
				t.Errorf("%s, %s: %s is not named as withheld", tc.who, name, tc.withholds)
			}
		}
	}
	entries, err := x.As(jisrtest.Police).ListLogEntries(context.Background(), jisrv1.ListLogEntriesRequest_builder{Record: p.First, PageSize: 100}.Build())
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(entries.GetLogEntries(), func(e *jisrv1.LogEntry) bool {
		return e.GetRpc() == "CaseService/ListVictims" && e.GetRole() == jisrv1.Role_ROLE_SOCIAL_AFFAIRS
	}) {
		t.Error("the shelter's export of the victim is no entry in the log")
	}
}

// What the police export from one exchange, they bring into another, and read there as they did here.
func TestExportOfOneExchangeIsImportedIntoAnotherAsItWas(t *testing.T) {
	here, there := jisrtest.Start(t), jisrtest.Start(t)
	jisrtest.Opened(t, here)
	want := views(list(t, here.As(jisrtest.Police), true))
	for _, asJSON := range []bool{false, true} {
		form := export.Form((*export.Summary).CSV)
		if asJSON {
			form = (*export.Summary).JSONLines
		}
		sum, text := exportAs(t, here.As(jisrtest.Police), form)
		mapping, err := register.ReadMapping(bytes.NewReader(sum.Mapping("of-the-other-exchange", asJSON)))
		if err != nil {
			t.Fatal(err)
		}
		plan, err := mapping.Plan(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		done, rejects, err := (&register.Importer{Cases: there.As(jisrtest.Police), InFlight: 4, Timeout: time.Minute, Names: register.NewNames()}).Run(context.Background(), plan)
		if err != nil || len(rejects) > 0 {
			t.Fatalf("%+v, %v, %v", done, rejects, err)
		}
		// The second form comes to what is there already: the same rows say the same.
		if asJSON && done.AlreadyThere != done.Rows || !asJSON && done.Imported != done.Rows {
			t.Errorf("JSON: %v, %+v", asJSON, done)
		}
		if diff := cmp.Diff(want, views(list(t, there.As(jisrtest.Police), true)), protocmp.Transform()); diff != "" {
			t.Errorf("JSON: %v (-here +there):\n%s", asJSON, diff)
		}
	}
	if len(want) != 4 {
		t.Errorf("%d records were compared; want a case, two victims and a suspect", len(want))
	}
}

// views are records without their names, in an order of their content.
func views(seen map[string]proto.Message) []proto.Message {
	var all []proto.Message
	for _, m := range seen {
		m = asTold(m)
		if s, ok := m.(*jisrv1.Suspect); ok {
			s.SetEndangers(nil) // links to names, which are others there
		}
		all = append(all, m)
	}
	key := func(m proto.Message) string {
		b, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
		if err != nil {
			panic(err)
		}
		return string(b)
	}
	slices.SortFunc(all, func(a, b proto.Message) int { return strings.Compare(key(a), key(b)) })
	return all
}
