package budget

import (
	"errors"
	"net"
	"sync"

	"golang.org/x/time/rate"
)

var errCut = errors.New("budget: the connection was cut")

const (
	// tiny is how little data makes a frame one that carries nothing: what is kept
	// beside it in memory outweighs it.
	tiny = 64
	// maxOpen bounds the streams that a meter remembers: the transport answers
	// each beyond its own limit of streams before it reads on.
	maxOpen = 1024
)

// meter is a connection that is read along with: in clear text, between TLS and
// HTTP/2. The transport bounds what each frame may do, and not how many there are.
type meter struct {
	net.Conn
	book           *Book
	account        *Account
	agency, system string

	in, out                 frames
	headers, resets, others *rate.Limiter

	mu     sync.Mutex
	taken  bool // a connection of the account's
	closed bool
	open   map[uint32]struct{} // streams whose answer is not out yet
	last   uint32
	bytes  int // not charged yet
}

func newMeter(conn net.Conn, b *Book, agency, system string) *meter {
	limiter := func(a allowance) *rate.Limiter { return rate.NewLimiter(rate.Limit(a.each), a.burst) }
	return &meter{
		Conn: conn, book: b, account: b.Of(agency), agency: agency, system: system,
		in:      frames{skip: preface},
		headers: limiter(b.limits.headers()), resets: limiter(b.limits.resets()), others: limiter(b.limits.others()),
		open: make(map[uint32]struct{}),
	}
}

// Read reads, and counts the frames in what was read. When there are too many it
// fails, upon which the transport closes the connection with all that was on it.
//
// The account's connection is taken by the first read and not by the handshake,
// since only from there on the transport closes what it was handed.
func (m *meter) Read(p []byte) (int, error) {
	if reason := m.take(); reason != "" {
		return 0, m.cut(reason)
	}
	n, err := m.Conn.Read(p)
	m.count(n)
	var reason Reason
	if !m.in.read(p[:n], func(f frame) bool {
		reason = m.received(f)
		return reason == ""
	}) {
		m.account.Charge(m.account.limits.CallsPerSecond / 4)
		return 0, m.cut(reason)
	}
	return n, err
}

// Write writes, and sees which calls are answered by that.
func (m *meter) Write(p []byte) (int, error) {
	n, err := m.Conn.Write(p)
	m.count(n)
	m.out.read(p[:n], func(f frame) bool {
		if f.kind == frameReset || f.kind == frameHeaders && f.flags&flagEndStream != 0 || f.kind == frameData && f.flags&flagEndStream != 0 {
			m.ended(f.stream)
		}
		return true
	})
	return n, err
}

// Close closes, and gives back what was taken.
func (m *meter) Close() error {
	m.mu.Lock()
	if m.taken && !m.closed {
		m.account.disconnect(len(m.open))
	}
	m.closed = true
	clear(m.open)
	m.mu.Unlock()
	return m.Conn.Close()
}

func (m *meter) take() Reason {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.taken || m.closed {
		return ""
	}
	reason := m.account.connect()
	m.taken = reason == ""
	return reason
}

func (m *meter) cut(reason Reason) error {
	m.book.cut(m.account, Cut{Agency: m.agency, System: m.system, Reason: reason})
	return errCut
}

// received counts a frame of the client's.
func (m *meter) received(f frame) Reason {
	switch {
	case f.kind == frameHeaders:
		if !m.headers.Allow() {
			return TooManyHeaders
		}
		return m.began(f.stream)
	case f.kind == frameReset:
		m.ended(f.stream)
		if !m.resets.Allow() {
			return TooManyResets
		}
	case f.kind == frameData && (f.length >= tiny || f.flags&flagEndStream != 0):
		// carries a call, and is charged by its bytes
	case !m.others.Allow():
		return TooManyFrames
	}
	return ""
}

func (m *meter) began(stream uint32) Reason {
	m.mu.Lock()
	defer m.mu.Unlock()
	if stream <= m.last || m.closed {
		return "" // the transport knows what to make of that
	}
	if len(m.open) >= maxOpen {
		return TooManyStreams
	}
	m.last = stream
	m.open[stream] = struct{}{}
	m.account.opened(1)
	return ""
}

func (m *meter) ended(stream uint32) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.open[stream]; ok {
		delete(m.open, stream)
		m.account.opened(-1)
	}
}

// count charges the account for bytes, either way.
func (m *meter) count(n int) {
	m.mu.Lock()
	m.bytes += n
	whole := m.bytes / unit
	m.bytes %= unit
	m.mu.Unlock()
	if whole > 0 {
		m.account.Charge(whole)
	}
}
