// Package tracing tells a collector how long calls took and where, and nothing
// of any case or person: span names and attributes are a closed list, and no
// resource name, officer or address is among them. A layer of our own in place of
// a library's, since those write the peer's address and whatever path was called.
package tracing

import (
	"context"
	"math"
	"math/rand/v2"

	"go.opentelemetry.io/otel/attribute"
	otelcodes "go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"golang.org/x/time/rate"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"

	"github.com/jisr-exchange/jisr/services/fault"
)

// asked bounds the traces a second that are made because a caller asked for them
// by traceparent, of all agencies together: else a caller could have us trace, and
// keep, whatever it sends.
const asked = 10

// header is where a caller says which trace its call belongs to (W3C Trace
// Context). Its tracestate and baggage are free text and are not read.
const header = "traceparent"

// Name is the name of a span within a call; a call's own is its method.
type Name string

// The spans there are within a call.
const (
	Handler   Name = "handler"
	LogAppend Name = "log append"
)

// Names are all of them.
var Names = []Name{Handler, LogAppend}

// Keys are the attributes of a call's span, all there are.
var Keys = []attribute.Key{system, method, code, reason, agency}

const (
	system attribute.Key = "rpc.system.name"
	method attribute.Key = "rpc.method"
	code   attribute.Key = "rpc.response.status_code"
	reason attribute.Key = "jisr.reason"
	agency attribute.Key = "jisr.agency"
)

var ofGRPC = system.String("grpc")

// Tracer makes the spans of calls. The nil Tracer makes none.
type Tracer struct {
	provider *sdktrace.TracerProvider
	tracer   trace.Tracer
	below    uint64
	asked    *rate.Limiter
}

// Options say what is traced.
type Options struct {
	// Ratio is the share of calls that are traced, 0 to 1.
	Ratio float64
	// Asked says that callers may ask for a trace, within bounds.
	Asked bool
	// Resource is what the collector is told about this process.
	Resource *resource.Resource
}

// New returns a tracer that gives its spans to an exporter.
func New(exporter sdktrace.SpanExporter, o Options) *Tracer {
	t := &Tracer{below: math.MaxUint64, asked: rate.NewLimiter(0, 0)}
	if o.Ratio < 1 {
		t.below = uint64(o.Ratio * math.MaxUint64)
	}
	if o.Asked {
		t.asked = rate.NewLimiter(asked, asked)
	}
	// Whether to sample was decided before a span is begun.
	options := []sdktrace.TracerProviderOption{sdktrace.WithSampler(sdktrace.AlwaysSample()), sdktrace.WithBatcher(exporter)}
	if o.Resource != nil {
		options = append(options, sdktrace.WithResource(o.Resource))
	}
	t.provider = sdktrace.NewTracerProvider(options...)
	t.tracer = t.provider.Tracer("jisr")
	return t
}

// Close gives out what is left and ends.
func (t *Tracer) Close(ctx context.Context) error {
	if t == nil {
		return nil
	}
	return t.provider.Shutdown(ctx)
}

// Flush gives out what ended so far.
func (t *Tracer) Flush(ctx context.Context) error { return t.provider.ForceFlush(ctx) }

// Span is the span of a call that is traced, or nil.
type Span struct{ span trace.Span }

// Call begins the span of a call of a method that the server has. It decides
// first, by chance and not by the trace's id, which is the caller's choice; a
// call that is not traced costs that decision and no more.
func (t *Tracer) Call(ctx context.Context, name string) (context.Context, *Span) {
	if t == nil {
		return ctx, nil
	}
	parents := metadata.ValueFromIncomingContext(ctx, header)
	parent := trace.SpanContext{}
	if len(parents) == 1 { // one that is repeated or malformed is none
		parent = trace.SpanContextFromContext(propagation.TraceContext{}.Extract(context.Background(), propagation.MapCarrier{header: parents[0]}))
	}
	chosen := rand.Uint64() < t.below //nolint:gosec // chance is enough: which calls are traced is no secret
	if !chosen && (!parent.IsSampled() || !t.asked.Allow()) {
		return ctx, nil
	}
	if parent.IsValid() {
		ctx = trace.ContextWithRemoteSpanContext(ctx, parent)
	}
	ctx, span := t.tracer.Start(ctx, name, trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(ofGRPC, method.String(name)))
	return ctx, &Span{span}
}

// Agency says which agency of the agreement called.
func (s *Span) Agency(slug string) { s.span.SetAttributes(agency.String(slug)) }

// End ends the span with what the caller was answered. An error's text is not told.
func (s *Span) End(c codes.Code) {
	s.span.SetAttributes(code.String(c.String()))
	switch c {
	case codes.Internal, codes.Unknown, codes.DataLoss, codes.Unavailable:
		s.span.SetStatus(otelcodes.Error, "")
	}
	s.span.End()
}

// Refused says why the call of a context is refused.
func Refused(ctx context.Context, r fault.Reason) {
	if span := trace.SpanFromContext(ctx); span.IsRecording() {
		span.SetAttributes(reason.String(string(fault.New(r).Reason())))
	}
}

// Within begins a span inside a call that is traced, and returns what ends it.
func (t *Tracer) Within(ctx context.Context, name Name) (context.Context, func()) {
	if t == nil || !trace.SpanFromContext(ctx).IsRecording() {
		return ctx, func() {}
	}
	ctx, span := t.tracer.Start(ctx, string(name))
	return ctx, func() { span.End() }
}
