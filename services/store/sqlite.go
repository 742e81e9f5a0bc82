package store

import (
	"fmt"
	"io/fs"
	"sort"
	"time"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

// sqliteConn runs the store's SQL text on SQLite.
type sqliteConn struct{ *sqlite.Conn }

func (c *sqliteConn) exec(query string, args ...any) error {
	return sqlitex.Execute(c.Conn, query, &sqlitex.ExecOptions{Args: args})
}

func (c *sqliteConn) insert(query string, args ...any) (int64, error) {
	err := c.exec(query, args...)
	return c.LastInsertRowID(), err
}

func (c *sqliteConn) each(query string, f func(result) error, args ...any) error {
	return sqlitex.Execute(c.Conn, query, &sqlitex.ExecOptions{
		Args: args, ResultFunc: func(s *sqlite.Stmt) error { return f(s) },
	})
}

func openConn(path string) (*sqliteConn, error) {
	conn, err := sqlite.OpenConn(path, sqlite.OpenReadWrite|sqlite.OpenCreate|sqlite.OpenWAL)
	if err != nil {
		return nil, fmt.Errorf("store: open: %w", err)
	}
	if err := prepareConn(conn); err != nil {
		conn.Close()
		return nil, err
	}
	// Room for what the calls of one commit change: pages that do not fit go to the
	// file before the commit, are read back, and all behind them is summed anew.
	if err := sqlitex.ExecuteTransient(conn, "PRAGMA cache_size=-16384", nil); err != nil {
		conn.Close()
		return nil, fmt.Errorf("store: %w", err)
	}
	return &sqliteConn{conn}, nil
}

// prepareConn sets what every connection must have: FULL, because an
// acknowledged commit must survive; secure_delete, because SQLite keeps what was
// deleted otherwise (measured); no memory-mapped reads, because an I/O error
// there is a signal and not an error.
func prepareConn(conn *sqlite.Conn) error {
	conn.SetBusyTimeout(10 * time.Second)
	for _, q := range []string{
		"PRAGMA synchronous=FULL", "PRAGMA secure_delete=ON", "PRAGMA foreign_keys=ON",
		"PRAGMA trusted_schema=OFF", "PRAGMA mmap_size=0", "PRAGMA temp_store=MEMORY",
		"PRAGMA wal_autocheckpoint=0", // the writer does, and hears of an error
	} {
		if err := sqlitex.ExecuteTransient(conn, q, nil); err != nil {
			return fmt.Errorf("store: %s: %w", q, err)
		}
	}
	return nil
}

// migrate applies the embedded migrations that the file does not have yet, each
// in one transaction with its number.
func migrate(conn *sqliteConn) error {
	files, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return err
	}
	sort.Strings(files)
	have, err := number(conn, "PRAGMA user_version")
	if err != nil {
		return err
	}
	if have > int64(len(files)) {
		return fmt.Errorf("store: the database has schema %d and this program knows %d: run the newer program", have, len(files))
	}
	for i := int(have); i < len(files); i++ {
		text, err := migrations.ReadFile(files[i])
		if err != nil {
			return err
		}
		script := fmt.Sprintf("%s;\nPRAGMA user_version=%d;", text, i+1)
		if err := sqlitex.ExecuteScript(conn.Conn, script, nil); err != nil {
			return fmt.Errorf("store: migration %s: %w", files[i], err)
		}
	}
	return nil
}
