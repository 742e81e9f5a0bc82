package services

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/recovery"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/record"
)

// catalogued lets only errors of the catalogue cross. Whatever else a handler or
// a library returned stays here under an incident number: its text may hold
// what nobody outside may read.
func (s *Server) catalogued(ctx context.Context, method string, _ any, next func(context.Context) error) error {
	err := next(ctx)
	if err == nil {
		return nil
	}
	var f *fault.Fault
	if errors.As(err, &f) {
		s.health.observe(f.Reason())
		if f.Reason() != fault.Internal {
			return f.GRPCStatus().Err()
		}
	}
	switch {
	case f == nil && errors.Is(err, context.DeadlineExceeded), f == nil && status.Code(err) == codes.DeadlineExceeded:
		return fault.New(fault.DeadlineExceeded).GRPCStatus().Err()
	case f == nil && errors.Is(err, context.Canceled), f == nil && status.Code(err) == codes.Canceled:
		return fault.New(fault.Cancelled).GRPCStatus().Err()
	}
	return s.incident(ctx, method, fmt.Sprintf("%T", err), err)
}

// incident logs an internal error under a random number and returns what the
// caller is told of it: that number. Of the error only its type is logged, or
// its text where this program wrote it and it therefore holds no value.
func (s *Server) incident(ctx context.Context, method, kind string, err error) error {
	number, idErr := record.NewID(s.opts.Random)
	if idErr != nil {
		number = "unknown"
	}
	text := ""
	var own interface{ Unwrap() error }
	if err != nil && !errors.As(err, &own) {
		text = kind
	}
	s.opts.Log.LogAttrs(ctx, slog.LevelError, "internal error",
		slog.String("incident", number), slog.String("method", method), slog.String("type", kind), slog.String("text", text))
	return fault.New(fault.Internal).With("incident", number).GRPCStatus().Err()
}

// recoverPanic turns a panic into an incident: the panic's value and stack may
// hold anything, so its type is all that is logged.
func (s *Server) recoverPanic() recovery.Option {
	return recovery.WithRecoveryHandlerContext(func(ctx context.Context, p any) error {
		return s.incident(ctx, "panic", fmt.Sprintf("%T", p), nil)
	})
}
