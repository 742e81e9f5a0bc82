package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"zombiezen.com/go/sqlite"

	"github.com/jisr-exchange/jisr/services/move"
	"github.com/jisr-exchange/jisr/services/postgres"
)

// Schema is what a database of the store is, for `jisr migrate` to move.
func Schema() (move.Schema, error) {
	steps, err := postgres.Load(spoken{}, "exchange")
	return move.Schema{
		Component: "database",
		Open:      openRaw,
		Alone:     unserved,
		Make:      func(conn *sqlite.Conn) error { return migrate(&sqliteConn{Conn: conn}) },
		Current:   current,
		Steps:     steps,
		// The first entry of the log stays for ever, under a random name.
		Origin: "SELECT name FROM log_entries ORDER BY seq LIMIT 1",
	}, err
}

// unserved keeps others from serving a file, and posts what a process that was killed
// has left in its journal.
func unserved(path string) (_ io.Closer, err error) {
	held, err := lock(path)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, held.Close())
		}
	}()
	for _, part := range []string{path, path + "-entries"} {
		if _, err := os.Stat(part); errors.Is(err, fs.ErrNotExist) {
			return held, nil
		}
	}
	conn, err := openRaw(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	if current(conn) != nil {
		return held, nil // which is told where it is asked for
	}
	j, err := openJournal(path, &sqliteConn{Conn: conn}, unmeasured{}, func(error) {})
	if err != nil {
		return nil, err
	}
	return held, j.file.Close()
}

// openRaw opens a file that is there, as it is.
func openRaw(path string) (*sqlite.Conn, error) {
	conn, err := sqlite.OpenConn(path, sqlite.OpenReadWrite)
	if err != nil {
		return nil, err
	}
	if err := prepareConn(conn); err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// current says why a file is not at this program's schema.
func current(conn *sqlite.Conn) error {
	files, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return err
	}
	have, err := number(&sqliteConn{Conn: conn}, "PRAGMA user_version")
	switch {
	case err != nil:
		return fmt.Errorf("store: %w", err)
	case have == 0:
		return &move.Refusal{Text: "the file holds no exchange", Do: "name the right one"}
	case have < int64(len(files)):
		return &move.Refusal{Text: fmt.Sprintf("the database has schema %d and this program %d", have, len(files)), Do: "start this version's jisrd on it once"}
	case have > int64(len(files)):
		return &move.Refusal{Text: fmt.Sprintf("the database has schema %d and this program knows %d", have, len(files)), Do: "run the newer program"}
	}
	return nil
}

// atHome refuses a database whose exchange was moved away, or whose copy is not finished.
func atHome(conn querier) (err error) {
	if failed := conn.each(move.MarkQuery, func(r result) error {
		err = move.Refuse("database", r.ColumnText(0), r.ColumnText(1), r.ColumnInt64(2))
		return nil
	}); failed != nil {
		return fmt.Errorf("store: whether it was moved: %w", failed)
	}
	return err
}
