package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// turn is the advisory lock of those that migrate one database: the second waits
// instead of failing. What holds is the number of the step, which is unique.
const turn = 0x6a697372 // "jisr"

// lockWait bounds how long a step waits for a table: everybody else waits behind
// it. Tests wait less.
var lockWait = "10s"

// errBehind says that another node made the step first.
var errBehind = errors.New("postgres: another node was first")

// book is the table of the steps that a database has.
const book = `CREATE TABLE migrations (
	number integer PRIMARY KEY,
	component text NOT NULL,
	name text NOT NULL,
	oldest_program integer NOT NULL,
	applied timestamptz NOT NULL DEFAULT now()
)`

// Migrate brings the database to this program's schema, each step in a
// transaction with its number. It refuses a database on which this program can
// no longer run. A database that has all of it is only read, so that a role
// without a right to change the schema can serve.
func Migrate(ctx context.Context, pool *pgxpool.Pool, m Migrations) error {
	for {
		at, err := stands(ctx, pool)
		if err != nil {
			return err
		}
		if err := m.refuse(at); err != nil {
			return err
		}
		steps := m.missing(at)
		if len(steps) == 0 {
			return nil
		}
		if err := apply(ctx, pool, m, at, steps[0]); err != nil && !errors.Is(err, errBehind) {
			return instruct(steps[0], err)
		}
	}
}

// Current says why the database is not at this program's schema, and changes nothing.
func Current(ctx context.Context, pool *pgxpool.Pool, m Migrations) error {
	at, err := stands(ctx, pool)
	if err == nil {
		err = m.refuse(at)
	}
	switch {
	case err != nil:
		return err
	case at.schema == 0:
		return Refusals{"the database holds no tables of the " + m.component + ": name the right one"}
	case at.schema < m.Program():
		return Refusals{fmt.Sprintf("the database has schema %d and this program %d: start one node of this version on it first", at.schema, m.Program())}
	case at.schema > m.Program():
		return Refusals{fmt.Sprintf("the database has schema %d and this program knows %d: run the newer program", at.schema, m.Program())}
	}
	return nil
}

// asker is a pool or a transaction.
type asker interface {
	QueryRow(ctx context.Context, query string, args ...any) pgx.Row
}

// stands reads where the database stands.
func stands(ctx context.Context, db asker) (at standing, err error) {
	var begun, foreign bool
	// Tables of an extension are nobody's data.
	err = db.QueryRow(ctx, `SELECT to_regclass('public.migrations') IS NOT NULL, EXISTS (
		SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p')
			AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e'))`).Scan(&begun, &foreign)
	if err != nil {
		return at, fmt.Errorf("postgres: read the schema's number: %w", err)
	}
	if !begun && foreign {
		return at, Refusals{"the database holds tables that are not the exchange's: name a database of its own, empty at first"}
	}
	if !begun {
		return at, nil
	}
	err = db.QueryRow(ctx, "SELECT coalesce(min(component), ''), coalesce(max(number), 0), coalesce(max(oldest_program), 0) FROM migrations").
		Scan(&at.component, &at.schema, &at.oldest)
	if err != nil {
		return at, fmt.Errorf("postgres: read the schema's number: %w", err)
	}
	return at, nil
}

// apply makes one step. The number is written first: of two nodes that make it at
// once, the second waits there, and is behind.
func apply(ctx context.Context, pool *pgxpool.Pool, m Migrations, at standing, s step) error {
	tx, err := pool.Begin(ctx)
	if err != nil {
		return err
	}
	defer tx.Rollback(context.WithoutCancel(ctx)) //nolint:errcheck // nothing is left to do after a commit, nor after what failed
	if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock($1)", turn); err != nil {
		return err
	}
	now, err := stands(ctx, tx)
	if err != nil {
		return err
	}
	if now != at {
		return errBehind
	}
	if _, err := tx.Exec(ctx, "SELECT set_config('lock_timeout', $1, true)", lockWait); err != nil {
		return err
	}
	if at.schema == 0 {
		if _, err := tx.Exec(ctx, book); err != nil {
			return err
		}
	}
	if _, err := tx.Exec(ctx, "INSERT INTO migrations (number, component, name, oldest_program) VALUES ($1, $2, $3, $4)",
		s.number, m.component, s.name, s.oldest); err != nil {
		return err
	}
	if err := s.shutsOut(ctx, tx); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, s.text); err != nil {
		return err
	}
	if tx.Conn().PgConn().TxStatus() != 'T' {
		return errors.New("the migration ends the transaction that it is part of")
	}
	return tx.Commit(context.WithoutCancel(ctx))
}

// olderQuery counts the connections of nodes whose program is older than one.
const olderQuery = `SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database()
	AND substring(application_name FROM '\(schema ([0-9]{1,6})\)$')::int < $1`

// shutsOut fails while nodes serve whose program a step would shut out. It keeps
// from a mistake: one that starts at this moment is seen by nobody, and fails at
// what it misses.
func (s step) shutsOut(ctx context.Context, db asker) error {
	var older int
	if err := db.QueryRow(ctx, olderQuery, s.oldest).Scan(&older); err != nil {
		return err
	}
	if older > 0 {
		return Refusals{fmt.Sprintf("nodes serve whose programs are older than %d, the oldest that can run after %s (%d connections; pg_stat_activity tells their programs in application_name): "+
			"bring every node to the release before this one, and start again", s.oldest, s.name, older)}
	}
	return nil
}

// instruct says which step failed and what to do about it.
func instruct(s step, err error) error {
	err = fmt.Errorf("postgres: migration %s: %w", s.name, err)
	var said *pgconn.PgError
	if !errors.As(err, &said) {
		return err
	}
	switch said.Code {
	case "23505", "42P07": // unique violation; the table is there
		return fmt.Errorf("%w\n  another node may have been first: start again", err)
	case "42501":
		return fmt.Errorf("%w\n  the role may not change the schema: "+asOwner, err)
	case "55P03":
		return fmt.Errorf("%w\n  a table is held by somebody for more than %s: end what holds it (pg_stat_activity), and start again", err, lockWait)
	}
	return err
}
