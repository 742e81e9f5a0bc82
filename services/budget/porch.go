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
// first turn no faster than its pace, so that the one who is let in and cut again
// without end costs little; who waits is not refused while there is room.
type porch struct {
	turns int

	mu     sync.Mutex
	taken  int                     // turns
	here   int                     // arrivals
	crowds map[netip.Prefix]*crowd // those whose pace has no memory of them are left out
	next   []*crowd                // those of which somebody waits for a turn, in the order in which they are served
}

// crowd is what came from one address and is here.
type crowd struct {
	arrivals []*arrival // the oldest first
	waiting  []*arrival // for a turn
	pace     *rate.Limiter
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
	turn  bool
	ready chan struct{} // closed when the turn has come that is waited for
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
	a := &arrival{Conn: conn, porch: p, crowd: c, until: time.Now().Add(HandshakeTime), out: make(chan struct{})}
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

// putOut makes room, where most came from: who has not said a word goes first,
// and then who came first, since who means well is done in moments.
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
	a := most.arrivals[max(slices.IndexFunc(most.arrivals, func(a *arrival) bool { return !a.spoke }), 0)]
	p.remove(a)
	close(a.out)
	_ = a.Conn.Close() // its handshake fails by this
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
		select {
		case <-a.out:
			return 0, ErrCrowded
		default:
			return 0, err
		}
	}
	if !a.hold() || !a.take() {
		return 0, ErrCrowded
	}
	return n, err
}

// hold waits at the first word until the address may have one more.
func (a *arrival) hold() bool {
	a.porch.mu.Lock()
	first := !a.spoke
	a.spoke = true
	a.porch.mu.Unlock()
	if !first {
		return true
	}
	now := time.Now()
	r := a.crowd.pace.ReserveN(now, 1)
	wait := r.DelayFrom(now)
	if wait == 0 {
		return true
	}
	if now.Add(wait).After(a.until) {
		r.CancelAt(now)
		return false
	}
	held := time.NewTimer(wait)
	defer held.Stop()
	select {
	case <-held.C:
		return true
	case <-a.out:
		r.Cancel()
		return false
	}
}

// take waits for a turn; false when there is none in the time of a handshake.
func (a *arrival) take() bool {
	p := a.porch
	p.mu.Lock()
	if p.taken < p.turns {
		p.taken++
		a.turn = true
		p.mu.Unlock()
		return true
	}
	a.ready = make(chan struct{})
	c := a.crowd
	if len(c.waiting) == 0 {
		p.next = append(p.next, c)
	}
	c.waiting = append(c.waiting, a)
	p.mu.Unlock()

	late := time.NewTimer(time.Until(a.until))
	defer late.Stop()
	select {
	case <-a.ready:
		return true
	case <-a.out:
	case <-late.C:
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if a.turn {
		return true // it came at the same moment
	}
	c.waiting = slices.DeleteFunc(c.waiting, func(w *arrival) bool { return w == a })
	if len(c.waiting) == 0 {
		p.next = slices.DeleteFunc(p.next, func(w *crowd) bool { return w == c })
	}
	return false
}

// rest gives the turn to who is next: one of each address, in turn.
func (a *arrival) rest() {
	p := a.porch
	p.mu.Lock()
	defer p.mu.Unlock()
	if !a.turn {
		return
	}
	a.turn = false
	if len(p.next) == 0 {
		p.taken--
		return
	}
	c := p.next[0]
	p.next = p.next[1:]
	next := c.waiting[0]
	if c.waiting = c.waiting[1:]; len(c.waiting) > 0 {
		p.next = append(p.next, c)
	}
	next.turn = true
	close(next.ready)
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
