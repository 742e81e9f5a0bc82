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

// Statements are the texts that PostgreSQL was given by this process.
func Statements() (texts []string) {
	numbered.Range(func(_, text any) bool {
		texts = append(texts, text.(string))
		return true
	})
	// Agencies act in few or many territories.
	for holders := range 6 {
		texts = append(texts, numberPlaceholders(touchedQuery(holders+1)), numberPlaceholders(sightQuery(linkColumns+", "+recordColumns, recordJoin, holders+1)))
	}
	return append(texts, appendQuery)
}
