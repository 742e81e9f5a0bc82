package jisrtest_test

import (
	"bytes"
	"context"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/attribute"
	traces "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/jisrtest"
	"github.com/jisr-exchange/jisr/services/jisrtest/oracle"
	"github.com/jisr-exchange/jisr/services/metrics"
	"github.com/jisr-exchange/jisr/services/tracing"
)

// traced is an exchange whose every call is traced to a collector, by the
// environment as an operator sets it.
func traced(t *testing.T, opts ...jisrtest.Option) (*jisrtest.Exchange, *jisrtest.Collector, *tracing.Tracer) {
	t.Helper()
	c := jisrtest.Collect(t)
	environment := map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://" + c.Addr, "OTEL_TRACES_SAMPLER": "parentbased_always_on"}
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", environment["OTEL_EXPORTER_OTLP_ENDPOINT"])
	setting, err := tracing.ReadEnvironment(func(name string) string { return environment[name] })
	if err != nil {
		t.Fatal(err)
	}
	tracer, err := tracing.Open(context.Background(), setting, "test", func(err error) {
		if err != nil {
			t.Error(err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := tracer.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return jisrtest.Start(t, append(opts, jisrtest.WithTracing(tracer))...), c, tracer
}

// scraped is what a monitoring system reads.
func scraped(t *testing.T, x *jisrtest.Exchange) string {
	t.Helper()
	w := httptest.NewRecorder()
	x.Metrics.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	text, err := io.ReadAll(w.Body)
	if err != nil || w.Code != 200 {
		t.Fatal(w.Code, err)
	}
	return string(text)
}

// exported is all that a collector has taken, as bytes.
func exported(t *testing.T, c *jisrtest.Collector, tracer *tracing.Tracer) []byte {
	t.Helper()
	if err := tracer.Flush(context.Background()); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	for _, batch := range c.Batches() {
		text, err := proto.Marshal(batch)
		if err != nil {
			t.Fatal(err)
		}
		b.Write(text)
	}
	return b.Bytes()
}

// hostile are headers by which a caller could try to write into a trace or a log.
const hostile = "canary-header-7f3a"

func TestNothingOfARecordOrAnOfficerIsMeasuredTracedOrLogged(t *testing.T) {
	x, c, tracer := traced(t)
	f := jisrtest.Fill(jisrtest.Opened(t, x))
	ctx := metadata.AppendToOutgoingContext(context.Background(),
		"traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "tracestate", "a="+hostile, "baggage", "a="+hostile, "user-agent-note", hostile)
	for _, who := range []string{jisrtest.Police, jisrtest.Judge, jisrtest.Shelter, jisrtest.Community} {
		for name := range f.Clear {
			_, _ = x.As(who).Get(ctx, name) // some may and some may not; both are traced
		}
	}
	// What is refused must not be written either: a victim told by who may not, and paths made up.
	v := proto.Clone(f.Clear[f.First]).(*jisrv1.Victim)
	v.SetPersonRole(jisrv1.Victim_PERSON_ROLE_VICTIM)
	if _, err := x.As(jisrtest.Community).CreateVictim(ctx, jisrv1.CreateVictimRequest_builder{Parent: f.Case, Victim: v}.Build()); err == nil {
		t.Error("community police told everything of a victim")
	}
	_, err := x.As(jisrtest.Police).GetVictim(ctx, jisrv1.GetVictimRequest_builder{Name: hostile}.Build())
	jisrtest.Refused(t, err, fault.InvalidRequest)
	for _, path := range []string{"/" + hostile + "/Get", "/jisr.v1.CaseService/" + hostile} {
		if err := x.As(jisrtest.Police).Conn.Invoke(ctx, path, &emptypb.Empty{}, &emptypb.Empty{}); status.Code(err) != codes.Unimplemented {
			t.Errorf("%s: %v", path, err)
		}
	}

	marks := slices.Clone(f.Marks)
	add := func(path, text string) { marks = append(marks, oracle.Mark{Path: path, Text: text}) }
	add("a header", hostile)
	add("the case's name", strings.TrimPrefix(f.Case, "cases/"))
	for name := range f.Clear {
		add("a record's name", name[strings.LastIndexByte(name, '/')+1:])
	}
	add("the officer", "officer-1")
	told := map[string]func() []byte{
		"metrics": func() []byte { return []byte(scraped(t, x)) },
		"traces":  func() []byte { return exported(t, c, tracer) },
		"the log": func() []byte { return []byte(x.Log.String()) },
	}
	for where, text := range told {
		if found := oracle.FindCanaries(text(), marks); len(found) > 0 {
			t.Errorf("%d canaries stand in %s, such as %s", len(found), where, found[0].Path)
		}
		if at := regexp.MustCompile(`127\.0\.0\.1:\d+`).Find(text()); at != nil {
			t.Errorf("a caller's address stands in %s: %s", where, at)
		}
	}
	if len(marks) < 60 || len(c.Spans()) < 40 || !strings.Contains(scraped(t, x), `jisr_refusals_total{reason="NOT_FOUND"}`) {
		t.Errorf("%d canaries, %d spans: little was searched", len(marks), len(c.Spans()))
	}

	// The controls: what a careless line would write is found in each.
	planted := prometheus.NewGauge(prometheus.GaugeOpts{Name: "planted", ConstLabels: prometheus.Labels{"who": f.Marks[0].Text}})
	x.Metrics.Gatherer().(prometheus.Registerer).MustRegister(planted)
	_, span := tracer.Call(context.Background(), f.Marks[0].Text)
	span.End(codes.OK)
	_, _ = x.Log.Write([]byte(`{"msg":"planted","who":"` + f.Marks[0].Text + "\"}\n"))
	for where, text := range told {
		if found := oracle.FindCanaries(text(), marks); len(found) != 1 {
			t.Errorf("a canary planted in %s was found %d times: the search proves nothing", where, len(found))
		}
	}
}

// Whatever agencies do, a scrape holds the families and values of the list and no others.
func TestEveryLabelOfARealScrapeIsOfTheClosedLists(t *testing.T) {
	x := jisrtest.Start(t)
	f := jisrtest.Fill(jisrtest.Opened(t, x))
	f.Notify(jisrtest.Foreign)
	_, err := x.As(jisrtest.Foreign).GetVictim(context.Background(), jisrv1.GetVictimRequest_builder{Name: f.Case + "/victims/" + strings.Repeat("a", 26)}.Build())
	jisrtest.Refused(t, err, fault.NotFound)
	if err := x.As(jisrtest.Police).Conn.Invoke(context.Background(), "/made/up", &emptypb.Empty{}, &emptypb.Empty{}); status.Code(err) != codes.Unimplemented {
		t.Error(err)
	}
	closed, families := metrics.Closed(), metrics.Families()
	for _, a := range x.Law().Agencies() {
		closed["agency"] = append(closed["agency"], a.Slug)
	}
	closed["agreement"], closed["version"] = []string{x.Law().Hash()}, []string{"test"}
	outside := func() (wrong []string) {
		gathered, err := x.Metrics.Gatherer().Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, family := range gathered {
			name := family.GetName()
			if strings.HasPrefix(name, "go_") || strings.HasPrefix(name, "process_") {
				continue // of the runtime: memory, processor time, threads
			}
			labels, known := families[name]
			if !known {
				wrong = append(wrong, name)
			}
			for _, series := range family.GetMetric() {
				for _, l := range series.GetLabel() {
					if !slices.Contains(labels, l.GetName()) || !slices.Contains(closed[l.GetName()], l.GetValue()) {
						wrong = append(wrong, name+"{"+l.GetName()+"}")
					}
				}
			}
			delete(families, name)
		}
		return wrong
	}
	if wrong := outside(); len(wrong) > 0 {
		t.Errorf("outside of the lists: %v", wrong)
	}
	if len(families) > 0 {
		t.Errorf("never seen: %v", slices.Sorted(maps.Keys(families)))
	}
	text := scraped(t, x)
	for _, want := range []string{
		`jisr_calls_total{code="OK",method="CaseService/UpdateVictim"} `,
		`jisr_calls_total{code="Unimplemented",method="unknown"} 1`,
		`jisr_refusals_total{reason="NOT_FOUND"} `,
		`jisr_call_seconds_count{method="CaseService/GetVictim"} `,
		`jisr_log_entries_total{kind="AGREEMENT"} 1`,
		`jisr_deliveries{agency="mofa",state="PENDING"} `,
		`jisr_health{part="whole"} 1`,
		`jisr_agreement_info{agreement="` + x.Law().Hash() + `"} 1`,
		`jisr_readings_failed 0`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("a scrape lacks %s", want)
		}
	}
	// The control.
	families = metrics.Families()
	planted := prometheus.NewGauge(prometheus.GaugeOpts{Name: "planted", ConstLabels: prometheus.Labels{"who": "somebody"}})
	x.Metrics.Gatherer().(prometheus.Registerer).MustRegister(planted)
	if wrong := outside(); len(wrong) != 2 {
		t.Errorf("a metric that is on no list is not noticed: %v", wrong)
	}
}

func TestSpansAndTheirAttributesAreOfTheClosedLists(t *testing.T) {
	x, c, tracer := traced(t)
	p := jisrtest.Opened(t, x)
	_, err := x.As(jisrtest.Community).GetVictim(context.Background(), jisrv1.GetVictimRequest_builder{Name: p.First}.Build())
	jisrtest.Refused(t, err, fault.NotFound)
	if err := tracer.Flush(context.Background()); err != nil {
		t.Fatal(err)
	}
	names := metrics.Methods()
	for _, n := range tracing.Names {
		names = append(names, string(n))
	}
	children, reasons := make(map[string]int), 0
	for _, s := range c.Spans() {
		if !slices.Contains(names, s.GetName()) {
			t.Errorf("a span %q", s.GetName())
		}
		if len(s.GetEvents()) > 0 || len(s.GetLinks()) > 0 || s.GetTraceState() != "" || s.GetStatus().GetMessage() != "" {
			t.Errorf("%s says more than its attributes", s.GetName())
		}
		for _, a := range s.GetAttributes() {
			if !slices.Contains(tracing.Keys, attribute.Key(a.GetKey())) {
				t.Errorf("%s has the attribute %s", s.GetName(), a.GetKey())
			}
			if a.GetKey() == "jisr.reason" && a.GetValue().GetStringValue() == string(fault.NotFound) {
				reasons++
			}
		}
		if s.GetKind() == traces.Span_SPAN_KIND_INTERNAL {
			children[s.GetName()]++
		}
	}
	if reasons != 1 || children[string(tracing.Handler)] == 0 || children[string(tracing.LogAppend)] != 0 && children[string(tracing.LogAppend)] > children[string(tracing.Handler)] {
		t.Errorf("%d reasons, within calls %v", reasons, children)
	}
	for _, batch := range c.Batches() {
		for _, a := range batch.GetResource().GetAttributes() {
			if key := a.GetKey(); key != "service.name" && key != "service.version" && !strings.HasPrefix(key, "telemetry.sdk.") {
				t.Errorf("the process tells %s of itself", key)
			}
		}
	}
}
