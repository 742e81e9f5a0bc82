package demo

import (
	"context"
	"errors"
	"fmt"

	"github.com/jisr-exchange/jisr/services/fault"
)

// story is the state of the play. After a failed step the rest does nothing, and
// the failure is what the demonstration ends with.
type story struct {
	*exchange
	ctx context.Context
	t   *teller
	err error

	// names of the records, as the exchange gave them
	matter, first, second, suspect  string
	placement, examination, consent string

	views  map[string]*view // by heading
	before *view            // MoFA, before consent
}

func (s *story) outcome() error {
	if s.ctx.Err() != nil {
		// What the interrupt broke off is no failure of the exchange.
		return s.ctx.Err()
	}
	s.fail(s.t.err)
	return s.err
}

// step lets a party act, and tells it when it is done.
func (s *story) step(p party, what string, act func(*client) error) {
	if s.quietly(p, what, act) {
		s.t.did(p.short, what)
	}
}

// quietly is step without a line of its own.
func (s *story) quietly(p party, what string, act func(*client) error) bool {
	if s.fail(s.t.err); s.err != nil {
		return false
	}
	c, err := s.as(p)
	if err == nil {
		err = act(c)
	}
	if err != nil {
		s.fail(fmt.Errorf("%s %s: %w%s", p.short, what, err, violations(err)))
	}
	return s.err == nil
}

// fail ends the story at its first failure.
func (s *story) fail(err error) {
	if s.err == nil && err != nil {
		s.err, s.t.ended = err, true
	}
}

// refused lets a party try what the exchange must refuse.
func (s *story) refused(p party, what string, want fault.Reason, act func(*client) error) {
	s.step(p, fmt.Sprintf("%s: %s", what, want), func(c *client) error {
		err := act(c)
		switch {
		case err == nil:
			return errors.New("it was answered, and should have been refused")
		case reason(err) != want:
			return err
		}
		return nil
	})
}

// expect fails the story where the exchange answered otherwise than it tells.
func expect(ok bool, format string, args ...any) error {
	if ok {
		return nil
	}
	return fmt.Errorf(format, args...)
}

// prologue says what is running and who plays.
func (s *story) prologue() {
	t := s.t
	t.line("%s", t.bold("jisr: a trafficking case in Baghdad, played by nine agencies"))
	t.paragraph("A real exchange runs in this process on %s, with throw-away certificates and data. "+
		"Each line below is a call over mutual TLS under the caller's own certificate. The law is the data-sharing agreement, edition %s, SHA-256 %.16s….",
		s.daemon.Addr(), s.daemon.Law().Edition(), s.daemon.Law().Hash())
	t.line("")
	for _, p := range cast {
		if p == operations {
			continue
		}
		a, ok := s.daemon.Law().Agency(p.agency)
		if !ok {
			s.fail(fmt.Errorf("the agreement has no agency %s", p.agency))
			return
		}
		own := a.DisplayNameAr
		if p == erbil {
			own = a.DisplayNameCkb
		}
		t.line("  %-6s %s", t.bold(p.short)+pad(p.short, 6), a.DisplayName)
		t.line("  %-6s %-22s %s", "", p.agency+"/"+p.system, isolate(own))
	}
}

func pad(s string, n int) string { return fmt.Sprintf("%*s", max(n-len(s), 0), "") }

func (s *story) epilogue() {
	s.t.chapter("To go on")
	s.t.paragraph("jisr demo --serve leaves this exchange running, with lines for grpcurl; jisr matrix --role foreign_affairs prints what a role may see and why; " +
		"agreement.txtpb is the law itself.")
}
