package peer

import (
	"errors"
	"path/filepath"
	"sync"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

// ChangeTogether writes the rows of as many such notifications as there are callers
// in one transaction, and has none of them wait: what a group costs whoever does nothing but write it.
func ChangeTogether(dir string) (*Peer, error) { return taking(dir, Notification, true) }

// alone lets the exchange make one change, and then writes the rows that it
// wrote, under names of their own, in one transaction each: no lens, no seal and
// no look-up, on one connection that callers take turns at.
func alone(dir string, prepare func(*Shelf) (func() error, error)) (*Peer, error) {
	return taking(dir, prepare, false)
}

func taking(dir string, prepare func(*Shelf) (func() error, error), together bool) (*Peer, error) {
	s, err := OpenShelf(dir)
	if err != nil {
		return nil, err
	}
	change, err := prepare(s)
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	path := filepath.Join(dir, "jisr.db")
	rows, err := written(path, change)
	if err = errors.Join(err, s.Close()); err != nil {
		return nil, err
	}
	conn, err := sqlite.OpenConn(path, sqlite.OpenReadWrite|sqlite.OpenWAL)
	if err != nil {
		return nil, err
	}
	if err := sqlitex.ExecuteTransient(conn, "PRAGMA synchronous=FULL", nil); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	t := &taker{conn: conn, rows: rows, most: 1, together: together}
	return &Peer{Stop: conn.Close, spare: reserve(), Prepare: t.prepare, Work: t.work}, nil
}

// taker writes rows, time after time, on one connection that callers take turns at.
type taker struct {
	conn *sqlite.Conn
	rows []tableRow
	most int // times in one transaction
	// together has as many in one as there are callers.
	together bool

	turn sync.Mutex
	left int // of the slot
	open int // of the transaction
}

func (t *taker) prepare(calls, callers int) error {
	if t.left = calls; t.together {
		t.most = callers
	}
	return nil
}

func (t *taker) work(int) error {
	again := renamed(t.rows)
	t.turn.Lock()
	defer t.turn.Unlock()
	if t.open == 0 {
		if err := sqlitex.Execute(t.conn, "BEGIN IMMEDIATE", nil); err != nil {
			return err
		}
	}
	for _, r := range again {
		if err := sqlitex.Execute(t.conn, r.insert, &sqlitex.ExecOptions{Args: r.values}); err != nil {
			return err
		}
	}
	t.open++
	if t.left--; t.open < t.most && t.left > 0 {
		return nil
	}
	t.open = 0
	return sqlitex.Execute(t.conn, "COMMIT", nil)
}
