package services

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/jisr-exchange/jisr/services/cases"
	"github.com/jisr-exchange/jisr/services/consents"
	"github.com/jisr-exchange/jisr/services/orders"
	"github.com/jisr-exchange/jisr/services/store"
)

// timers moves what has passed its term, at every tick until ctx ends. What a
// term ends closes at the term itself, so nobody waits for the tick but the state.
func (s *Server) timers(ctx context.Context) {
	ticker := time.NewTicker(s.opts.Tick)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if err := s.Expire(ctx); err != nil && ctx.Err() == nil {
			s.opts.Log.LogAttrs(ctx, slog.LevelError, "terms that passed could not be noted; tried again at the next tick")
		}
	}
}

// Expire moves consents, orders and shares whose terms have passed to the states
// that say so, forgets answers that no repetition is told any more, and seats
// monitors that were not seated when their agreement was adopted. One that cannot
// be moved does not hold up the others.
func (s *Server) Expire(ctx context.Context) error {
	due, err := s.store.Overdue(ctx)
	if err != nil {
		return err
	}
	var failed []error
	for _, d := range []struct {
		kind  string
		names []string
		end   func(*store.Tx, string) error
	}{{"consent", due.Consents, consents.Expire}, {"order", due.Orders, orders.Lapse}, {"share", due.Shares, cases.Expire}} {
		for _, name := range d.names {
			err := s.store.Act(ctx, func(tx *store.Tx) error { return d.end(tx, name) })
			s.opts.Metrics.Moved(d.kind, err)
			failed = append(failed, err)
		}
	}
	failed = append(failed, s.store.Forget(ctx), s.store.SeatMonitors(ctx))
	s.opts.Metrics.TermsRun(s.opts.Clock())
	return errors.Join(failed...)
}
