package services

import (
	"context"
	"log/slog"
	"time"

	"google.golang.org/grpc/status"
)

// logging writes one line when a call ends: typed ids, code and time; never a
// payload, a header's free value or an error's text.
func (s *Server) logging(ctx context.Context, method string, _ any, next func(context.Context) error) error {
	start := s.opts.Clock()
	err := next(ctx)
	if !s.opts.Log.Enabled(ctx, slog.LevelInfo) {
		return err
	}
	attrs := []slog.Attr{
		slog.String("rpc", rpcName(method)),
		slog.String("code", status.Code(err).String()),
		slog.Duration("took", s.opts.Clock().Sub(start).Round(time.Microsecond)),
	}
	if agency, system, _, ok := s.door.Named(ctx); ok {
		attrs = append(attrs, slog.String("agency", agency), slog.String("system", system))
	}
	s.opts.Log.LogAttrs(ctx, slog.LevelInfo, "call", attrs...)
	return err
}
