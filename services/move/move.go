// Package move copies an exchange from one database to another, row by row, and
// gives it up in the old one: of the two, one serves and never both.
//
// The source is held for the whole copy, so that nothing can be written there
// that the copy would lack. The target takes all of it in one transaction, which
// ends after every row was compared; until then it is empty, and marked. Between
// the two the source is marked as left, and its tables refuse every write from
// then on, also of nodes that were running all the while.
package move

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"strings"
	"time"

	"zombiezen.com/go/sqlite"

	"github.com/jisr-exchange/jisr/services/postgres"
)

// Schema is what the databases of one component are, in a file and at a server.
// What tables there are it does not say: a database says that itself.
type Schema struct {
	// Component is what operators call it.
	Component string
	// Open opens a file of the component that is there, as the component does, and changes nothing in it.
	Open func(path string) (*sqlite.Conn, error)
	// Alone keeps others from serving a file, and brings into it what lies beside it;
	// nil where SQLite's own locks do and nothing lies there.
	Alone func(path string) (io.Closer, error)
	// Make brings a file to this program's schema.
	Make func(*sqlite.Conn) error
	// Current says why the schema of a file is not this program's.
	Current func(*sqlite.Conn) error
	// Steps are the schema at a server.
	Steps postgres.Migrations
	// Origin asks in SQL for something of an exchange that no other one has, and that it keeps for ever.
	Origin string
	// Own is a table in which a new database has a row of its own, which gives way; or none.
	Own string
	// Check holds what is there against what only the component knows. It asks for
	// one value by a query; nil where there is nothing to hold.
	Check func(ask func(query string) ([]byte, error)) error
}

// Piece is one database of an exchange on its way.
type Piece struct {
	Schema
	// From and To are paths, or URLs of PostgreSQL. What is From and To alike stays,
	// and is only checked.
	From, To string
	// FromServer and ToServer are what is demanded of PostgreSQL servers beyond what always is.
	FromServer, ToServer postgres.Options
}

// Options are how a move is made.
type Options struct {
	// Now tells the time of the marks.
	Now func() time.Time
	// Progress is told what is done, how many rows of how many; nobody when nil.
	Progress func(doing string, done, total int64)
	// DryRun checks all that can be checked and changes nothing.
	DryRun bool

	// step is called where a move can be cut off; tests do.
	step func(name string, target base) error
}

// Moved is what became of a piece.
type Moved struct {
	Component string `json:"component"`
	From      string `json:"from"`
	To        string `json:"to"`
	// Already says that an earlier run has moved it.
	Already bool    `json:"already,omitempty"`
	Tables  []Table `json:"tables,omitempty"`
}

// Table is a table that was copied, or is to be.
type Table struct {
	Name string `json:"name"`
	Rows int64  `json:"rows"`
	// Digest is the SHA-256 over all rows in the order of their keys; the same on every kind of database.
	Digest string `json:"sha256,omitempty"`
}

// Refusal is why a move does not begin or does not end, and what to do.
type Refusal struct{ Text, Do string }

func (r *Refusal) Error() string { return r.Text + ": " + r.Do }

// way is a piece with both of its ends.
type way struct {
	Piece
	source, target *side
	tables         []table
	counts         []int64
	moved          Moved
	done           bool // by an earlier run
}

// Run moves all pieces, or none: what was cut off anywhere is run again.
func Run(ctx context.Context, pieces []Piece, o Options) (_ []Moved, err error) {
	if o.Now == nil {
		return nil, errors.New("move: refusing to move without a clock")
	}
	if o.Progress == nil {
		o.Progress = func(string, int64, int64) {}
	}
	if o.step == nil {
		o.step = func(string, base) error { return nil }
	}
	m := &run{Options: o, id: strings.ToLower(rand.Text())}
	defer func() { err = errors.Join(err, m.close()) }()
	if err := m.open(ctx, pieces); err != nil {
		return nil, err
	}
	if o.DryRun {
		err := m.weigh(ctx)
		return m.results(), err
	}
	for _, do := range []func(context.Context) error{m.hold, m.weigh, m.claim, m.copy, m.compare, m.leave, m.arrive} {
		if err := do(ctx); err != nil {
			return nil, err
		}
	}
	return m.results(), nil
}

// run is a move under way.
type run struct {
	Options
	id     string
	ways   []*way
	opened []io.Closer
}

func (m *run) results() (all []Moved) {
	for _, w := range m.ways {
		all = append(all, w.moved)
	}
	return all
}

// going are the ways that are still to be gone.
func (m *run) going() (ways []*way) {
	for _, w := range m.ways {
		if !w.done {
			ways = append(ways, w)
		}
	}
	return ways
}

func (m *run) close() (err error) {
	for _, c := range m.opened {
		err = errors.Join(err, c.Close())
	}
	return err
}

// open reaches both ends of every piece and checks what is there.
func (m *run) open(ctx context.Context, pieces []Piece) error {
	for _, p := range pieces {
		w := &way{Piece: p, moved: Moved{Component: p.Component, From: Place(p.From), To: Place(p.To)}}
		var err error
		if w.source, err = m.openSide(ctx, p.Schema, p.From, p.FromServer); err != nil {
			return err
		}
		if err := w.source.sound(ctx); err != nil {
			return err
		}
		if err := w.source.check(ctx); err != nil {
			return err
		}
		if p.From == p.To {
			continue
		}
		if w.target, err = m.openSide(ctx, p.Schema, p.To, p.ToServer); err != nil {
			return err
		}
		m.ways = append(m.ways, w)
	}
	if len(m.ways) == 0 {
		return &Refusal{"the source and the target are the same databases", "name others to move to"}
	}
	return nil
}

func (m *run) openSide(ctx context.Context, schema Schema, place string, o postgres.Options) (*side, error) {
	s, err := openSide(ctx, schema, place, o)
	if err != nil {
		return nil, err
	}
	m.opened = append(m.opened, s)
	return s, nil
}

// ServeAgain takes the marks from databases that were left, and their tables take
// writes again. Whether a copy of them serves it cannot know: the caller does.
func ServeAgain(ctx context.Context, pieces []Piece, o Options) (_ []Moved, err error) {
	m := &run{Options: o}
	defer func() { err = errors.Join(err, m.close()) }()
	var again []Moved
	for _, p := range pieces {
		s, err := m.openSide(ctx, p.Schema, p.From, p.FromServer)
		if err != nil {
			return nil, err
		}
		if err := s.sound(ctx); err != nil {
			return nil, err
		}
		if err := s.begin(ctx); err != nil {
			return nil, err
		}
		at, err := s.stands(ctx)
		if err != nil {
			return nil, err
		}
		if at.mark.State != Left {
			continue
		}
		tables, err := s.tables(ctx)
		if err != nil {
			return nil, err
		}
		if err := s.unbar(ctx, tables); err != nil {
			return nil, err
		}
		if err := s.commit(ctx); err != nil {
			return nil, err
		}
		again = append(again, Moved{Component: p.Component, From: Place(p.From), To: at.mark.Place})
	}
	return again, nil
}
