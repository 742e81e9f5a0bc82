package services

import (
	"context"
	"log/slog"

	"google.golang.org/grpc/status"

	"github.com/jisr-exchange/jisr/services/logline"
)

// logging writes one line when a call ends: typed ids, code, time and the client's
// program; never a payload, a header's free value or an error's text.
func (s *Server) logging(ctx context.Context, method string, _ any, next func(context.Context) error) error {
	start := s.opts.Clock()
	err := next(ctx)
	if !s.opts.Log.Enabled(ctx, slog.LevelInfo) {
		return err
	}
	attrs := []slog.Attr{
		logline.Method(rpcName(method)), logline.Code(status.Code(err)), logline.Took(s.opts.Clock().Sub(start)),
		logline.Program(s.door.Said(ctx, "user-agent")),
	}
	if agency, system, _, ok := s.door.Named(ctx); ok {
		attrs = append(attrs, logline.Agency(agency), logline.System(system))
	}
	s.opts.Log.LogAttrs(ctx, slog.LevelInfo, "call", attrs...)
	return err
}
