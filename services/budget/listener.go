package budget

import (
	"context"
	"net"

	"golang.org/x/time/rate"
)

// Listener wraps a listener so that connections are taken up one after another
// and no faster than they can be of use. What comes faster waits in the kernel's
// queue, and past that is told by silence to come again, which costs nothing here.
func (b *Book) Listener(inner net.Listener) net.Listener {
	open, closed := context.WithCancel(context.Background())
	return &paced{Listener: inner, pace: rate.NewLimiter(accepts, accepts/10), open: open, closed: closed}
}

type paced struct {
	net.Listener
	pace   *rate.Limiter
	open   context.Context //nolint:containedctx // the listener's own life
	closed context.CancelFunc
}

// Accept waits for the next connection, and for its time.
func (p *paced) Accept() (net.Conn, error) {
	if err := p.pace.Wait(p.open); err != nil {
		return nil, net.ErrClosed
	}
	return p.Listener.Accept()
}

// Close closes, and waits for nothing.
func (p *paced) Close() error {
	p.closed()
	return p.Listener.Close()
}
