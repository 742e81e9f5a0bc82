package jisrtest_test

import (
	"context"
	"testing"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/jisrtest"
)

// BenchmarkGetVictim is a read through the whole chain, its client in the same
// process: for -memprofile, which shows the server's part by its functions.
func BenchmarkGetVictim(b *testing.B) {
	p := jisrtest.Opened(b, jisrtest.Start(b))
	client, request := p.As(jisrtest.Police), jisrv1.GetVictimRequest_builder{Name: p.First}.Build()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := client.GetVictim(context.Background(), request); err != nil {
			b.Fatal(err)
		}
	}
}
