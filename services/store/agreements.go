package store

import (
	"context"
	"errors"
	"os"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/audit"
	"github.com/jisr-exchange/jisr/services/identity"
)

// Adopt makes an agreement the one in force: the database names it, and the
// change is an entry of the log. The same agreement again changes nothing there.
// use makes Law return what it is given; it is called in the transaction itself,
// so that whatever is shown or changed behind the entry was decided by the new
// agreement, also what was committed together with it. Where the transaction is not kept,
// use is called again with the agreement of before.
func (s *Store) Adopt(ctx context.Context, law *agreement.Law, use func(*agreement.Law)) error {
	var before *agreement.Law
	return s.writer.doOrUndo(ctx, func(conn querier) error {
		if err := s.adopt(conn, law); err != nil {
			return err
		}
		before = s.Law()
		use(law)
		return nil
	}, func() {
		if before != nil {
			use(before)
		}
	})
}

func (s *Store) adopt(conn querier, law *agreement.Law) error {
	same, err := number(conn, "SELECT EXISTS (SELECT 1 FROM agreements WHERE hash = ? AND in_force = 1)", law.Hash())
	if err != nil || same != 0 {
		return err
	}
	if err := exec(conn, "UPDATE agreements SET in_force = 0"); err != nil {
		return err
	}
	if err := exec(conn, `INSERT INTO agreements(hash, text, create_time, in_force) VALUES(?,?,?,1)
		ON CONFLICT DO UPDATE SET in_force = 1`, law.Hash(), law.Text(), s.now().UnixMicro()); err != nil {
		return err
	}
	leaf := audit.Leaf(&identity.Caller{Law: law}, jisrv1.LogEntry_KIND_AGREEMENT, "", s.now())
	e, err := s.newEntry(leaf)
	if err != nil {
		return err
	}
	if err := s.insertEntry(conn, e); err != nil {
		return err
	}
	return s.seatMonitors(conn, law)
}

// InForce reads the text of the agreement that a database names, or nil where
// there is no database yet or it names none.
func InForce(path string) ([]byte, error) {
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	conn, err := openConn(path)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if have, err := number(conn, "PRAGMA user_version"); err != nil || have == 0 {
		return nil, err
	}
	var text []byte
	err = each(conn, "SELECT text FROM agreements WHERE in_force = 1", func(st result) error {
		text = blob(st, 0)
		return nil
	})
	return text, err
}

// seatMonitors gives monitors that an agreement brings in their sight of the
// cases that are there already, and takes it from those it no longer names.
func (s *Store) seatMonitors(conn querier, law *agreement.Law) error {
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
		if err := tx.countEpochs(); err != nil {
			return err
		}
	}
	return nil
}
