package store

import (
	"context"
	"errors"
	"log/slog"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/audit"
	"github.com/jisr-exchange/jisr/services/identity"
	"github.com/jisr-exchange/jisr/services/logline"
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
	return s.putInForce(ctx, law, use, s.adopt)
}

// Resume is Adopt for a node that starts. Where several share the database, its
// file may be older than what the others have adopted since: an agreement that was
// in force and was replaced is not put back by who comes late, who takes up the one
// that the database names instead.
func (s *Store) Resume(ctx context.Context, law *agreement.Law, use func(*agreement.Law)) error {
	if !s.shared() {
		return s.Adopt(ctx, law, use)
	}
	err := s.putInForce(ctx, law, use, func(conn transaction, law *agreement.Law) error {
		replaced, err := number(conn, "SELECT EXISTS (SELECT 1 FROM agreements WHERE hash = ? AND in_force = 0)", law.Hash())
		if err != nil {
			return err
		}
		if replaced != 0 {
			return errReplaced
		}
		return s.adopt(conn, law)
	})
	if errors.Is(err, errReplaced) {
		return s.follow(ctx, use)
	}
	return err
}

// errReplaced says that another agreement has taken the place of one.
var errReplaced = errors.New("store: the agreement was replaced")

func (s *Store) putInForce(ctx context.Context, law *agreement.Law, use func(*agreement.Law), put func(transaction, *agreement.Law) error) error {
	var before *agreement.Law
	err := s.writer.doAndTake(ctx, func(conn transaction) error { return put(conn, law) }, func() {
		before = s.Law()
		use(law)
	}, func() {
		if before != nil {
			use(before)
		}
	})
	if err != nil {
		return err
	}
	s.wakes.adopted()
	if err := s.SeatMonitors(ctx); err != nil {
		// The agreement is in force all the same; the next tick goes on.
		s.Log.LogAttrs(ctx, slog.LevelWarn, "monitors do not see all cases yet; tried again at the next tick", logline.Amiss(err))
	}
	return nil
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
	e, err := newEntry(s.Random, leaf)
	if err != nil {
		return err
	}
	if err := conn.enter(e); err != nil {
		return err
	}
	return s.changeMonitors(conn, law)
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
