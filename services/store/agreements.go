package store

import (
	"context"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/audit"
	"github.com/jisr-exchange/jisr/services/identity"
	"github.com/jisr-exchange/jisr/services/postgres"
)

// Adopt makes an agreement the one in force: the database names it, and the
// change is an entry of the log. The same agreement again changes nothing there.
// use makes Law return what it is given. With one writer it is called in the
// transaction itself, so that whatever is shown or changed behind the entry was
// decided by the new agreement, also what was committed together with it; where the
// transaction is not kept, use is called again with the agreement of before. With
// several writers it is called after the commit: until then each of them asks the
// database, in the transaction, which agreement is in force.
func (s *Store) Adopt(ctx context.Context, law *agreement.Law, use func(*agreement.Law)) error {
	var before *agreement.Law
	return s.writer.doAndTake(ctx, func(conn transaction) error { return s.adopt(conn, law) }, func() {
		before = s.Law()
		use(law)
	}, func() {
		if before != nil {
			use(before)
		}
	})
}

func (s *Store) adopt(conn transaction, law *agreement.Law) error {
	same, err := number(conn, "SELECT EXISTS (SELECT 1 FROM agreements WHERE hash = ? AND in_force = 1)", law.Hash())
	if err != nil || same != 0 {
		return err
	}
	if err := exec(conn, "UPDATE agreements SET in_force = 0 WHERE in_force = 1"); err != nil {
		return err
	}
	if err := exec(conn, `INSERT INTO agreements(hash, text, create_time, in_force) VALUES(?,?,?,1)
		ON CONFLICT (hash) DO UPDATE SET in_force = 1`, law.Hash(), law.Text(), s.now().UnixMicro()); err != nil {
		return err
	}
	leaf := audit.Leaf(&identity.Caller{Law: law}, jisrv1.LogEntry_KIND_AGREEMENT, "", s.now())
	e, err := s.newEntry(leaf)
	if err != nil {
		return err
	}
	if err := conn.enter(e); err != nil {
		return err
	}
	return s.seatMonitors(conn, law)
}

// InForce reads the text of the agreement that a database names, or nil where
// there is no database yet or it names none.
func InForce(ctx context.Context, database string, server postgres.Options) ([]byte, error) {
	if postgres.IsURL(database) {
		return inForceAtServer(ctx, database, server)
	}
	return inForceInFile(database)
}

// inForce reads the text of the agreement in force.
func inForce(conn querier) (text []byte, err error) {
	err = each(conn, "SELECT text FROM agreements WHERE in_force = 1", func(st result) error {
		text = blob(st, 0)
		return nil
	})
	return text, err
}

// seatMonitors gives monitors that an agreement brings in their sight of the
// cases that are there already, and takes it from those it no longer names.
func (s *Store) seatMonitors(conn transaction, law *agreement.Law) error {
	if err := exec(conn, "DELETE FROM sight WHERE link = ?", int(jisrv1.Link_LINK_OVERSIGHT)); err != nil {
		return err
	}
	var cases []string
	if err := each(conn, "SELECT name FROM records WHERE type = 'Case'", func(st result) error {
		cases = append(cases, st.ColumnText(0))
		return nil
	}); err != nil {
		return err
	}
	for _, name := range cases {
		tx := s.newTx(context.Background(), conn, nil)
		tx.law = law
		if err := tx.oversee(name); err != nil {
			return err
		}
		if err := tx.settle(); err != nil {
			return err
		}
	}
	return nil
}
