package services

import (
	"context"
	"errors"
	"log/slog"

	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/recovery"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/logline"
	"github.com/jisr-exchange/jisr/services/record"
	"github.com/jisr-exchange/jisr/services/store"
	"github.com/jisr-exchange/jisr/services/tracing"
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
		s.refused(ctx, f.Reason())
		s.logStorage(ctx, method, f.Reason(), err)
		if f.Reason() != fault.Internal {
			return answer(ctx, f)
		}
	}
	if _, library := status.FromError(err); f == nil && library && ctx.Err() != nil {
		err = ctx.Err() // the caller is gone, and no header can be set any more: no fault of this program
	}
	switch {
	case f == nil && errors.Is(err, context.DeadlineExceeded), f == nil && status.Code(err) == codes.DeadlineExceeded:
		s.refused(ctx, fault.DeadlineExceeded)
		return answer(ctx, fault.New(fault.DeadlineExceeded))
	case f == nil && errors.Is(err, context.Canceled), f == nil && status.Code(err) == codes.Canceled:
		s.refused(ctx, fault.Cancelled)
		return answer(ctx, fault.New(fault.Cancelled))
	}
	if f == nil && !ours(method) && status.Code(err) == codes.NotFound {
		// Health was asked of a service that it does not know.
		s.refused(ctx, fault.NotFound)
		return answer(ctx, fault.New(fault.NotFound))
	}
	if f == nil {
		s.health.observe(fault.Internal)
		s.refused(ctx, fault.Internal)
	}
	return s.incident(ctx, method, err)
}

// refused tells metrics and trace why a call is refused.
func (s *Server) refused(ctx context.Context, r fault.Reason) {
	s.opts.Metrics.Refused(r)
	tracing.Refused(ctx, r)
}

// answer renders a fault in the language that the caller asks for.
func answer(ctx context.Context, f *fault.Fault) error {
	md, _ := metadata.FromIncomingContext(ctx)
	return f.StatusIn(fault.LanguageOf(md.Get(fault.LanguageHeader))).Err()
}

// logStorage tells the operator the database's own code, which the caller is not told.
func (s *Server) logStorage(ctx context.Context, method string, r fault.Reason, err error) {
	if code, ok := store.Code(err); ok {
		s.opts.Log.LogAttrs(ctx, slog.LevelError, "the store failed a call",
			logline.Method(rpcName(method)), logline.Why(r), logline.Storage(code))
	}
}

// incident logs an internal error under a random number and returns what the
// caller is told of it: that number. Of the cause only its type is logged: its
// text may hold a value.
func (s *Server) incident(ctx context.Context, method string, cause any) error {
	number, idErr := record.NewID(s.opts.Random)
	if idErr != nil {
		number = "unknown"
	}
	s.opts.Metrics.Incident()
	s.opts.Log.LogAttrs(ctx, slog.LevelError, "internal error",
		logline.Incident(number), logline.Method(rpcName(method)), logline.TypeOf(cause))
	return answer(ctx, fault.New(fault.Internal).With("incident", number))
}

// recoverPanic turns a panic into an incident: the panic's value and stack may
// hold anything, so its type is all that is logged.
func (s *Server) recoverPanic() recovery.Option {
	return recovery.WithRecoveryHandlerContext(func(ctx context.Context, p any) error {
		method, _ := grpc.Method(ctx)
		s.refused(ctx, fault.Internal)
		return s.incident(ctx, method, p)
	})
}
