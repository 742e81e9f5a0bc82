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
	"log/slog"
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

// Options are what a store needs; all are required but Meter and Recent.
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
	// Recent bounds what is kept of records that were read, in bytes; 16 MiB if 0, none if negative.
	Recent int
}

// Store is an embedded store on SQLite.
type Store struct {
	Options
	path       string
	pool       *sqlitex.Pool
	writer     *writer
	pseudonyms *keyring.Pseudonyms
	secrets    secrets
	recent     *recent
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
	s := &Store{Options: o, path: path, pool: pool, pseudonyms: o.Keyring.Pseudonyms(), secrets: newSecrets(o.Keyring), recent: newRecent(o.Recent)}
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

// querier runs the store's SQL text on a connection. The text is one for every
// database, its placeholders are `?` or, where one is used twice, `?1`.
type querier interface {
	// exec runs a statement.
	exec(query string, args ...any) error
	// insert runs the INSERT of a row that the database numbers, and returns its number.
	insert(query string, args ...any) (int64, error)
	// each runs a query and calls f for every row; the row ends with the call.
	each(query string, f func(result) error, args ...any) error
}

// result is a row of a query; columns count from 0.
type result interface {
	ColumnText(col int) string
	ColumnInt64(col int) int64
	ColumnInt(col int) int
	ColumnLen(col int) int
	ColumnBytes(col int, into []byte) int
}

func exec(conn querier, query string, args ...any) error { return conn.exec(query, args...) }

func each(conn querier, query string, f func(result) error, args ...any) error {
	return conn.each(query, f, args...)
}

// number runs a query for one number; 0 if there is no row.
func number(conn querier, query string, args ...any) (n int64, err error) {
	err = conn.each(query, func(r result) error {
		n = r.ColumnInt64(0)
		return nil
	}, args...)
	return n, err
}

// chunks are how many rows one statement takes. They are few, since a connection
// keeps every statement that it has prepared.
var chunks = [...]int{64, 16, 4, 1}

// chunk is how many of n rows the next statement takes.
func chunk(n int) int {
	for _, most := range chunks {
		if n >= most {
			return most
		}
	}
	return 0
}

func blob(r result, col int) []byte {
	b := make([]byte, r.ColumnLen(col))
	r.ColumnBytes(col, b)
	return b
}

// read runs f on a reader inside one snapshot.
func (s *Store) read(ctx context.Context, f func(querier) error) (err error) {
	taken, err := s.pool.Take(ctx)
	if err != nil {
		return unavailable(ctx, err)
	}
	defer s.pool.Put(taken)
	conn := &sqliteConn{taken}
	if err := exec(conn, "BEGIN"); err != nil {
		return unavailable(ctx, err)
	}
	// A read transaction holds nothing that a commit could lose; ROLLBACK ends it even after an interrupt.
	defer func() {
		taken.SetInterrupt(nil)
		err = errors.Join(err, exec(conn, "ROLLBACK"))
	}()
	return f(conn)
}
