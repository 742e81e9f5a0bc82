// Package store is the shelf: it keeps sealed records, the links that let an
// agency know of them, and the access log, and it never answers without a
// caller. It holds no key and no law of what may be read; what it asks of the
// page gate inside a transaction is the interface Page.
package store

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"sort"
	"sync/atomic"
	"time"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/keyring"
)

//go:embed migrations/*.sql
var migrations embed.FS

// readers bounds the read connections; each costs about 200 kB once used.
const readers = 8

// Options are what a store needs; all are required but Meter.
type Options struct {
	// Page is the page gate.
	Page Page
	// Keyring gives new subjects their keys and the store its own secrets.
	Keyring *keyring.Ring
	// Law returns the agreement in force.
	Law func() *agreement.Law
	// Clock tells the time; tests set it.
	Clock func() time.Time
	// Random is the source of ids and salts; tests may fix it.
	Random io.Reader
	// Log takes what operators must know; typed ids only.
	Log *slog.Logger
	// Fatal is called once when the disk refused to keep what it took (an fsync
	// error): nothing that follows can be trusted, and the process must end.
	Fatal func(error)
	// Meter is told what the writer does; nobody when nil.
	Meter Meter
}

// Store is an embedded store on SQLite.
type Store struct {
	Options
	path       string
	pool       *sqlitex.Pool
	writer     *writer
	pseudonyms *keyring.Pseudonyms
	secrets    secrets
	failed     atomic.Bool
}

// Open opens or creates the database at path and brings it to this program's schema.
func Open(ctx context.Context, path string, o Options) (*Store, error) {
	if o.Page == nil || o.Keyring == nil || o.Law == nil || o.Clock == nil || o.Random == nil || o.Log == nil || o.Fatal == nil {
		return nil, errors.New("store: refusing to open without page gate, keyring, law, clock, randomness, log and a fatal handler")
	}
	conn, err := openConn(path)
	if err != nil {
		return nil, err
	}
	if err := migrate(conn); err != nil {
		conn.Close()
		return nil, err
	}
	pool, err := sqlitex.NewPool(path, sqlitex.PoolOptions{
		PoolSize:    readers,
		Flags:       sqlite.OpenReadWrite | sqlite.OpenWAL,
		PrepareConn: prepareConn,
	})
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("store: open readers: %w", err)
	}
	s := &Store{Options: o, path: path, pool: pool, pseudonyms: o.Keyring.Pseudonyms(), secrets: newSecrets(o.Keyring)}
	s.writer = newWriter(conn, s.onFatal, o.Meter)
	return s, nil
}

// Close ends the writer after what was taken is committed, and closes the file.
func (s *Store) Close() error {
	err := s.writer.close()
	return errors.Join(err, s.pool.Close())
}

func (s *Store) onFatal(err error) {
	if s.failed.CompareAndSwap(false, true) {
		s.Fatal(err)
	}
}

func openConn(path string) (*sqlite.Conn, error) {
	conn, err := sqlite.OpenConn(path, sqlite.OpenReadWrite|sqlite.OpenCreate|sqlite.OpenWAL)
	if err != nil {
		return nil, fmt.Errorf("store: open: %w", err)
	}
	if err := prepareConn(conn); err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
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
func migrate(conn *sqlite.Conn) error {
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
		if err := sqlitex.ExecuteScript(conn, script, nil); err != nil {
			return fmt.Errorf("store: migration %s: %w", files[i], err)
		}
	}
	return nil
}

// exec runs a statement.
func exec(conn *sqlite.Conn, query string, args ...any) error {
	return sqlitex.Execute(conn, query, &sqlitex.ExecOptions{Args: args})
}

// each runs a query and calls row for every row.
func each(conn *sqlite.Conn, query string, row func(*sqlite.Stmt) error, args ...any) error {
	return sqlitex.Execute(conn, query, &sqlitex.ExecOptions{Args: args, ResultFunc: row})
}

// number runs a query for one number; 0 if there is no row.
func number(conn *sqlite.Conn, query string, args ...any) (n int64, err error) {
	err = each(conn, query, func(s *sqlite.Stmt) error {
		n = s.ColumnInt64(0)
		return nil
	}, args...)
	return n, err
}

func blob(s *sqlite.Stmt, col int) []byte {
	b := make([]byte, s.ColumnLen(col))
	s.ColumnBytes(col, b)
	return b
}

// read runs f on a reader inside one snapshot.
func (s *Store) read(ctx context.Context, f func(*sqlite.Conn) error) (err error) {
	conn, err := s.pool.Take(ctx)
	if err != nil {
		return unavailable(ctx, err)
	}
	defer s.pool.Put(conn)
	if err := exec(conn, "BEGIN"); err != nil {
		return unavailable(ctx, err)
	}
	// A read transaction holds nothing that a commit could lose; ROLLBACK ends it even after an interrupt.
	defer func() {
		conn.SetInterrupt(nil)
		err = errors.Join(err, exec(conn, "ROLLBACK"))
	}()
	return f(conn)
}
