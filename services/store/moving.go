package store

import (
	"fmt"
	"io/fs"

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
		Make:      func(conn *sqlite.Conn) error { return migrate(&sqliteConn{Conn: conn}) },
		Current:   current,
		Steps:     steps,
		// The first entry of the log stays for ever, under a random name.
		Origin: "SELECT name FROM log_entries ORDER BY seq LIMIT 1",
	}, err
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
