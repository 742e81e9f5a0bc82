package jisrtest_test

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/jisr-exchange/jisr/examples"
	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/jisrtest"
	"github.com/jisr-exchange/jisr/services/jisrtest/oracle"
	"github.com/jisr-exchange/jisr/services/record"
	"github.com/jisr-exchange/jisr/services/register"
)

// Every register of the field comes in whole through the API, and four agencies
// list all that they may know of: the judge of the territory, the shelter to
// which some victims were referred, foreign affairs with which some cases were
// shared, and the monitor. Each must see the records that its standing gives
// it, no others, and of each what the matrix says.
func TestRegistersOfTheFieldAreReadBackAsTheMatrixSays(t *testing.T) {
	p := &registersPlay{sherlocPlay{
		t: t, x: jisrtest.Start(t), scope: make(map[string]map[jisrv1.DataClass]bool),
		shared: make(map[string]bool), consented: make(map[string]bool), referred: make(map[string]string),
	}}
	p.l = &ledger{Client: p.x.As(jisrtest.Police), clear: make(map[string]proto.Message)}
	for _, r := range []struct {
		file          string
		mapping, data []byte
		rows, cases   int
	}{
		{"ctdc_derived_eda5b.csv", examples.CTDCMapping, nil, 14299, 14299},
		{"unodc_sherloc_us_cases_coded.csv", examples.SherlocMapping, nil, 181, 175},
		{"uk_nrm_example_payload.json", examples.NRMMapping, nil, 1, 1},
		{"", examples.HTCDSMapping, examples.HTCDS, 6, 6},
	} {
		if r.file != "" {
			data, err := os.ReadFile(filepath.Join(jisrtest.Root(), "..", "shared", "data", r.file))
			if err != nil {
				t.Skip("the field's data is not beside this checkout: ", err)
			}
			r.data = data
		}
		p.bring(r.mapping, r.data, r.rows, r.cases)
	}
	slices.Sort(p.l.cases)
	// One case in forty has dealings, each of the three kinds in turn: referred, shared, neither.
	for i := 0; i < len(p.l.cases); i += 40 {
		p.act(i/40, p.l.cases[i])
	}
	judge := p.x.AsFor(jisrtest.Judge, jisrv1.Role_ROLE_INVESTIGATING_JUDGE, jisrv1.Purpose_PURPOSE_INVESTIGATION)
	shelter := p.x.AsFor(jisrtest.Shelter, jisrv1.Role_ROLE_SOCIAL_AFFAIRS, jisrv1.Purpose_PURPOSE_ASSISTANCE)
	foreign := p.x.AsFor(jisrtest.Foreign, jisrv1.Role_ROLE_FOREIGN_AFFAIRS, jisrv1.Purpose_PURPOSE_CONSULAR)
	seenByJudge, seenByShelter := list(t, judge, true), list(t, shelter, false)
	for who, faults := range map[string][]string{
		"the judge":       p.differences(judge, seenByJudge, p.territory),
		"the shelter":     p.differences(shelter, seenByShelter, p.sheltered),
		"foreign affairs": p.differences(foreign, list(t, foreign, false), p.participant),
	} {
		for _, fault := range faults[:min(len(faults), 10)] {
			t.Errorf("%s: %s", who, fault)
		}
	}
	p.monitor()
	t.Logf("%d cases, %d records in all; the judge read %d, %d victims were referred, %d cases shared", len(p.l.cases), len(p.l.clear), len(seenByJudge), len(p.referred), len(p.shared))
	t.Run("and a record more, less or otherwise is noticed", func(t *testing.T) {
		few := p.l.cases[:300]
		outside := func(name string) bool { return !slices.Contains(few, strings.Join(strings.Split(name, "/")[:2], "/")) }
		maps.DeleteFunc(p.l.clear, func(name string, _ proto.Message) bool { return outside(name) })
		maps.DeleteFunc(seenByJudge, func(name string, _ proto.Message) bool { return outside(name) })
		maps.DeleteFunc(seenByShelter, func(name string, _ proto.Message) bool { return outside(name) })
		some := few[slices.IndexFunc(few, func(c string) bool { return seenByJudge[c] != nil })]
		for name, spoil := range map[string]func(map[string]proto.Message){
			"nothing": func(map[string]proto.Message) {},
			"less":    func(seen map[string]proto.Message) { delete(seen, some) },
			"more": func(seen map[string]proto.Message) {
				seen["cases/aaaaaaaaaaaaaaaaaaaaaaaaaa"] = &jisrv1.Case{}
			},
			"otherwise": func(seen map[string]proto.Message) {
				c := record.Clone(seen[some]).(*jisrv1.Case)
				c.SetSources(jisrv1.InvestigationSources_builder{Text: "leaked"}.Build())
				seen[some] = c
			},
		} {
			seen, want := maps.Clone(seenByJudge), 1
			if spoil(seen); name == "nothing" {
				want = 0
			}
			if got := p.differences(judge, seen, p.territory); len(got) != want {
				t.Errorf("%s: %d differences were noticed, want %d", name, len(got), want)
			}
		}
		if got := p.differences(shelter, seenByShelter, p.territory); len(got) < len(few) {
			t.Errorf("the shelter does not stand as the judge does, and %d differences were noticed", len(got))
		}
	})
}

