package tracing

import (
	"context"
	"strings"
	"testing"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
)

const (
	traceID = "0af7651916cd43dd8448eb211c80319c"
	spanID  = "b7ad6b7169203331"
	wanted  = "00-" + traceID + "-" + spanID + "-01"
	unasked = "00-" + traceID + "-" + spanID + "-00"
)

// called makes calls with headers and returns the spans of those that were traced.
func called(t *testing.T, o Options, n int, headers ...string) []sdktrace.ReadOnlySpan {
	t.Helper()
	out := tracetest.NewInMemoryExporter()
	tr := New(out, o)
	ctx := metadata.NewIncomingContext(context.Background(), metadata.Pairs(headers...))
	for range n {
		if _, span := tr.Call(ctx, "CaseService/GetCase"); span != nil {
			span.End(codes.OK)
		}
	}
	if err := tr.Flush(context.Background()); err != nil {
		t.Fatal(err)
	}
	spans := out.GetSpans().Snapshots()
	if err := tr.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	return spans
}

func TestACallerMayAskForATraceButNotForAllOfThem(t *testing.T) {
	// Enough calls that they cannot all have been asked for in a bounded time, few
	// enough that a batch holds them.
	if n := len(called(t, Options{Ratio: 0, Asked: true}, 1000, "traceparent", wanted)); n < asked || n > 500 {
		t.Errorf("of a thousand calls that ask for it %d are traced", n)
	}
	for _, c := range []struct {
		o      Options
		header string
		want   int
	}{
		{Options{Ratio: 0, Asked: false}, wanted, 0}, // nobody may ask
		{Options{Ratio: 0, Asked: true}, unasked, 0}, // nobody asks
		{Options{Ratio: 1, Asked: true}, unasked, 100},
		{Options{Ratio: 1}, wanted, 100},
	} {
		if n := len(called(t, c.o, 100, "traceparent", c.header)); n != c.want {
			t.Errorf("%+v, %s: %d of 100 are traced", c.o, c.header, n)
		}
	}
}

func TestATraceKeepsItsCallersIdAndNothingElseOfIt(t *testing.T) {
	for _, c := range []struct {
		headers []string
		joined  bool
	}{
		{[]string{"traceparent", wanted, "tracestate", "a=canary", "baggage", "a=canary"}, true},
		{[]string{"traceparent", unasked}, true},
		{[]string{"traceparent", wanted, "traceparent", wanted}, false},
		{[]string{"traceparent", "canary"}, false},
		{[]string{"traceparent", strings.Replace(wanted, traceID, strings.Repeat("0", 32), 1)}, false},
		{nil, false},
	} {
		spans := called(t, Options{Ratio: 1, Asked: true}, 1, c.headers...)
		if len(spans) != 1 {
			t.Fatalf("%v: %d spans", c.headers, len(spans))
		}
		s := spans[0]
		if joined := s.SpanContext().TraceID().String() == traceID && s.Parent().SpanID().String() == spanID; joined != c.joined {
			t.Errorf("%v: joined %v", c.headers, joined)
		}
		if state := s.SpanContext().TraceState().Len() + s.Parent().TraceState().Len(); state > 0 {
			t.Errorf("%v: a caller's free text is kept", c.headers)
		}
	}
}

func TestAShareOfCallsIsTraced(t *testing.T) {
	if n := len(called(t, Options{Ratio: 0.5}, 1000)); n == 0 || n == 1000 {
		t.Errorf("of a thousand calls %d are traced", n)
	}
	var none *Tracer
	ctx, span := none.Call(context.Background(), "CaseService/GetCase")
	_, end := none.Within(ctx, Handler)
	if end(); span != nil || none.Close(ctx) != nil {
		t.Error("no tracer makes spans")
	}
}

func TestTheEnvironmentTurnsTracesOnAndItsMistakesAreNamed(t *testing.T) {
	const endpoint = "OTEL_EXPORTER_OTLP_ENDPOINT"
	for _, c := range []struct {
		set   map[string]string
		on    bool
		ratio float64
		asked bool
	}{
		{nil, false, ordinary, true},
		{map[string]string{endpoint: "http://collector.example:4317"}, true, ordinary, true},
		{map[string]string{"OTEL_TRACES_EXPORTER": "otlp"}, true, ordinary, true},
		{map[string]string{endpoint: "http://collector.example:4317", "OTEL_TRACES_EXPORTER": "none"}, false, ordinary, true},
		{map[string]string{endpoint: "http://collector.example:4317", "OTEL_SDK_DISABLED": "true"}, false, ordinary, true},
		{map[string]string{endpoint: "http://collector.example:4317", "OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.2"}, true, 0.2, false},
		{map[string]string{endpoint: "http://collector.example:4317", "OTEL_TRACES_SAMPLER": "parentbased_always_off"}, true, 0, true},
		{map[string]string{endpoint: "http://collector.example:4317", "OTEL_TRACES_SAMPLER": "always_on"}, true, 1, false},
	} {
		s, err := ReadEnvironment(func(name string) string { return c.set[name] })
		if err != nil || s.On != c.on || s.Ratio != c.ratio || s.Asked != c.asked {
			t.Errorf("%v: %+v %v", c.set, s, err)
		}
	}
	wrong := map[string]string{
		endpoint: "gatherer.example:4317", "OTEL_TRACES_EXPORTER": "jaeger", "OTEL_EXPORTER_OTLP_PROTOCOL": "http/json",
		"OTEL_TRACES_SAMPLER_ARG": "NaN",
	}
	_, err := ReadEnvironment(func(name string) string { return wrong[name] })
	for name, value := range wrong {
		if err == nil || !strings.Contains(err.Error(), name+": must be") || strings.Contains(err.Error(), value) {
			t.Errorf("%s is not named, or its value is: %v", name, err)
		}
	}
}
