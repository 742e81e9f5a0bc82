// Package budget keeps one agency's calls from becoming another's wait. Each
// agency has an account; calls, bytes, records and connections are drawn from
// it, and a connection whose frames carry no calls is cut.
//
// Budgets are in the time of this machine, never of a clock that can be set.
package budget

import (
	"errors"
	"time"
)

// Limits are one agency's budget. Each must be positive.
type Limits struct {
	// CallsPerSecond is what an agency may draw in a second, and at once after a
	// pause. A call is one; what it weighs beyond that is drawn afterwards.
	CallsPerSecond int
	// CallsInFlight is how many calls may be open at once, from the first byte of
	// the request to the last byte of the answer that the client has let through.
	CallsInFlight int
	// Connections is how many connections may be open at once.
	Connections int
	// CallTime is the longest that a unary call may take, its body included.
	CallTime time.Duration
}

// Default is the budget of each agency where nothing else is said: some times
// what the largest of them was seen to need, and less than a small machine does.
func Default() Limits {
	return Limits{CallsPerSecond: 1000, CallsInFlight: 128, Connections: 32, CallTime: time.Minute}
}

// Check refuses limits that would let nobody in, or everybody everything.
func (l Limits) Check() error {
	if l.CallsPerSecond <= 0 || l.CallsInFlight <= 0 || l.Connections <= 0 || l.CallTime <= 0 {
		return errors.New("budget: every limit must be positive")
	}
	return nil
}

const (
	// patience is how long a call may be held back until its agency's budget has
	// room. A client that waits for its answers is so slowed down and not refused.
	patience = time.Second
	// retry is when a call that found too many open may be tried again.
	retry = time.Second
	// unit is how many bytes, either way, weigh as much as a call.
	unit = 64 << 10
	// connectionCost is what opening a connection weighs: the handshake of a
	// certificate costs as much as some calls.
	connectionCost = 8
	// handshakes is how many may be on their way at once, of all peers: until a
	// certificate is shown nobody knows whose they are.
	handshakes = 256
	// paceOfAddress is how many handshakes of one address are begun to be computed in
	// a second, after as many at once as may be on their way. Behind one address may be
	// many agencies: the last of those for whom there is room has its turn in less than
	// HandshakeTime, and all together cost a twentieth of a processor.
	paceOfAddress = 100
	// accepts is how many connections are taken up in a second, of all peers: more than
	// a small machine computes handshakes, and a sixteenth of a processor.
	accepts = 2000
	// HandshakeTime is how long a peer has to get done with it.
	HandshakeTime = 5 * time.Second
)

// changes is how many of the calls in flight may be changing something at once, so
// that no commit holds more of one agency: sixteen by default, which already share
// the wait for the disk, and are written in some milliseconds.
func (l Limits) changes() int {
	return max(l.CallsInFlight/8, 1)
}

// allowance is how many frames of a kind a connection may receive in a second,
// and at once after a pause.
type allowance struct{ each, burst int }

// The allowances of one connection stand above what an agency within its budget
// can have a use for, since past them the connection is cut.

// headers are calls: those over the budget are refused in words, up to twice the budget.
func (l Limits) headers() allowance {
	n := max(2*l.CallsPerSecond, 2*l.CallsInFlight)
	return allowance{n, n}
}

// resets let all calls in flight be given up twice over, and a quarter of all calls after that.
func (l Limits) resets() allowance {
	return allowance{max(l.CallsPerSecond/4, 1), max(2*l.CallsInFlight, l.CallsPerSecond/4)}
}

// others are frames that carry no call: window updates, pings, settings, data
// of next to nothing. Clients send up to three with a call.
func (l Limits) others() allowance {
	n := max(4*l.CallsPerSecond, 2000)
	return allowance{n, n}
}