// registersPlay is the play of one register with several.
type registersPlay struct{ sherlocPlay }

// bring imports a register over mutual TLS.
func (p *registersPlay) bring(mapping, data []byte, rows, cases int) {
	p.t.Helper()
	m, err := register.ReadMapping(bytes.NewReader(mapping))
	p.must(err)
	plan, err := m.Plan(bytes.NewReader(data))
	p.must(err)
	before := len(p.l.cases)
	sum, rejects, err := (&register.Importer{Cases: p.l, InFlight: 32, Timeout: time.Minute, Names: register.NewNames()}).Run(context.Background(), plan)
	p.must(err)
	if sum.Rows != rows || sum.Cases != cases || len(p.l.cases)-before != cases || sum.Imported+sum.Rejected != rows {
		p.t.Fatalf("%s: %+v, rejects %v; want %d rows and %d cases", m.Register, sum, rejects, rows, cases)
	}
	for _, r := range rejects {
		if r.Line == 0 || r.Column == "" || r.Reason == "" {
			p.t.Errorf("%s: a row was rejected without line, column or reason: %+v", m.Register, r)
		}
	}
}

// territory is the standing of the judge of Rusafa, in Baghdad.
func (p *registersPlay) territory(c string) oracle.Standing {
	if p.l.clear[c].(*jisrv1.Case).GetGovernorate() != "IQG08" {
		return oracle.Standing{}
	}
	return oracle.Standing{Links: []oracle.Link{{Kind: jisrv1.Link_LINK_TERRITORY}}}
}

// differences holds what an agency was shown against what the slow way says of
// every record that was told, whether it was shown or not.
func (p *registersPlay) differences(who *jisrtest.Client, seen map[string]proto.Message, standing func(string) oracle.Standing) (faults []string) {
	p.t.Helper()
	for name, clear := range p.l.clear {
		parts := strings.Split(name, "/")
		s := standing(strings.Join(parts[:2], "/"))
		got, shown := seen[name]
		_, suspect := clear.(*jisrv1.Suspect)
		switch reached := len(s.Links) > 0; {
		case suspect && who.Role != jisrv1.Role_ROLE_INVESTIGATING_JUDGE:
			continue // the other two do not list suspects here
		case shown != reached:
			faults = append(faults, fmt.Sprintf("%s is shown: %v, is to be shown: %v", name, shown, reached))
		case shown:
			want := asTold(oracle.Project(clear, oracle.Lens(who.Role, who.Purpose, s)))
			if !proto.Equal(want, asTold(got)) {
				faults = append(faults, name+" is shown with more, less or other fields than the matrix grants")
			}
		}
	}
	for name := range seen {
		if p.l.clear[name] == nil {
			faults = append(faults, name+" was told by nobody")
		}
	}
	return faults
}

// asTold is a record without what the exchange fills by itself.
func asTold(m proto.Message) proto.Message {
	m = proto.Clone(m)
	r := m.ProtoReflect()
	for _, field := range []protoreflect.Name{"name", "etag", "create_time", "update_time", "withheld", "state", "progress", "owner"} {
		if fd := r.Descriptor().Fields().ByName(field); fd != nil {
			r.Clear(fd)
		}
	}
	return m
}

// list reads all that an agency may know of, page by page.
func list(t *testing.T, c *jisrtest.Client, suspects bool) map[string]proto.Message {
	t.Helper()
	ctx, seen := context.Background(), make(map[string]proto.Message)
	keep := func(name string, m proto.Message) {
		if seen[name] != nil {
			t.Errorf("%s was listed twice", name)
		}
		seen[name] = m
	}
	pages(t, func(token string) (string, error) {
		page, err := c.ListCases(ctx, jisrv1.ListCasesRequest_builder{PageSize: 100, PageToken: token}.Build())
		for _, m := range page.GetCases() {
			keep(m.GetName(), m)
		}
		return page.GetNextPageToken(), err
	})
	pages(t, func(token string) (string, error) {
		page, err := c.ListVictims(ctx, jisrv1.ListVictimsRequest_builder{Parent: "cases/-", PageSize: 100, PageToken: token}.Build())
		for _, m := range page.GetVictims() {
			keep(m.GetName(), m)
		}
		return page.GetNextPageToken(), err
	})
	if suspects {
		pages(t, func(token string) (string, error) {
			page, err := c.ListSuspects(ctx, jisrv1.ListSuspectsRequest_builder{Parent: "cases/-", PageSize: 100, PageToken: token}.Build())
			for _, m := range page.GetSuspects() {
				keep(m.GetName(), m)
			}
			return page.GetNextPageToken(), err
		})
	}
	return seen
}

func pages(t *testing.T, page func(token string) (string, error)) {
	t.Helper()
	for token := ""; ; {
		next, err := page(token)
		if err != nil {
			t.Fatal(err)
		}
		if token = next; token == "" {
			return
		}
	}
}

func (l *ledger) CreateSuspect(ctx context.Context, r *jisrv1.CreateSuspectRequest, opts ...grpc.CallOption) (*jisrv1.Suspect, error) {
	m, err := l.Client.CreateSuspect(ctx, r, opts...)
	if err == nil {
		l.keep(m.GetName(), record.Clone(r.GetSuspect()))
	}
	return m, err
}
