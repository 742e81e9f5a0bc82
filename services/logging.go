package services

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
	"google.golang.org/grpc/status"

	"github.com/jisr-exchange/jisr/services/identity"
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

// reportHandshake tells the operator why a connection was refused: the client learns no more than TLS tells it.
func (s *Server) reportHandshake(r identity.Refused) {
	unreported, ok := s.quiet.next()
	if !ok {
		return
	}
	s.opts.Log.LogAttrs(context.Background(), slog.LevelWarn, "handshake refused",
		slog.String("reason", string(r.Reason)), slog.String("action", r.Action),
		slog.String("subject", r.Subject), slog.String("serial", r.Serial), slog.String("issuer", r.Issuer), slog.Int("unreported", unreported))
}

// quiet bounds the lines about peers that nobody knows yet: whoever floods the
// port must not flood the log by it. What was left out is counted.
type quiet struct {
	limit *rate.Limiter
	left  atomic.Int64
}

// newQuiet lets a hundred lines pass at once, and five a second after that.
func newQuiet() *quiet { return &quiet{limit: rate.NewLimiter(5, 100)} }

// next says whether a line may be written, and how many were left out before it.
func (q *quiet) next() (unreported int, ok bool) {
	if !q.limit.Allow() {
		q.left.Add(1)
		return 0, false
	}
	return int(q.left.Swap(0)), true
}
