package store

import (
	"slices"
	"time"

	"github.com/jisr-exchange/jisr/services/identity"
)

// PollBy puts the clock by which Follow asks into a test's hands.
func (s *Store) PollBy(clock <-chan time.Time) { s.polls = clock }

// Keeps reports whether a record is kept as a caller has read it.
func (s *Store) Keeps(c *identity.Caller, name string) bool {
	return s.recent.get(keyOf(c, name), s.Clock()) != nil
}

// WakeChannel is where nodes hear each other.
const WakeChannel = wakeChannel

// Listing are the texts by which lists read records, and nothing else does.
func Listing() (texts []string) {
	for holders := range 20 {
		for _, room := range widths {
			texts = append(texts, numberPlaceholders(recordsQuery(room, holders+1)))
		}
	}
	return texts
}

// Statements are the other texts that PostgreSQL was given by this process.
func Statements() (texts []string) {
	listing := Listing()
	numbered.Range(func(_, text any) bool {
		if !slices.Contains(listing, text.(string)) {
			texts = append(texts, text.(string))
		}
		return true
	})
	// Agencies act in few or many territories.
	for holders := range 6 {
		texts = append(texts, numberPlaceholders(namesText(Query{}, holders+1)), numberPlaceholders(namesText(Query{State: 1}, holders+1)))
		texts = append(texts, numberPlaceholders(touchedQuery(holders+1)), numberPlaceholders(sightQuery(linkColumns+", "+recordColumns, recordJoin, holders+1)))
	}
	return append(texts, appendQuery)
}
