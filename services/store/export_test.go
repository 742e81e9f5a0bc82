package store

import (
	"time"

	"github.com/jisr-exchange/jisr/services/identity"
)

// PollBy puts the clock by which Follow asks into a test's hands.
func (s *Store) PollBy(clock <-chan time.Time) { s.polls = clock }

// Keeps reports whether a record is kept as a caller has read it.
func (s *Store) Keeps(c *identity.Caller, name string) bool {
	_, _, kept := s.recent.get(keyOf(c, name), s.Clock())
	return kept
}

// WakeChannel is where nodes hear each other.
const WakeChannel = wakeChannel
