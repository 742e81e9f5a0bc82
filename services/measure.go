package services

import (
	"context"
	"errors"
	"maps"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/status"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/metrics"
	"github.com/jisr-exchange/jisr/services/store"
	"github.com/jisr-exchange/jisr/services/tracing"
)

// measured counts and times a call, and is the span of one that is traced. It
// stands outside of recovery, so that a panic counts as what its caller is told.
func (s *Server) measured(ctx context.Context, method string, request any, next func(context.Context) error) error {
	began := time.Now()
	ctx, span := s.opts.Tracing.Call(ctx, rpcName(method))
	err := next(ctx)
	code := status.Code(err)
	s.opts.Metrics.Called(method, code, request != nil, time.Since(began))
	if span != nil {
		if agency, _, _, ok := s.door.Named(ctx); ok {
			if _, ok := s.opts.Law().Agency(agency); ok { // of a closed list, or not told
				span.Agency(agency)
			}
		}
		span.End(code)
	}
	return err
}

// handling is the span of what a handler does, without the page around it.
func (s *Server) handling(handler grpc.UnaryHandler) grpc.UnaryHandler {
	if s.opts.Tracing == nil {
		return handler
	}
	return func(ctx context.Context, request any) (any, error) {
		ctx, end := s.opts.Tracing.Within(ctx, tracing.Handler)
		defer end()
		return handler(ctx, request)
	}
}

// accounts is the store as the log of the gate, timed: what a reply waits for
// before it is released.
type accounts struct {
	shelf   *store.Store
	metrics *metrics.Set
	tracing *tracing.Tracer
}

// Append writes an entry and returns when it is durable.
func (a accounts) Append(ctx context.Context, leaf *jisrv1.LogLeaf, shown []agreement.Loaded, law *agreement.Law) (string, error) {
	began := time.Now()
	ctx, end := a.tracing.Within(ctx, tracing.LogAppend)
	defer end()
	entry, err := a.shelf.Append(ctx, leaf, shown, law)
	switch {
	case errors.Is(err, agreement.ErrMoved):
		a.metrics.Reread()
	case err == nil:
		a.metrics.Appended(time.Since(began))
	}
	return entry, err
}

// Current says whether an agreement is the one in force.
func (a accounts) Current(ctx context.Context, law *agreement.Law) error {
	return a.shelf.Current(ctx, law)
}

// Confirm says whether an answer without an entry may leave.
func (a accounts) Confirm(ctx context.Context, law *agreement.Law) error {
	return a.shelf.Confirm(ctx, law)
}

// readings are what a scrape asks of the server.
func (s *Server) readings() metrics.Readings {
	return metrics.Readings{
		Agreement: func() (string, []string) {
			law := s.opts.Law()
			var slugs []string
			for _, a := range law.Agencies() {
				slugs = append(slugs, a.Slug)
			}
			return law.Hash(), slugs
		},
		InFlight:    s.budgets.InFlight,
		Deliveries:  s.store.Waiting,
		Keyring:     s.opts.Keyring.Size,
		Lists:       s.opts.Revocation.Updates,
		Certificate: s.opts.Material.NotAfter,
		Files: func() map[string]int64 {
			database, wal, free := s.store.Sizes()
			sizes := map[string]int64{"database": database, "wal": wal, "free": free}
			maps.DeleteFunc(sizes, func(_ string, size int64) bool { return size < 0 }) // 0 would be an alarm
			return sizes
		},
		Health: s.health.well,
	}
}

// meter is the set as the store's, or none.
func meter(m *metrics.Set) store.Meter {
	if m == nil {
		return nil // of the interface: a store that nobody watches
	}
	return m
}
