package services

import (
	"context"
	"errors"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/disclosure"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/identity"
)

// editions bounds how often a call comes through the door again because another
// agreement was adopted meanwhile.
const editions = 4

// seat carries the caller back out to the layers that stand before the door. It is
// the context in which it is found.
type seat struct {
	context.Context
	caller *identity.Caller
}

type seatKey struct{}

// Value finds the seat itself.
func (s *seat) Value(key any) any {
	if key == (seatKey{}) {
		return s
	}
	return s.Context.Value(key)
}

// lawful answers calls by the agreement in force, whichever node adopted it and
// whatever this one has heard. What leaves an entry in the log is held against the
// agreement where the entry is written; a refusal, and a reply that leaves none, by
// a question of their own. Who was decided by another one comes through the
// door again, and has had no effect but to take what it then shows.
func (s *Server) lawful(ctx context.Context, method string, request any, next func(context.Context) error) error {
	if !ours(method) {
		return next(ctx)
	}
	if request == nil {
		return s.lawfulStream(ctx, next)
	}
	// One for all runs: what a call has taken, it does not take again.
	ctx, _ = agreement.WithDocket(ctx)
	for range editions {
		at := &seat{Context: ctx}
		err := next(at)
		if errors.Is(err, agreement.ErrMoved) {
			if err := s.catchUp(ctx); err != nil {
				return err
			}
			continue
		}
		if err != nil && at.caller != nil {
			// Beside what is released the gate says it. A caller that has gone hears neither.
			_ = grpc.SetHeader(ctx, metadata.Pairs(disclosure.AgreementHeader, at.caller.Law.Hash()))
		}
		return err
	}
	return fault.New(fault.StoreUnavailable)
}

// lawfulStream asks beforehand: a stream is not begun twice, since its request was
// taken and messages may have left. One under which the agreement changes ends.
func (s *Server) lawfulStream(ctx context.Context, next func(context.Context) error) error {
	if errors.Is(s.store.Current(ctx, s.opts.Law()), agreement.ErrMoved) {
		if err := s.catchUp(ctx); err != nil {
			return err
		}
	}
	err := next(&seat{Context: ctx})
	if errors.Is(err, agreement.ErrMoved) {
		return errors.Join(fault.New(fault.StoreUnavailable), err)
	}
	return err
}

// catchUp puts in force on this node what another has adopted.
func (s *Server) catchUp(ctx context.Context) error {
	if s.opts.Use == nil {
		return nil // nobody else adopts
	}
	if err := s.store.CatchUp(ctx, s.opts.Use); err != nil {
		return errors.Join(fault.New(fault.StoreUnavailable), err)
	}
	return nil
}
