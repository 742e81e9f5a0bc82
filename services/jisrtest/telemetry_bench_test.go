package jisrtest_test

import (
	"context"
	"testing"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/jisrtest"
	"github.com/jisr-exchange/jisr/services/tracing"
)

// nowhere takes spans and drops them, so that what is measured is making them.
type nowhere struct{}

func (nowhere) ExportSpans(context.Context, []sdktrace.ReadOnlySpan) error { return nil }
func (nowhere) Shutdown(context.Context) error                             { return nil }

// BenchmarkWhoAmI is a call that touches no disk, so that what is around it shows:
// with nothing measured, with metrics, and with metrics and one call in a hundred traced.
func BenchmarkWhoAmI(b *testing.B) {
	for name, opts := range map[string][]jisrtest.Option{
		"nothing": {jisrtest.WithoutMetrics()},
		"metrics": nil,
		"traced":  {jisrtest.WithTracing(tracing.New(nowhere{}, tracing.Options{Ratio: 0.01, Asked: true}))},
	} {
		b.Run(name, func(b *testing.B) {
			x := jisrtest.Start(b, opts...)
			client := x.As(jisrtest.Police)
			for b.Loop() {
				if _, err := client.WhoAmI(context.Background(), &jisrv1.WhoAmIRequest{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
