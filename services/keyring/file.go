package keyring

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

// file is a shelf in a file of its own, which no other process can open meanwhile.
type file struct {
	mu   sync.Mutex
	conn *sqlite.Conn // nil once it is closed
	path string
	info os.FileInfo // as it was opened
}

// fileSchema makes a new file, and brings one of before there were generations along.
const fileSchema = `
	CREATE TABLE IF NOT EXISTS keys(id TEXT PRIMARY KEY, wrapped BLOB NOT NULL) WITHOUT ROWID;
	CREATE TABLE IF NOT EXISTS ring(one INTEGER PRIMARY KEY CHECK (one = 1), id BLOB NOT NULL, generation BLOB NOT NULL);
	INSERT INTO ring VALUES(1, randomblob(16), randomblob(16)) ON CONFLICT DO NOTHING;
	CREATE TRIGGER IF NOT EXISTS destroyed AFTER DELETE ON keys BEGIN UPDATE ring SET generation = randomblob(16); END;
	CREATE TABLE IF NOT EXISTS moved(id TEXT PRIMARY KEY, state TEXT NOT NULL, origin TEXT NOT NULL, place TEXT NOT NULL, time BIGINT NOT NULL) WITHOUT ROWID;
	CREATE TRIGGER IF NOT EXISTS changed AFTER UPDATE ON keys BEGIN UPDATE ring SET generation = randomblob(16); END;`

func openFile(path string) (*file, error) {
	conn, err := openAlone(path, sqlite.OpenCreate)
	if err != nil {
		return nil, fmt.Errorf("keyring: open: %w", err)
	}
	f := &file{conn: conn, path: path}
	if err = atHome(conn); err == nil {
		err = sqlitex.ExecuteScript(conn, fileSchema, nil)
	}
	if err == nil {
		f.info, err = os.Stat(path)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("keyring: open: %w", occupied(err)), conn.Close())
	}
	return f, nil
}

// occupied says who may hold a file that does not open.
func occupied(err error) error {
	if sqlite.ErrCode(err).ToPrimary() == sqlite.ResultBusy {
		return fmt.Errorf("another process holds it: end the jisrd that does, or wait for the jisr migrate that is under way: %w", err)
	}
	return err
}

// openAlone opens a file that no other process can open meanwhile.
func openAlone(path string, flags ...sqlite.OpenFlags) (*sqlite.Conn, error) {
	conn, err := sqlite.OpenConn(path, append(flags, sqlite.OpenReadWrite)...)
	if err != nil {
		return nil, err
	}
	conn.SetBusyTimeout(2 * patience)
	// A rollback journal that is truncated, and pages that are overwritten, so that
	// a destroyed key is in no file; a write-ahead log would keep it (measured).
	for _, q := range []string{
		"PRAGMA journal_mode=TRUNCATE", "PRAGMA synchronous=EXTRA", "PRAGMA secure_delete=ON",
		"PRAGMA locking_mode=EXCLUSIVE",
	} {
		if err == nil {
			err = sqlitex.ExecuteTransient(conn, q, nil)
		}
	}
	if err != nil {
		return nil, errors.Join(occupied(err), conn.Close())
	}
	return conn, nil
}

func (f *file) look(_ context.Context, id string) (wrapped []byte, g generation, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.conn == nil {
		return nil, g, errClosed
	}
	q, err := f.conn.Prepare(lookQuery)
	if err != nil {
		return nil, g, err
	}
	q.BindText(1, id)
	found, err := q.Step()
	if err == nil && !found {
		err = errGone
	}
	if err == nil {
		q.ColumnBytes(1, g[:])
		if n := q.ColumnLen(2); n > 0 {
			wrapped = make([]byte, n)
			q.ColumnBytes(2, wrapped)
		}
	}
	return wrapped, g, errors.Join(err, q.Reset())
}

func (f *file) change(_ context.Context, add []key, remove []string) (removed int, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.conn == nil {
		return 0, errClosed
	}
	if now, err := os.Stat(f.path); err != nil || !os.SameFile(now, f.info) {
		return 0, errGone
	}
	end, err := sqlitex.ImmediateTransaction(f.conn)
	if err != nil {
		return 0, err
	}
	defer func() {
		committing := err == nil
		if end(&err); committing && err != nil {
			err = errors.Join(errUnclear, err)
		}
	}()
	if len(add)+len(remove) == 0 {
		if err := sqlitex.Execute(f.conn, probeQuery, nil); err != nil {
			return 0, err
		}
	}
	for _, k := range add {
		if err := sqlitex.Execute(f.conn, addQuery, &sqlitex.ExecOptions{Args: []any{k.id, k.wrapped}}); err != nil {
			return 0, err
		}
	}
	for _, id := range remove {
		if err := sqlitex.Execute(f.conn, removeQuery, &sqlitex.ExecOptions{Args: []any{id}}); err != nil {
			return 0, err
		}
		removed += f.conn.Changes()
	}
	return removed, nil
}

func (f *file) close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.conn == nil {
		return nil
	}
	conn := f.conn
	f.conn = nil
	return conn.Close()
}
