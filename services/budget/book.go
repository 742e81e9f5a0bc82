package budget

import (
	"net"
	"sync"
	"time"

	"google.golang.org/grpc/credentials"
)

// reportEvery bounds the lines about one agency: a peer that floods the exchange
// must not flood its log by it.
const reportEvery = 10 * time.Second

// Reason is why a connection was cut.
type Reason string

// The reasons.
const (
	TooManyConnections Reason = "TOO_MANY_CONNECTIONS"
	InDebt             Reason = "BUDGET_EXCEEDED"
	TooManyHeaders     Reason = "TOO_MANY_CALLS"
	TooManyResets      Reason = "TOO_MANY_RESETS"
	TooManyFrames      Reason = "TOO_MANY_FRAMES"
	TooManyStreams     Reason = "TOO_MANY_STREAMS"
)

// Reasons returns all reasons.
func Reasons() []Reason {
	return []Reason{TooManyConnections, InDebt, TooManyHeaders, TooManyResets, TooManyFrames, TooManyStreams}
}

// Cut tells of a connection that was cut.
type Cut struct {
	// Agency and System are whom the certificate names.
	Agency, System string
	// Reason is why.
	Reason Reason
	// Quiet says that this agency had a line in the log just now.
	Quiet bool
	// Unreported is how many of that agency were quiet since its last line.
	Unreported int
}

// Book holds the accounts of all agencies.
type Book struct {
	limits Limits
	known  func(agency string) bool
	report func(Cut)

	mu       sync.Mutex
	accounts map[string]*Account
	porch    *porch
}

// NewBook opens the book. Agencies that are not known share one account, so that
// the book holds no more of them than the agreement names.
func NewBook(l Limits, known func(agency string) bool, report func(Cut)) (*Book, error) {
	if err := l.Check(); err != nil {
		return nil, err
	}
	return &Book{limits: l, known: known, report: report, accounts: make(map[string]*Account), porch: newPorch()}, nil
}

// Of is an agency's account.
func (b *Book) Of(agency string) *Account {
	if !b.known(agency) {
		agency = ""
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	a := b.accounts[agency]
	if a == nil {
		a = newAccount(b.limits)
		b.accounts[agency] = a
	}
	return a
}

// InFlight counts the calls at work by agency.
func (b *Book) InFlight() map[string]int {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := make(map[string]int, len(b.accounts))
	for agency, a := range b.accounts {
		a.mu.Lock()
		n[agency] = a.running
		a.mu.Unlock()
	}
	return n
}

// cut reports a connection that was cut.
func (b *Book) cut(a *Account, c Cut) {
	a.mu.Lock()
	defer a.mu.Unlock()
	c.Quiet = true
	a.unreported++
	a.lines.Do(func() {
		c.Quiet, c.Unreported, a.unreported = false, a.unreported-1, 0
	})
	b.report(c)
}

// Credentials wraps a server's credentials: handshakes have their room and their
// turns, and the connections that come of them are held against the account of
// whom name says they belong to.
func (b *Book) Credentials(inner credentials.TransportCredentials, name func(credentials.AuthInfo) (agency, system string)) credentials.TransportCredentials {
	return &metered{TransportCredentials: inner, book: b, name: name}
}

type metered struct {
	credentials.TransportCredentials
	book *Book
	name func(credentials.AuthInfo) (agency, system string)
}

func (m *metered) ServerHandshake(raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	a := m.book.porch.enter(raw)
	conn, info, err := m.TransportCredentials.ServerHandshake(a)
	a.leave()
	if err != nil {
		return conn, info, err
	}
	agency, system := m.name(info)
	return newMeter(conn, m.book, agency, system), info, nil
}

func (m *metered) Clone() credentials.TransportCredentials {
	return &metered{TransportCredentials: m.TransportCredentials.Clone(), book: m.book, name: m.name}
}
