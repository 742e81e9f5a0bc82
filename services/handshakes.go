package services

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/identity"
	"github.com/jisr-exchange/jisr/services/logline"
)

// Bounds of what is logged of refused handshakes: whoever reaches the port can
// cause one, and a flood must not fill the disk that the access log is on.
const (
	// handshakesTold is how many of one reason are told one by one in a window:
	// a wrong roll-out at several agencies shows each of them.
	handshakesTold = 20
	// handshakeWindow is after how long the count of the others is told.
	handshakeWindow = time.Minute
)

// handshakes tells the operator why connections were refused; the client learns
// no more than TLS tells it. Each reason has a bound of its own, so that a port
// scan does not drown the one agency whose certificate has expired. What is past
// the bound is counted, and the count is told.
type handshakes struct {
	log *slog.Logger

	mu     sync.Mutex
	closed bool
	open   map[identity.RefusalReason]*handshakeCount
}

type handshakeCount struct {
	told, untold int
	end          *time.Timer
}

func newHandshakes(log *slog.Logger) *handshakes {
	return &handshakes{log: log, open: make(map[identity.RefusalReason]*handshakeCount)}
}

// reportHandshake counts every refused connection, and tells of as many as the log may hold.
func (s *Server) reportHandshake(r identity.Refused) {
	s.opts.Metrics.HandshakeRefused(r.Reason)
	s.health.observe(fault.Reason(r.Reason))
	s.handshakes.refused(r)
}

// refused takes note of one; it is called on the connection's goroutine.
func (h *handshakes) refused(r identity.Refused) {
	if !h.count(r.Reason) {
		return
	}
	h.log.LogAttrs(context.Background(), slog.LevelWarn, "handshake refused",
		logline.Why(r.Reason), logline.Action(logline.Advice(r.Action)),
		logline.Subject(r.Subject), logline.Serial(r.Serial), logline.Issuer(r.Issuer))
}

// count reports whether one more of a reason is told by itself.
func (h *handshakes) count(reason identity.RefusalReason) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return false
	}
	c := h.open[reason]
	if c == nil {
		c = &handshakeCount{}
		c.end = time.AfterFunc(handshakeWindow, func() { h.sum(reason, c) })
		h.open[reason] = c
	}
	if c.told == handshakesTold {
		c.untold++
		return false
	}
	c.told++
	return true
}

// sum ends a window and tells how many it kept back.
func (h *handshakes) sum(reason identity.RefusalReason, c *handshakeCount) {
	h.mu.Lock()
	if h.open[reason] != c {
		h.mu.Unlock()
		return
	}
	delete(h.open, reason)
	untold := c.untold
	h.mu.Unlock()
	if untold > 0 {
		h.log.LogAttrs(context.Background(), slog.LevelWarn, "more handshakes refused",
			logline.Why(reason), logline.Count(untold))
	}
}

// close tells what is still to tell.
func (h *handshakes) close() {
	h.mu.Lock()
	h.closed = true
	left := make(map[identity.RefusalReason]*handshakeCount, len(h.open))
	for reason, c := range h.open {
		c.end.Stop()
		left[reason] = c
	}
	h.mu.Unlock()
	for reason, c := range left {
		h.sum(reason, c)
	}
}
