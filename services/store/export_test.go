package store

import (
	"context"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"

	"github.com/jisr-exchange/jisr/services/identity"
	"github.com/jisr-exchange/jisr/services/record"
)

// PollBy puts the clock by which Follow asks into a test's hands.
func (s *Store) PollBy(clock <-chan time.Time) { s.polls = clock }

// Keeps reports whether a record is kept as a caller has read it.
func (s *Store) Keeps(c *identity.Caller, name string) bool {
	return s.recent.get(keyOf(c, name), s.Clock()) != nil
}

// Mark is under what a record lies.
func (s *Store) Mark(name string) string { return s.marks.of(name) }

// Name is the name of what lies under a mark.
func (s *Store) Name(mark string) string { return s.marks.name(mark) }

// Unseated are the cases of which a monitor has no sight yet, in the order in which it is given it.
func (s *Store) Unseated(ctx context.Context, agency string) ([]string, error) {
	return s.unseated(ctx, agency, "")
}

// Seating is by what a monitor that an agreement has named is told from itself when
// it is named anew.
func (s *Store) Seating(t testing.TB, agency string) (seating string) {
	t.Helper()
	if err := s.read(t.Context(), func(conn querier) error {
		return each(conn, "SELECT reached FROM monitors WHERE agency = ?", func(r result) error {
			seating = r.ColumnText(0)
			return nil
		}, agency)
	}); err != nil {
		t.Fatal(err)
	}
	return seating
}

// EndSeating notes that a monitor has been given its sight of all cases.
func (s *Store) EndSeating(ctx context.Context, agency, seating string) error {
	return s.seated(ctx, agency, seating)
}

// InTurn has the calls of an rpc come to their turn undrafted.
func (s *Store) InTurn(rpc string) {
	turns := &atomic.Int64{}
	turns.Store(math.MaxInt64)
	s.writer.turns.Store(rpc, turns)
}

// DraftsAll has every change drafted, also one that has no company.
func (s *Store) DraftsAll() { s.writer.every = func(bool) {} }

// Bears says how long calls wait for their turn, and returns how long they did.
func (s *Store) Bears(most time.Duration) (before time.Duration) {
	before, s.writer.bears = s.writer.bears, most
	return before
}

// Queued is how many calls wait for their turn.
func (s *Store) Queued() int {
	s.writer.changes.mu.Lock()
	defer s.writer.changes.mu.Unlock()
	return s.writer.changes.length
}

// KeepsFile reports whether anything is kept of a case for the drafts of others.
func (s *Store) KeepsFile(name string) bool { return s.files.of(name, s.Law()) != nil }

// KeptAgrees compares what is kept of cases with what is there, and returns of how
// many something is kept that is not of before.
func (s *Store) KeptAgrees(t testing.TB) (compared int) {
	t.Helper()
	s.files.mu.Lock()
	kept := maps.Clone(s.files.young)
	maps.Copy(kept, s.files.old)
	s.files.mu.Unlock()
	err := s.read(t.Context(), func(conn querier) error {
		for name, k := range kept {
			epoch, err := number(conn, epochOf, name)
			if err != nil || epoch != k.epoch {
				return err
			}
			compared++
			members := make(map[member]bool)
			if err := each(conn, "SELECT name, type, subject, create_time FROM records WHERE case_name = ?", func(r result) error {
				members[member{r.ColumnText(0), r.ColumnText(1), r.ColumnText(2), r.ColumnInt64(3)}] = true
				return nil
			}, name); err != nil {
				return err
			}
			for _, m := range k.members {
				if !members[m] {
					t.Errorf("%s is kept as a record of the case", m.name)
				}
			}
			if k.whole && len(members) != len(k.members) {
				t.Errorf("%d of %d records of a case are kept as all of them", len(k.members), len(members))
			}
			for _, kept := range k.records {
				there, found, err := loadRow(conn, kept.name)
				if err != nil {
					return err
				}
				if !found || !reflect.DeepEqual(there, kept.row) {
					t.Errorf("of %s another record is kept than is there", kept.name)
				}
				links := make(map[sightRow]int)
				if err := each(conn, "SELECT holder, link, via, subject, scope, until_time, visible FROM sight WHERE name = ?", func(r result) error {
					links[sightRow{
						holder: r.ColumnText(0), link: jisrv1.Link(r.ColumnInt(1)), via: r.ColumnText(2),
						subject: r.ColumnText(3), scope: record.ClassSet(r.ColumnInt64(4)), until: r.ColumnInt64(5),
					}] = r.ColumnInt(6)
					return nil
				}, kept.name); err != nil {
					return err
				}
				if kept.linked && len(links) != len(kept.links) {
					t.Errorf("%d of %d links on %s are kept as all of them", len(kept.links), len(links), kept.name)
				}
				for _, l := range kept.links {
					if links[l] != 1 {
						t.Errorf("a link on %s is kept that is not there, or closed: %+v", kept.name, l)
					}
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	return compared
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

// heard is a database that is listened to: each question, and how many rows answer it.
type heard struct {
	querier
	asked []string
}

func (h *heard) each(query string, f func(result) error, args ...any) error {
	rows := 0
	err := h.querier.each(query, func(r result) error {
		rows++
		return f(r)
	}, args...)
	h.asked = append(h.asked, fmt.Sprintf("%d rows: %s", rows, query))
	return err
}

// Asks returns what the database is asked when a caller reads a record, when it
// lists the entries about it and when it reads its file, and what each is answered.
func (s *Store) Asks(ctx context.Context, c *identity.Caller, name string) (asked [3][]string, failed [3]error) {
	n, _ := record.ParseName(name)
	for i, ask := range []func(conn querier) error{
		func(conn querier) error {
			_, _, err := s.load(ctx, conn, c, c.Law, n)
			return err
		},
		func(conn querier) error {
			_, err := s.auditor(ctx, conn, c, n)
			return err
		},
		func(conn querier) error {
			_, err := s.namesIn(ctx, conn, c, name)
			return err
		},
	} {
		h := &heard{}
		failed[i] = s.read(ctx, func(conn querier) error {
			h.querier = conn
			return ask(h)
		})
		asked[i] = h.asked
	}
	return asked, failed
}
