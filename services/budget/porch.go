package budget

import (
	"errors"
	"maps"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// ErrCrowded ends a handshake for which there was no room or no turn.
var ErrCrowded = errors.New("budget: too many handshakes are on their way")

// porch holds the handshakes that are on their way. Until a certificate is shown
// nobody knows whose they are, only from where they come: so all that is here is
// shared out by address.
//
// A handshake is signatures and key exchange, as dear as thirty calls. No more of
// them are computed at once than turns, or whoever opens connections without end
// has all processors. A turn lasts from bytes that came to the next wait for
// bytes: a peer that keeps silent holds none. Those of one address come to their
// first turn no faster than its pace, so that whoever is let in and cut without
// end costs little; who waits is not refused while there is room.
type porch struct {
	turns int

	mu     sync.Mutex
	taken  int                     // turns
	here   int                     // arrivals
	crowds map[netip.Prefix]*crowd // by the address that they come from
	next   []*crowd                // those of which somebody waits for a turn, in the order in which they are served
}

// crowd is what came from one address and is here.
type crowd struct {
	arrivals []*arrival // the oldest first
	held     []*arrival // by the pace
	waiting  []*arrival // for a turn
	pace     *rate.Limiter
	calling  bool // who is next of those held has its time
}

// arrival is a connection until its handshake has ended, and afterwards no more
// than the connection.
type arrival struct {
	net.Conn
	porch *porch
	crowd *crowd
	until time.Time
	over  bool // only the handshake's goroutine looks, and who has the connection from it

	// Under the porch's lock.
	spoke bool
	idle  bool // waits for its peer
	turn  bool
	ready chan struct{} // closed when what it waits for has come
	out   chan struct{} // closed when there is no room for it any more
}

// newPorch has a turn for every second processor: the others are for those who
// have been let in.
func newPorch() *porch {
	return &porch{turns: max(runtime.GOMAXPROCS(0)/2, 1), crowds: make(map[netip.Prefix]*crowd)}
}

// enter notes a handshake that has begun; leave must be called when it has ended.
func (p *porch) enter(conn net.Conn) *arrival {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.here >= handshakes {
		p.putOut()
	}
	c := p.crowd(origin(conn.RemoteAddr()))
	a := &arrival{Conn: conn, porch: p, crowd: c, until: time.Now().Add(HandshakeTime), idle: true, out: make(chan struct{})}
	c.arrivals = append(c.arrivals, a)
	p.here++
	return a
}

// crowd finds those of an address. With more addresses than there is room for, the
// ones are forgotten that have nobody here and have not been in a hurry of late.
func (p *porch) crowd(from netip.Prefix) *crowd {
	if c := p.crowds[from]; c != nil {
		return c
	}
	if len(p.crowds) >= 2*handshakes {
		maps.DeleteFunc(p.crowds, func(_ netip.Prefix, c *crowd) bool {
			return len(c.arrivals) == 0 && c.pace.Tokens() >= handshakes
		})
	}
	c := &crowd{pace: rate.NewLimiter(paceOfAddress, handshakes)}
	p.crowds[from] = c
	return c
}

// putOut makes room, where most came from: who means well is done in moments.
func (p *porch) putOut() {
	var most *crowd
	for _, c := range p.crowds {
		if len(c.arrivals) == 0 {
			continue
		}
		if most == nil || len(c.arrivals) > len(most.arrivals) ||
			len(c.arrivals) == len(most.arrivals) && c.arrivals[0].until.Before(most.arrivals[0].until) {
			most = c
		}
	}
	a := most.last()
	p.remove(a)
	close(a.out)
	_ = a.Conn.Close() // its handshake fails by this
}

// last is who makes room. Who keeps the exchange waiting goes before whom it keeps
// waiting: who came first and has not said a word, or else nothing more. Where all
// wait for their turn it is who came last, or nobody would come to it any more.
func (c *crowd) last() *arrival {
	for _, goes := range []func(*arrival) bool{
		func(a *arrival) bool { return !a.spoke },
		func(a *arrival) bool { return a.idle },
	} {
		if at := slices.IndexFunc(c.arrivals, goes); at >= 0 {
			return c.arrivals[at]
		}
	}
	return c.arrivals[len(c.arrivals)-1]
}

// remove takes an arrival off the porch, once.
func (p *porch) remove(a *arrival) {
	if at := slices.Index(a.crowd.arrivals, a); at >= 0 {
		a.crowd.arrivals = slices.Delete(a.crowd.arrivals, at, at+1)
		p.here--
	}
}

// leave ends a handshake, however it ended.
func (a *arrival) leave() {
	a.rest()
	a.over = true
	a.porch.mu.Lock()
	defer a.porch.mu.Unlock()
	a.porch.remove(a)
}

// Read reads, and while it waits for the peer gives its turn to others. What a
// handshake writes fits into what the kernel keeps for a connection, and waits for
// nobody.
func (a *arrival) Read(b []byte) (int, error) {
	if a.over {
		return a.Conn.Read(b)
	}
	a.rest()
	n, err := a.Conn.Read(b)
	if n == 0 {
		return 0, a.why(err)
	}
	if !a.hold() || !a.take() {
		return 0, ErrCrowded
	}
	return n, err
}

// Write writes.
func (a *arrival) Write(b []byte) (int, error) {
	n, err := a.Conn.Write(b)
	return n, a.why(err)
}

// why says of an error whether it came of being put out.
func (a *arrival) why(err error) error {
	if err == nil || a.over {
		return err
	}
	select {
	case <-a.out:
		return ErrCrowded
	default:
		return err
	}
}

// origin is what counts as one address: with IPv6 the network that one customer
// of a provider has. Who sits behind one translated address is one.
func origin(addr net.Addr) netip.Prefix {
	at, err := netip.ParseAddrPort(addr.String())
	if err != nil {
		return netip.Prefix{} // not of the internet: all alike
	}
	ip := at.Addr().Unmap().WithZone("")
	bits := ip.BitLen()
	if ip.Is6() {
		bits = 64
	}
	from, _ := ip.Prefix(bits) // of these lengths there is always one
	return from
}
