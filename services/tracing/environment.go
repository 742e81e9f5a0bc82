package tracing

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"

	"github.com/go-logr/logr"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// ordinary is the share of calls that are traced where the environment names
// none: enough to see where time goes, and one call in a hundred to pay for.
const ordinary = 0.01

// Setting is what OpenTelemetry's environment variables ask for.
type Setting struct {
	// On says that traces are exported.
	On bool
	Options
}

// ReadEnvironment reads OpenTelemetry's variables. Traces are off unless an
// endpoint, or OTEL_TRACES_EXPORTER=otlp, turns them on. Its error names every
// variable that is amiss.
func ReadEnvironment(getenv func(string) string) (Setting, error) {
	s := Setting{Options: Options{Ratio: ordinary, Asked: true}}
	var wrong []error
	either := func(names ...string) (name, value string) {
		for _, name = range names {
			if value = getenv(name); value != "" {
				break
			}
		}
		return name, value
	}
	name, endpoint := either("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
	exporter := getenv("OTEL_TRACES_EXPORTER")
	if getenv("OTEL_SDK_DISABLED") == "true" || exporter == "none" || endpoint == "" && exporter == "" {
		return s, nil
	}
	s.On = true
	if exporter != "" && exporter != "otlp" {
		wrong = append(wrong, errors.New("OTEL_TRACES_EXPORTER: must be otlp or none"))
	}
	if endpoint != "" {
		if u, err := url.Parse(endpoint); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
			wrong = append(wrong, fmt.Errorf("%s: must be a URL, such as https://collector.example:4317", name))
		}
	}
	if name, protocol := either("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"); protocol != "" && protocol != "grpc" {
		wrong = append(wrong, fmt.Errorf("%s: must be grpc", name))
	}
	wrong = append(wrong, s.sampler(getenv("OTEL_TRACES_SAMPLER"), getenv("OTEL_TRACES_SAMPLER_ARG")))
	return s, errors.Join(wrong...)
}

// sampler takes OpenTelemetry's names. Those that begin with parentbased_ let
// callers ask for a trace, here within bounds.
func (s *Setting) sampler(name, arg string) error {
	switch name {
	case "", "parentbased_traceidratio":
	case "traceidratio":
		s.Asked = false
	case "parentbased_always_on":
		s.Ratio = 1
		return nil
	case "always_on":
		s.Ratio, s.Asked = 1, false
		return nil
	case "parentbased_always_off":
		s.Ratio = 0
		return nil
	case "always_off":
		s.Ratio, s.Asked = 0, false
		return nil
	default:
		return errors.New("OTEL_TRACES_SAMPLER: must be traceidratio, always_on or always_off, or one of these after parentbased_")
	}
	if arg == "" {
		return nil
	}
	ratio, err := strconv.ParseFloat(arg, 64)
	if err != nil || !(ratio >= 0 && ratio <= 1) {
		return errors.New("OTEL_TRACES_SAMPLER_ARG: must be a number from 0 to 1")
	}
	s.Ratio = ratio
	return nil
}

// Open connects to the collector that the environment names; nil where traces
// are off. heard is told of every batch whether the collector took it.
func Open(ctx context.Context, s Setting, version string, heard func(error)) (*Tracer, error) {
	if !s.On {
		return nil, nil //nolint:nilnil // the nil Tracer is one that makes no spans
	}
	otel.SetLogger(logr.Discard()) // what it would write is free text; heard is told
	otel.SetErrorHandler(otel.ErrorHandlerFunc(heard))
	exporter, err := otlptracegrpc.New(ctx)
	if err != nil {
		return nil, fmt.Errorf("tracing: %w", err)
	}
	about, err := resource.New(ctx, resource.WithTelemetrySDK(),
		resource.WithAttributes(attribute.String("service.name", "jisrd"), attribute.String("service.version", version)),
		resource.WithFromEnv()) // the operator's own words come last, and win
	if err != nil {
		return nil, fmt.Errorf("tracing: OTEL_RESOURCE_ATTRIBUTES: %w", err)
	}
	s.Resource = about
	return New(reporting{exporter, heard}, s.Options), nil
}

// reporting tells of each batch whether it arrived.
type reporting struct {
	sdktrace.SpanExporter
	heard func(error)
}

// ExportSpans gives a batch to the collector. One that it does not take is lost:
// a trace is not worth the memory of a collector that stays away.
func (r reporting) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	r.heard(r.SpanExporter.ExportSpans(ctx, spans))
	return nil
}
