package jisrtest_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/jisr-exchange/jisr/examples"
	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/jisrtest"
	"github.com/jisr-exchange/jisr/services/jisrtest/oracle"
	"github.com/jisr-exchange/jisr/services/record"
	"github.com/jisr-exchange/jisr/services/register"
)

// ledger creates records as the police and keeps what was told, in clear.
type ledger struct {
	*jisrtest.Client
	mu    sync.Mutex
	clear map[string]proto.Message
	cases []string
}

func (l *ledger) keep(name string, m proto.Message) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.clear[name] = m
	if strings.Count(name, "/") == 1 {
		l.cases = append(l.cases, name)
	}
}

func (l *ledger) CreateCase(ctx context.Context, r *jisrv1.CreateCaseRequest, opts ...grpc.CallOption) (*jisrv1.Case, error) {
	m, err := l.Client.CreateCase(ctx, r, opts...)
	if err == nil {
		l.keep(m.GetName(), record.Clone(r.GetCase()))
	}
	return m, err
}

func (l *ledger) CreateVictim(ctx context.Context, r *jisrv1.CreateVictimRequest, opts ...grpc.CallOption) (*jisrv1.Victim, error) {
	m, err := l.Client.CreateVictim(ctx, r, opts...)
	if err == nil {
		l.keep(m.GetName(), record.Clone(r.GetVictim()))
	}
	return m, err
}

// The real cases of a public register, imported through the API, referred,
// shared and consented to, are read back by three agencies record by record as
// the slow way says.
func TestRealCasesAreReadBackAsTheMatrixSays(t *testing.T) {
	file, err := os.Open(filepath.Join(jisrtest.Root(), "..", "shared", "data", "unodc_sherloc_us_cases_coded.csv"))
	if err != nil {
		t.Skip("the field's data is not beside this checkout: ", err)
	}
	defer file.Close()
	x := jisrtest.Start(t)
	l := &ledger{Client: x.As(jisrtest.Police), clear: make(map[string]proto.Message)}
	l.importAll(t, file)
	slices.Sort(l.cases)
	p := &sherlocPlay{t: t, x: x, l: l, scope: make(map[string]map[jisrv1.DataClass]bool), shared: make(map[string]bool), consented: make(map[string]bool), referred: make(map[string]string)}
	for i, c := range l.cases {
		p.act(i, c)
	}
	read := 0
	for _, c := range l.cases {
		victim := p.victimOf(c)
		read += p.compare(jisrtest.Shelter, c, p.sheltered(c)) + p.compare(jisrtest.Shelter, victim, p.sheltered(c))
		read += p.compare(jisrtest.Foreign, c, p.participant(c)) + p.compare(jisrtest.Foreign, victim, p.participant(c))
	}
	if read < len(l.cases) {
		t.Errorf("only %d records were read back of %d cases", read, len(l.cases))
	}
	p.monitor()
}

func (l *ledger) importAll(t *testing.T, file *os.File) {
	t.Helper()
	mapping, err := register.ReadMapping(strings.NewReader(string(examples.SherlocMapping)))
	if err != nil {
		t.Fatal(err)
	}
	plan, err := mapping.Plan(file)
	if err != nil {
		t.Fatal(err)
	}
	if plan.Rows != 181 {
		t.Fatalf("%d rows were read of 181", plan.Rows)
	}
	_, rejects, err := (&register.Importer{Cases: l, InFlight: 16, Timeout: time.Minute, Names: register.NewNames()}).Run(context.Background(), plan)
	if err != nil {
		t.Fatal(err)
	}
	if len(l.cases)+len(plan.Rejects)+len(rejects) < 181 || len(l.cases) < 170 {
		t.Fatalf("%d cases, %d and %d rejects of 181 rows", len(l.cases), len(plan.Rejects), len(rejects))
	}
	for _, r := range plan.Rejects {
		if r.Line == 0 || r.Reason == "" {
			t.Errorf("a row was rejected without line or reason: %+v", r)
		}
	}
}

// sherlocPlay refers a third of the cases to the shelter, shares a third with
// foreign affairs, and records consent for half.
type sherlocPlay struct {
	t         *testing.T
	x         *jisrtest.Exchange
	l         *ledger
	referred  map[string]string
	scope     map[string]map[jisrv1.DataClass]bool
	shared    map[string]bool
	consented map[string]bool
}

func (p *sherlocPlay) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

