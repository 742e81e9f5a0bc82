package move

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"zombiezen.com/go/sqlite"

	"github.com/jisr-exchange/jisr/services/postgres"
)

// base is a database as one connection sees it. Parameters are $1, $2, …
type base interface {
	exec(ctx context.Context, query string, args ...any) error
	// query streams rows whose columns are of these classes.
	query(ctx context.Context, want []class, query string, args ...any) (cursor, error)
	// load appends rows until from has no more.
	load(ctx context.Context, t table, from func() (row, error)) error
}

// cursor gives one row after the other, each until the next; nil at the end.
type cursor interface {
	next() (row, error)
	close() error
}

// holder is a transaction in which nobody else writes.
type holder interface {
	begin(ctx context.Context) error
	commit(ctx context.Context) error
	// every lists the tables, with that of the mark.
	every(ctx context.Context) ([]table, error)
}

// ground is what a database stands on.
type ground interface {
	// sound says why a source cannot be moved by this program.
	sound(ctx context.Context) error
	// there reports whether a target holds anything yet.
	there(ctx context.Context) (bool, error)
	// make brings a target to this program's schema.
	make(ctx context.Context) error
}

// dialect are the statements in which databases differ.
type dialect interface {
	// barring keeps a table from every write, by whomever; freeing takes that back.
	barring(t table) []string
	freeing(t table) []string
	// settling is what a table needs after its rows are there.
	settling(t table) []string
}

// side is one end of a way.
type side struct {
	base
	holder
	ground
	dialect
	io.Closer
	schema Schema
}

func openSide(ctx context.Context, schema Schema, place string, o postgres.Options) (*side, error) {
	if postgres.IsURL(place) {
		s, err := openServer(ctx, schema, place, o)
		if err != nil {
			return nil, err
		}
		return &side{base: s, holder: s, ground: s, dialect: s, Closer: s, schema: schema}, nil
	}
	f, err := openFile(ctx, schema, place)
	if err != nil {
		return nil, err
	}
	return &side{base: f, holder: f, ground: f, dialect: f, Closer: f, schema: schema}, nil
}

// tables are the tables that are copied: all that the database has, but the mark.
func (s *side) tables(ctx context.Context) ([]table, error) {
	all, err := s.every(ctx)
	if err != nil {
		return nil, err
	}
	n := markedIn(all)
	if n < 0 {
		return nil, s.foreign()
	}
	return slices.Delete(all, n, n+1), nil
}

func markedIn(tables []table) int {
	return slices.IndexFunc(tables, func(t table) bool { return t.name == markTable })
}

func (s *side) foreign() error {
	return &Refusal{"the " + s.schema.Component + " holds other tables than this program's", "name the right one, and start this version's jisrd once on a source that is older"}
}

// alike demands that the database has these tables and no others.
func (s *side) alike(ctx context.Context, want []table) error {
	have, err := s.tables(ctx)
	if err == nil && !slices.EqualFunc(have, want, table.same) {
		err = s.foreign()
	}
	return err
}

// standing is where a database stands.
type standing struct {
	mark   Mark
	origin string // empty where it holds no exchange
	empty  bool
}

func (s *side) stands(ctx context.Context) (at standing, err error) {
	there, err := s.there(ctx)
	if err != nil || !there {
		return standing{empty: true}, err
	}
	tables, err := s.every(ctx)
	if err != nil {
		return at, err
	}
	at.empty = true
	for _, t := range tables {
		if t.name == s.schema.Own || t.name == markTable {
			continue
		}
		some, err := s.one(ctx, []class{number}, "SELECT 1 FROM "+t.name+" LIMIT 1")
		if err != nil {
			return at, err
		}
		at.empty = at.empty && some == nil
	}
	if markedIn(tables) < 0 {
		if at.empty { // whoever made it was killed before the last table
			return at, nil
		}
		return at, s.foreign()
	}
	marked, err := s.one(ctx, []class{text, text, text, text, number}, "SELECT id, state, origin, place, time FROM "+markTable)
	if err != nil {
		return at, err
	}
	if marked != nil {
		at.mark = Mark{marked[0].(string), State(marked[1].(string)), marked[2].(string), marked[3].(string), time.UnixMicro(marked[4].(int64))}
	}
	if at.empty {
		return at, nil
	}
	origin, err := s.one(ctx, []class{octets}, s.schema.Origin)
	if origin != nil {
		at.origin = hex.EncodeToString(origin[0].([]byte))
	}
	return at, err
}

// check holds what is there against what only the component knows.
func (s *side) check(ctx context.Context) error {
	if s.schema.Check == nil {
		return nil
	}
	return s.schema.Check(func(query string) ([]byte, error) {
		r, err := s.one(ctx, []class{octets}, query)
		if err != nil || r == nil {
			return nil, err
		}
		return r[0].([]byte), nil
	})
}

// one is the first row of a query, nil where there is none.
func (s *side) one(ctx context.Context, want []class, query string) (row, error) {
	rows, err := s.query(ctx, want, query)
	if err != nil {
		return nil, err
	}
	r, err := rows.next()
	return r, errors.Join(err, rows.close())
}

func (s *side) count(ctx context.Context, t table) (int64, error) {
	r, err := s.one(ctx, []class{number}, "SELECT COUNT(*) FROM "+t.name)
	if err != nil {
		return 0, within(t, err)
	}
	return r[0].(int64), nil
}

// mark writes the one mark that a database has.
func (s *side) mark(ctx context.Context, m Mark) error {
	if err := s.exec(ctx, "DELETE FROM "+markTable); err != nil {
		return err
	}
	return s.exec(ctx, "INSERT INTO "+markTable+"(id, state, origin, place, time) VALUES($1, $2, $3, $4, $5)",
		m.ID, string(m.State), m.Origin, m.Place, m.Time.UnixMicro())
}

// bar keeps every table from being written.
func (s *side) bar(ctx context.Context, tables []table) error {
	return s.each(ctx, tables, s.barring)
}

// unbar lets the tables be written again, and takes the mark away.
func (s *side) unbar(ctx context.Context, tables []table) error {
	if err := s.each(ctx, tables, s.freeing); err != nil {
		return err
	}
	return s.exec(ctx, "DELETE FROM "+markTable)
}

func (s *side) each(ctx context.Context, tables []table, statements func(table) []string) error {
	for _, t := range tables {
		for _, statement := range statements(t) {
			if err := s.exec(ctx, statement); err != nil {
				return within(t, err)
			}
		}
	}
	return nil
}

// within says in which table an error met, and of a database's own error its code
// alone: its text may hold a value.
func within(t table, err error) error {
	var refused *Refusal
	switch {
	case errors.As(err, &refused), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	}
	return fmt.Errorf("move: table %s: %w", t.name, coded(err))
}

// coded is an error by its code.
func coded(err error) error {
	var said interface{ SQLState() string }
	var own *inRow
	switch {
	case errors.As(err, &own):
		return own
	case errors.As(err, &said) && said.SQLState() != "":
		return errors.New("SQLSTATE " + said.SQLState())
	case sqlite.ErrCode(err) != sqlite.ResultError:
		return errors.New(sqlite.ErrCode(err).String())
	}
	return fmt.Errorf("an error of type %T", err)
}

// inRow is what is wrong with a row, told without a value of it.
type inRow struct{ text string }

func (e *inRow) Error() string { return e.text }
