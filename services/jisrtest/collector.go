package jisrtest

import (
	"context"
	"net"
	"sync"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	traces "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
)

// Collector takes traces as an operator's collector does, over OTLP.
type Collector struct {
	collector.UnimplementedTraceServiceServer
	// Addr is where it listens on loopback.
	Addr string

	mu    sync.Mutex
	spans []*traces.ResourceSpans
}

// Collect starts a collector that ends with the test.
func Collect(t testing.TB) *Collector {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &Collector{Addr: l.Addr().String()}
	server := grpc.NewServer()
	collector.RegisterTraceServiceServer(server, c)
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return c
}

// Export takes a batch.
func (c *Collector) Export(_ context.Context, r *collector.ExportTraceServiceRequest) (*collector.ExportTraceServiceResponse, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.spans = append(c.spans, r.GetResourceSpans()...)
	return &collector.ExportTraceServiceResponse{}, nil
}

// Spans returns what has arrived.
func (c *Collector) Spans() (all []*traces.Span) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range c.spans {
		for _, s := range r.GetScopeSpans() {
			all = append(all, s.GetSpans()...)
		}
	}
	return all
}

// Batches returns all that has arrived, with what was said of the process.
func (c *Collector) Batches() []*traces.ResourceSpans {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]*traces.ResourceSpans(nil), c.spans...)
}