// victimOf is the case's first victim; a case of which the register tells of none gets one.
func (p *sherlocPlay) victimOf(c string) string {
	var names []string
	for name := range p.l.clear {
		if strings.HasPrefix(name, c+"/victims/") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	if len(names) > 0 {
		return names[0]
	}
	v, err := p.l.CreateVictim(context.Background(), jisrv1.CreateVictimRequest_builder{Parent: c, Victim: jisrtest.Person(0)}.Build())
	p.must(err)
	return v.GetName()
}

func (p *sherlocPlay) act(i int, c string) {
	ctx, victim := context.Background(), p.victimOf(c)
	police := p.x.As(jisrtest.Police)
	switch i % 3 {
	case 0:
		r, err := police.CreateReferral(ctx, jisrv1.CreateReferralRequest_builder{Parent: c, Referral: jisrv1.Referral_builder{
			Kind: jisrv1.Referral_KIND_CHILD_PROTECTION, Victim: victim, Receiver: "agencies/molsa",
		}.Build()}.Build())
		p.must(err)
		_, err = police.SendReferral(ctx, jisrv1.SendReferralRequest_builder{Name: r.GetName()}.Build())
		p.must(err)
		terms, _ := p.x.Law().Referral(jisrv1.Referral_KIND_CHILD_PROTECTION)
		p.scope[c] = make(map[jisrv1.DataClass]bool)
		for class := range terms.Scope.All() {
			p.scope[c][class] = true
		}
		p.referred[c] = victim
	case 1:
		_, err := police.ShareCase(ctx, jisrv1.ShareCaseRequest_builder{Parent: c, Share: jisrv1.Share_builder{Agency: "agencies/mofa"}.Build()}.Build())
		p.must(err)
		p.shared[c] = true
	}
	if i%2 == 0 {
		_, err := police.RecordConsent(ctx, jisrv1.RecordConsentRequest_builder{Parent: victim, Answer: jisrv1.Consent_STATE_GIVEN, Consent: jisrv1.Consent_builder{
			Purpose: jisrv1.Purpose_PURPOSE_CONSULAR, RecipientRole: jisrv1.Role_ROLE_FOREIGN_AFFAIRS,
			DataClasses: []jisrv1.DataClass{jisrv1.DataClass_DATA_CLASS_VICTIM_IDENTITY, jisrv1.DataClass_DATA_CLASS_VICTIM_DOCUMENTS},
			Record:      jisrv1.ConsentRecord_builder{GivenBy: jisrv1.ConsentRecord_GIVEN_BY_PERSON, Explained: true}.Build(),
		}.Build()}.Build())
		p.must(err)
		p.consented[victim] = true
	}
}

func (p *sherlocPlay) sheltered(c string) oracle.Standing {
	if p.referred[c] == "" {
		return oracle.Standing{}
	}
	return oracle.Standing{Links: []oracle.Link{{Kind: jisrv1.Link_LINK_RECEIVER, Scope: p.scope[c]}}}
}

func (p *sherlocPlay) participant(c string) oracle.Standing {
	if !p.shared[c] {
		return oracle.Standing{}
	}
	s := oracle.Standing{Links: []oracle.Link{{Kind: jisrv1.Link_LINK_PARTICIPANT}}}
	if p.consented[p.victimOf(c)] {
		s.Consented = map[jisrv1.DataClass]bool{jisrv1.DataClass_DATA_CLASS_VICTIM_IDENTITY: true, jisrv1.DataClass_DATA_CLASS_VICTIM_DOCUMENTS: true}
	}
	return s
}

// compare reads a record as an agency and holds it against the oracle.
func (p *sherlocPlay) compare(who, name string, s oracle.Standing) int {
	p.t.Helper()
	role, purpose := jisrv1.Role_ROLE_SOCIAL_AFFAIRS, jisrv1.Purpose_PURPOSE_ASSISTANCE
	if who == jisrtest.Foreign {
		role, purpose = jisrv1.Role_ROLE_FOREIGN_AFFAIRS, jisrv1.Purpose_PURPOSE_CONSULAR
	}
	got, err := p.x.AsFor(who, role, purpose).Get(context.Background(), name)
	if len(s.Links) == 0 {
		jisrtest.Refused(p.t, err, fault.NotFound)
		return 0
	}
	p.must(err)
	want := oracle.Project(p.l.clear[name], oracle.Lens(role, purpose, s))
	typ := record.TypeOf(want)
	a, b, told := got.ProtoReflect(), want.ProtoReflect(), p.l.clear[name].ProtoReflect()
	for _, f := range typ.Header {
		// What the server itself sets stands in no register.
		if told.Has(f.Desc) && (a.Has(f.Desc) != b.Has(f.Desc) || a.Has(f.Desc) && !a.Get(f.Desc).Equal(b.Get(f.Desc))) {
			p.t.Errorf("%s reads %s of %s: shown %v, granted %v", who, typ.Path(f), name, a.Has(f.Desc), b.Has(f.Desc))
		}
	}
	for _, f := range typ.Sections {
		if a.Has(f.Desc) != b.Has(f.Desc) || a.Has(f.Desc) && !a.Get(f.Desc).Equal(b.Get(f.Desc)) {
			p.t.Errorf("%s reads %s of %s: shown %v, granted %v", who, typ.Path(f), name, a.Has(f.Desc), b.Has(f.Desc))
		}
	}
	return 1
}

// monitor reads all cases page by page: each once, under a pseudonym, its core as told.
func (p *sherlocPlay) monitor() {
	p.t.Helper()
	want := make(map[string]int)
	for _, c := range p.l.cases {
		want[core(p.l.clear[c].(*jisrv1.Case))]++
	}
	seen, token := make(map[string]bool), ""
	for {
		page, err := p.x.As(jisrtest.Monitor).ListCases(context.Background(), jisrv1.ListCasesRequest_builder{PageSize: 50, PageToken: token}.Build())
		p.must(err)
		for _, c := range page.GetCases() {
			if seen[c.GetName()] || p.l.clear[c.GetName()] != nil {
				p.t.Errorf("the monitor was shown a case twice or by its name")
			}
			seen[c.GetName()] = true
			want[core(c)]--
			if c.HasNarrative() || c.GetOwner() != "" {
				p.t.Errorf("the monitor was shown more than a case's core")
			}
		}
		if token = page.GetNextPageToken(); token == "" {
			break
		}
	}
	if len(seen) != len(p.l.cases) {
		p.t.Errorf("the monitor saw %d cases of %d", len(seen), len(p.l.cases))
	}
	for k, n := range want {
		if n != 0 {
			p.t.Errorf("the monitor saw %d cores too few like %.60q", n, k)
		}
	}
}

func core(c *jisrv1.Case) string {
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(c.GetCore())
	if err != nil {
		panic(err)
	}
	return c.GetCrimeType().String() + string(b)
}
