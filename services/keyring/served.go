package keyring

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/jisr-exchange/jisr/services/move"
	"github.com/jisr-exchange/jisr/services/postgres"
)

const (
	// connections are few: one look serves all who wait, and keys that are not in
	// memory are read in a moment.
	connections = 4
	// patience is how long the database may take to answer. It is not the client's
	// deadline, since a statement that is cut off costs its connection.
	patience = 5 * time.Second
)

//go:embed migrations/*.sql
var migrations embed.FS

// served is a shelf in a PostgreSQL database of its own, which nodes share.
type served struct {
	pool   *pgxpool.Pool
	ring   [16]byte // whose database it is, as it was opened
	rights postgres.Rights
	// replicated says that commits wait for a standby, and so tell who is the primary.
	replicated bool
	// What looks for another primary.
	end   context.CancelFunc
	ended sync.WaitGroup
}

func openServed(ctx context.Context, url string, o postgres.Options) (*served, error) {
	ctx, cancel := context.WithTimeout(ctx, 4*patience)
	defer cancel()
	steps, err := steps()
	if err != nil {
		return nil, err
	}
	rights, err := neededRights()
	if err != nil {
		return nil, err
	}
	o.Program, o.Terms = steps.Program(), &postgres.Terms{}
	pool, err := postgres.Open(ctx, url, o)
	if err != nil {
		return nil, fmt.Errorf("keyring: open: %w", err)
	}
	s := &served{pool: pool, rights: rights, replicated: o.SurvivesNode}
	if err := s.prepare(ctx, steps); err != nil {
		pool.Close()
		return nil, fmt.Errorf("keyring: open: %w", err)
	}
	looking, end := context.WithCancel(context.WithoutCancel(ctx))
	s.end = end
	s.ended.Go(func() { postgres.LookAround(looking, url, o) })
	return s, nil
}

// prepare makes the schema in a database that is empty; one that holds anything
// else is refused, as where the cases are, there are backups of them.
func (s *served) prepare(ctx context.Context, steps postgres.Migrations) error {
	if err := postgres.Migrate(ctx, s.pool, steps); err != nil {
		return err
	}
	var state, place string
	var at int64
	err := s.pool.QueryRow(ctx, move.MarkQuery).Scan(&state, &place, &at)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return fmt.Errorf("whether it was moved: %w", err)
	}
	if err := move.Refuse("keyring", state, place, at); err != nil {
		return err
	}
	return s.pool.QueryRow(ctx, ringQuery).Scan(&s.ring)
}

// steps are the migrations of the schema.
func steps() (postgres.Migrations, error) {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return postgres.Migrations{}, err
	}
	return postgres.Load(files, "keyring")
}

func (s *served) look(ctx context.Context, id string) (wrapped []byte, g generation, err error) {
	ctx, cancel := patient(ctx)
	defer cancel()
	var ring [16]byte
	if id == secretID && s.replicated {
		err = s.lookSurely(ctx, id, &ring, (*[16]byte)(&g), &wrapped)
	} else {
		err = s.pool.QueryRow(ctx, lookQuery, id).Scan(&ring, (*[16]byte)(&g), &wrapped)
	}
	if errors.Is(err, pgx.ErrNoRows) || err == nil && ring != s.ring {
		err = errGone
	}
	if err != nil {
		return nil, g, err
	}
	return wrapped, g, nil
}

// lookSurely looks, and then has a commit be taken by a standby: which was not promoted
// before, so that nothing is destroyed of which this server does not know. One is
// asked for all keys that are given out under the generation that it tells.
func (s *served) lookSurely(ctx context.Context, id string, into ...any) error {
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	b := &pgx.Batch{}
	b.Queue("BEGIN")
	b.Queue(lookQuery, id).QueryRow(func(row pgx.Row) error { return row.Scan(into...) })
	b.Queue("SELECT pg_logical_emit_message(true, 'jisr', '')")
	b.Queue("COMMIT")
	if err := conn.SendBatch(ctx, b).Close(); err != nil {
		return err
	}
	if postgres.Unreplicated(conn.Conn().PgConn()) {
		return errors.New("no standby was waited for")
	}
	return nil
}

func (s *served) change(ctx context.Context, add []key, remove []string) (removed int, err error) {
	ctx, cancel := patient(ctx)
	defer cancel()
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return 0, err
	}
	defer conn.Release()
	tx, err := conn.Begin(ctx)
	if err != nil {
		return 0, err
	}
	defer tx.Rollback(ctx) //nolint:errcheck // nothing is left to do after a commit, nor after what failed
	var ring [16]byte
	b := &pgx.Batch{}
	b.Queue(ringQuery).QueryRow(func(row pgx.Row) error { return row.Scan(&ring) })
	probing := len(add)+len(remove) == 0
	if probing {
		b.Queue(probeQuery)
	}
	for _, k := range add {
		b.Queue(addQuery, k.id, k.wrapped)
	}
	for _, id := range remove {
		b.Queue(removeQuery, id).Exec(func(tag pgconn.CommandTag) error {
			removed += int(tag.RowsAffected())
			return nil
		})
	}
	if err := tx.SendBatch(ctx, b).Close(); err != nil {
		return 0, err
	}
	if ring != s.ring {
		return 0, errGone
	}
	if probing { // else a key that cannot be made or destroyed would be the first to tell
		if err := s.rights.Held(ctx, tx); err != nil {
			return 0, err
		}
	}
	if err := tx.Commit(ctx); err != nil {
		var said *pgconn.PgError
		if errors.As(err, &said) && said.Severity == "ERROR" {
			return 0, err // the server says that it is not kept
		}
		return 0, errors.Join(errUnclear, err)
	}
	if postgres.Unreplicated(conn.Conn().PgConn()) {
		return 0, errors.Join(errUnclear, errors.New("no standby was waited for"))
	}
	if removed > 0 {
		vacuum(ctx, conn.Conn())
	}
	return removed, nil
}

// vacuum lets the places of removed keys be written over. Where it is refused or
// takes too long, the server's own vacuum does it within its minute (schema.sql);
// the keys are gone either way.
func vacuum(ctx context.Context, conn *pgx.Conn) {
	_, _ = conn.Exec(ctx, "VACUUM keys")
}

func (s *served) close() error {
	s.end()
	s.ended.Wait()
	s.pool.Close()
	return nil
}

func patient(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), patience)
}
