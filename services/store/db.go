// Package store is the shelf: it keeps sealed records, the links that let an
// agency know of them, and the access log, and it never answers without a
// caller. It holds no key and no law of what may be read; what it asks of the
// page gate inside a transaction is the interface Page.
package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/keyring"
	"github.com/jisr-exchange/jisr/services/postgres"
)

// Options are what a store needs; all are required but Meter, Recent, Server and Drafts.
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
	// Fatal is called once when the disk under a file refused to keep what it took
	// (an fsync error): nothing that follows can be trusted, and the process must
	// end. A PostgreSQL server that meets such an error ends itself, and recovers.
	Fatal func(error)
	// Meter is told what the writer does; nobody when nil.
	Meter Meter
	// Recent bounds what is kept of records that were read, in bytes; the constant of that name if 0, none if negative.
	Recent int
	// Server is what is demanded of a PostgreSQL server beyond what always is; it
	// has no meaning for a file. Its name and its bound have defaults.
	Server postgres.Options
	// Drafts has every change drafted, also one that has no company, and is told of
	// each whether it was written so or had its turn: for tests alone, whose plays
	// have no company.
	Drafts func(drafted bool)
}

// Store is the shelf, in a file of SQLite or in a PostgreSQL database that
// several nodes share.
type Store struct {
	Options
	engine
	writer     *writer
	pseudonyms *keyring.Pseudonyms
	secrets    secrets
	marks      marks
	recent     *recent
	files      *caseFiles
	failed     atomic.Bool
	lawful     lawful
	polls      <-chan time.Time // when Follow asks; tests hold it in their hands
	wakes      *wakes           // nil where nobody else uses the database
}

// engine is a database behind the store.
type engine interface {
	// read runs f on what is committed, as of one moment.
	read(ctx context.Context, f func(querier) error) error
	// enter makes the entry of what is about to be shown durable, and fails with
	// agreement.ErrMoved unless all that it was read under is still in force.
	enter(*showing) error
	// post brings every entry that is durable to where it is found.
	post() error
	// probe reports whether the log takes entries, and leaves none.
	probe(context.Context) error
	// size tells the bytes of the database, of its write-ahead log, and of what is
	// left for them; -1 of what cannot be asked.
	size() (database, wal, free int64)
	// close ends it after what the writer took is committed.
	close() error
}

// Open opens or creates a database and brings it to this program's schema: the
// file at a path, or the one that a postgres:// URL names.
func Open(ctx context.Context, database string, o Options) (*Store, error) {
	if o.Page == nil || o.Keyring == nil || o.Law == nil || o.Clock == nil || o.Random == nil || o.Log == nil || o.Fatal == nil {
		return nil, errors.New("store: refusing to open without page gate, keyring, law, clock, randomness, log and a fatal handler")
	}
	if o.Meter == nil {
		o.Meter = unmeasured{}
	}
	s := &Store{
		Options: o, pseudonyms: o.Keyring.Pseudonyms(), secrets: newSecrets(o.Keyring),
		marks: newMarks(o.Keyring), lawful: newLawful(),
	}
	room := o.Recent
	if room == 0 {
		room = Recent
	}
	s.recent, s.files = newRecent(room-room/4), newCaseFiles(room/4)
	var err error
	if postgres.IsURL(database) {
		s.wakes = newWakes(s.heard)
		if s.engine, s.writer, err = openServer(ctx, database, o, s.lawful, s.wakes); err != nil {
			err = fmt.Errorf("store: open: %w", err)
		}
	} else {
		o.Fatal = s.onFatal
		s.engine, s.writer, err = openFile(database, o)
	}
	if err != nil {
		return nil, err
	}
	s.writer.every = o.Drafts
	return s, nil
}

// Close ends the writer after what was taken is committed, and closes the database.
func (s *Store) Close() error { return s.engine.close() }

// Sizes tells the bytes of the database, of its write-ahead log, and of what
// their volume has left for this user. What cannot be asked is -1.
func (s *Store) Sizes() (database, wal, free int64) { return s.engine.size() }

func (s *Store) onFatal(err error) {
	if s.failed.CompareAndSwap(false, true) {
		s.Fatal(err)
	}
}

// querier runs the store's SQL text on a connection. The text is one for every
// database, its placeholders are `?` or, where one is used twice, `?1`.
type querier interface {
	// exec runs a statement. Its error may be told by a later one.
	exec(query string, args ...any) error
	// fenced is exec for a statement that must change something: where it changes
	// nothing, another writer was first, and the call is run again.
	fenced(query string, args ...any) error
	// each runs a query and then calls f for every row; a row ends with its call.
	each(query string, f func(result) error, args ...any) error
}

// transaction is what a change writes in. Where there are several writers it
// keeps them apart; where there is one, it is alone anyway.
type transaction interface {
	querier
	// enter appends an entry to the access log.
	enter(e *entry) error
	// draw gives cases their new epochs.
	draw(moved []movedCase) error
	// hold keeps everybody else from writing in the case of a record until the
	// transaction has ended; what is read afterwards is what they left. Where holders
	// are given, one of them must have a link to the record: whoever has none must
	// neither hold it nor be told by waiting that it is there. What hold returns is
	// asked when the record was read, and says whether its case is held.
	hold(name string, holders ...any) (held func(caseName string) error)
	// decidedBy demands that the agreement of that hash is in force, and stays so
	// until the transaction has ended; else the call is answered agreement.ErrMoved.
	decidedBy(hash string) error
}

// errBehind says that another writer was first.
var errBehind = errors.New("store: another writer was first")

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

func blob(r result, col int) []byte {
	b := make([]byte, r.ColumnLen(col))
	r.ColumnBytes(col, b)
	return b
}
