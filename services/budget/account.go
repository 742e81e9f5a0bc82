package budget

import (
	"context"
	"errors"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Account is one agency's budget and what is drawn from it.
type Account struct {
	limits Limits
	calls  *rate.Limiter
	lines  rate.Sometimes // bounds what is reported of it
	turns  chan struct{}  // of calls that change something

	mu          sync.Mutex
	open        int // calls whose answer is not out yet
	running     int // calls whose handler has not returned
	connections int
	unreported  int
}

// newAccount opens an account.
func newAccount(l Limits) *Account {
	return &Account{
		limits: l, calls: rate.NewLimiter(rate.Limit(l.CallsPerSecond), l.CallsPerSecond),
		lines: rate.Sometimes{First: 1, Interval: reportEvery},
		turns: make(chan struct{}, l.changes()),
	}
}

// Admit draws a call before its body is read. It never blocks: where the budget
// has no room yet, wait says how long the call is to be held back, or, if that
// is too long and the call is refused, when it may be tried again.
func (a *Account) Admit() (wait time.Duration, ok bool) {
	a.mu.Lock()
	full := a.open > a.limits.CallsInFlight
	a.mu.Unlock()
	if full {
		return retry, false
	}
	return a.draw(1)
}

// Message draws a further message of an open stream, as Admit draws a call.
func (a *Account) Message() (wait time.Duration, ok bool) { return a.draw(1) }

// draw takes n from what the agency has for this second, or from the next.
func (a *Account) draw(n int) (wait time.Duration, ok bool) {
	now := time.Now()
	r := a.calls.ReserveN(now, min(n, a.calls.Burst()))
	wait = r.DelayFrom(now)
	if wait > patience {
		r.CancelAt(now)
		return wait, false
	}
	return wait, true
}

// Charge draws what a call turned out to weigh. It is never refused; what
// comes next waits.
func (a *Account) Charge(n int) {
	now := time.Now()
	for most := a.calls.Burst(); n > 0; n -= most {
		a.calls.ReserveN(now, min(n, most))
	}
}

// Run counts a handler, if there is room for it; Done must be called when it has
// returned. Open calls do not bound those: a client that resets its streams leaves
// their handlers behind.
func (a *Account) Run() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.running >= a.limits.CallsInFlight {
		return false
	}
	a.running++
	return true
}

// Done ends what Run counted.
func (a *Account) Done() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.running--
}

// stuck is how long a call waits for one of its agency's to have changed something. A
// commit takes a moment, so they do not come to an end by themselves any more.
const stuck = 20 * time.Second

// ErrStuck says that none of an agency's changes has come to its end for long.
var ErrStuck = errors.New("budget: the changes before this one do not end")

// Change waits until a call may change something; done must be called when its
// handler has returned. A commit lasts as long as what it holds, and whoever comes
// beside waits for the one at work and for its own.
func (a *Account) Change(ctx context.Context) (done func(), err error) {
	done = func() { <-a.turns }
	select {
	case a.turns <- struct{}{}:
		return done, nil
	default:
	}
	late := time.NewTimer(stuck)
	defer late.Stop()
	select {
	case a.turns <- struct{}{}:
		return done, nil
	case <-late.C:
		return nil, ErrStuck
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// connect takes one of the agency's connections, unless it has none left or is
// in debt for more than a call would be held back.
func (a *Account) connect() Reason {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.connections >= a.limits.Connections {
		return TooManyConnections
	}
	if _, ok := a.draw(connectionCost); !ok {
		return InDebt
	}
	a.connections++
	return ""
}

// disconnect gives a connection back, with the calls that were open on it.
func (a *Account) disconnect(open int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.connections--
	a.open -= open
}

// opened counts calls that began, and with a negative number those that ended.
func (a *Account) opened(n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.open += n
}
