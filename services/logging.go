package services

import (
	"context"
	"log/slog"
	"regexp"
	"time"

	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// programForm is a product and its version, of what a client says first of
// itself. The numbers are short, so that neither a telephone nor a civil number
// passes for a version; what follows (platform, remarks, a build's name) is not
// ours to keep.
var programForm = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9_-]*/v?[0-9]{1,5}(?:\.[0-9]{1,5}){0,3})(?:[ +-]|$)`)

// programLength bounds what a peer can write into a log by its own words.
const programLength = 64

// program is which client program calls, where it says so in the form of a
// product and version; else it is "other". An operator needs it to know whose
// library is old, and needs nothing else that a peer writes there.
func program(ctx context.Context) string {
	said := metadata.ValueFromIncomingContext(ctx, "user-agent")
	if len(said) != 1 {
		return "other"
	}
	form := programForm.FindStringSubmatch(said[0])
	if form == nil || len(form[1]) > programLength {
		return "other"
	}
	return form[1]
}

// logging writes one line when a call ends: typed ids, code, time and the client's
// program; never a payload, a header's free value or an error's text.
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
		slog.String("user_agent", program(ctx)),
	}
	if agency, system, _, ok := s.door.Named(ctx); ok {
		attrs = append(attrs, slog.String("agency", agency), slog.String("system", system))
	}
	s.opts.Log.LogAttrs(ctx, slog.LevelInfo, "call", attrs...)
	return err
}
