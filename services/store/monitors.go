package store

import (
	"context"
	"slices"
	"strconv"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/agreement"
)

// Monitors see every case of their jurisdiction. A new case gives them their
// sight of it from birth; what is there before an agreement names them they are
// given afterwards, some cases at a time, since a million at once would keep
// everybody else from writing for minutes. Until then they see less, never more:
// who is a monitor no longer has lost its sight with the agreement itself.

// seatedAtOnce is how many cases a monitor is given in one transaction.
const seatedAtOnce = 50

// seatedAll stands behind the name of every case.
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
		if err := exec(conn, "INSERT INTO monitors(agency, terms, reached) VALUES(?,?,'')", agency, terms); err != nil {
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
		var waiting int64
		err := s.read(ctx, func(conn querier) (err error) {
			waiting, err = number(conn, "SELECT COUNT(*) FROM monitors WHERE reached <> ?", seatedAll)
			return err
		})
		if err != nil || waiting == 0 {
			return err
		}
		if err := s.Act(ctx, (*Tx).seat); err != nil {
			return err
		}
	}
}

// seat gives one monitor its sight of the next cases.
func (tx *Tx) seat() error {
	var agency, reached string
	err := each(tx.conn, "SELECT agency, reached FROM monitors WHERE reached <> ? ORDER BY agency LIMIT 1", func(st result) error {
		agency, reached = st.ColumnText(0), st.ColumnText(1)
		return nil
	}, seatedAll)
	if err != nil || agency == "" {
		return err
	}
	a, ok := tx.law.Agency(agency)
	if !ok {
		return agreement.ErrMoved
	}
	var next []string
	// Every case has its epoch from birth.
	err = each(tx.conn, "SELECT case_name FROM epochs WHERE case_name > ? ORDER BY case_name LIMIT ?", func(st result) error {
		next = append(next, st.ColumnText(0))
		return nil
	}, reached, seatedAtOnce)
	if err != nil {
		return err
	}
	for _, name := range next {
		if err := tx.oversee(name, a); err != nil {
			return err
		}
	}
	if len(next) < seatedAtOnce {
		next = append(next, seatedAll)
	}
	return exec(tx.conn, "UPDATE monitors SET reached = ? WHERE agency = ?", next[len(next)-1], agency)
}
