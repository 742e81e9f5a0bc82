package store

import (
	"context"
	"slices"
	"strconv"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/record"
)

// Monitors see every case of their jurisdiction. A new case gives them their
// sight of it from birth; what is there before an agreement names them they are
// given afterwards, some cases at a time, since a million at once would keep
// everybody else from writing for minutes. Until then they see less, never more:
// who is a monitor no longer has lost its sight with the agreement itself.

// seatedAtOnce is how many cases a monitor is given in one transaction.
const seatedAtOnce = 50

// Of so many cases it is known at a time which a monitor is given next, and so many
// are looked through by one question.
const (
	seatedAhead = 50_000
	lookedAt    = 10_000
)

// seatedAll is what a monitor has reached that has been given its sight of every case.
const seatedAll = "~"

// terms are what a monitor's rows depend on beside the case: under other terms
// they are other rows.
func terms(l *agreement.Law, a *agreement.Agency) string {
	return strconv.Itoa(int(a.Jurisdiction)) + " " + strconv.FormatBool(slices.ContainsFunc(a.Roles, l.Pseudonymous))
}

// changeMonitors takes their sight from those whom an agreement names no longer,
// or under other terms, and notes whom it brings in.
func (s *Store) changeMonitors(conn transaction, law *agreement.Law) error {
	named := make(map[string]string)
	for _, a := range law.Agencies() {
		if overseer(law, a) {
			named[a.Slug] = terms(law, a)
		}
	}
	var gone []string
	err := each(conn, "SELECT agency, terms FROM monitors", func(st result) error {
		if agency := st.ColumnText(0); named[agency] == st.ColumnText(1) {
			delete(named, agency)
		} else {
			gone = append(gone, agency)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, agency := range gone {
		if err := exec(conn, "DELETE FROM sight WHERE holder = ? AND link = ?", agencyHolder(agency), int(jisrv1.Link_LINK_OVERSIGHT)); err != nil {
			return err
		}
		if err := exec(conn, "DELETE FROM monitors WHERE agency = ?", agency); err != nil {
			return err
		}
	}
	for agency, terms := range named {
		seating, err := record.NewID(s.Random)
		if err != nil {
			return err
		}
		if err := exec(conn, "INSERT INTO monitors(agency, terms, reached) VALUES(?,?,?)", agency, terms, seating); err != nil {
			return err
		}
	}
	return nil
}

// SeatMonitors gives monitors their sight of the cases that were there before
// them, as far as they do not have it yet. It goes on where it was left.
func (s *Store) SeatMonitors(ctx context.Context) error {
	for {
		if err := ctx.Err(); err != nil {
			return contextFault(ctx)
		}
		var agency, seating string
		err := s.read(ctx, func(conn querier) error {
			return each(conn, "SELECT agency, reached FROM monitors WHERE reached <> ? ORDER BY agency LIMIT 1", func(st result) error {
				agency, seating = st.ColumnText(0), st.ColumnText(1)
				return nil
			}, seatedAll)
		})
		if err != nil || agency == "" {
			return err
		}
		if err := s.seatAll(ctx, agency, seating); err != nil {
			return err
		}
	}
}

// seatAll gives one monitor its sight of all cases.
func (s *Store) seatAll(ctx context.Context, agency, seating string) error {
	last := ""
	for more := true; more; {
		next, err := s.unseated(ctx, agency, last)
		if err != nil {
			return err
		}
		for some := range slices.Chunk(next, seatedAtOnce) {
			if err := s.Act(ctx, func(tx *Tx) error { return tx.seat(agency, some) }); err != nil {
				return err
			}
		}
		if more = len(next) == seatedAhead; more {
			last = next[len(next)-1]
		}
	}
	return s.seated(ctx, agency, seating)
}

// seated notes that a monitor has been given its sight of all cases. Whom an agreement
// left out and another named again meanwhile is seated anew: what was made in between
// was not among them.
func (s *Store) seated(ctx context.Context, agency, seating string) error {
	return s.Act(ctx, func(tx *Tx) error {
		return exec(tx.conn, "UPDATE monitors SET reached = ? WHERE agency = ? AND reached = ?", seatedAll, agency, seating)
	})
}

// unseated finds the next cases of which a monitor has no sight yet, in the order of
// their names. In that of their shelfmarks, which is how they lie, a monitor that reads
// while it is seated would see in which order they were made.
func (s *Store) unseated(ctx context.Context, agency, last string) (next []string, err error) {
	at, found := "", lookedAt
	for found == lookedAt {
		found = 0
		// Every case has its epoch from birth.
		err := s.read(ctx, func(conn querier) error {
			return each(conn, `SELECT e.case_name, (SELECT COUNT(*) FROM sight s WHERE s.name = e.case_name AND s.holder = ? AND s.link = ?)
				FROM epochs e WHERE e.case_name > ? ORDER BY e.case_name `+limit, func(st result) error {
				found++
				if at = st.ColumnText(0); at > last && st.ColumnInt64(1) == 0 {
					next = append(next, at)
				}
				return nil
			}, agencyHolder(agency), int(jisrv1.Link_LINK_OVERSIGHT), at, lookedAt)
		})
		if err != nil {
			return nil, err
		}
		if len(next) >= 2*seatedAhead || found < lookedAt {
			slices.Sort(next)
			next = next[:min(len(next), seatedAhead)]
		}
	}
	return next, nil
}

// seat gives one monitor its sight of some cases.
func (tx *Tx) seat(agency string, cases []string) error {
	a, ok := tx.law.Agency(agency)
	if !ok {
		return agreement.ErrMoved
	}
	for _, name := range cases {
		if err := tx.oversee(name, a); err != nil {
			return err
		}
	}
	return nil
}
