package store

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/postgres"
)

const (
	// lanes is how many transactions of changes a node has under way: while one waits
	// for the disk, others write.
	lanes = 4
	// patience bounds everything but a commit: a server that says nothing for so long
	// is gone for this call.
	patience = 20 * time.Second
	// pgReaders bounds the connections that read.
	pgReaders = 16
)

// server is the store in a PostgreSQL database. All is read from the primary,
// since what a standby tells is of the past.
type server struct {
	writer
	meter   Meter
	lawful  lawful
	numbers numbers
	readers *pgxpool.Pool
	writers *pgxpool.Pool
	ended   sync.WaitGroup
}

func openServer(ctx context.Context, url string, o Options, l lawful) (engine, *writer, error) {
	steps, err := postgres.Load(spoken{}, "exchange")
	if err != nil {
		return nil, nil, err
	}
	write := o.Server
	if write.Application == "" {
		write.Application = "jisr"
	}
	read := write
	if write.Connections == 0 {
		write.Connections, read.Connections = lanes+1, pgReaders
	}
	s := &server{writer: writer{changes: newQueue(), entries: newQueue()}, meter: o.Meter, lawful: l}
	if s.writers, err = postgres.Open(ctx, url, write); err != nil {
		return nil, nil, err
	}
	if err := postgres.Migrate(ctx, s.writers, steps); err != nil {
		s.writers.Close()
		return nil, nil, err
	}
	if s.readers, err = postgres.Open(ctx, url, read); err != nil {
		s.writers.Close()
		return nil, nil, err
	}
	if err := s.read(ctx, atHome); err != nil {
		s.readers.Close()
		s.writers.Close()
		return nil, nil, err
	}
	for range lanes {
		s.ended.Go(s.change)
	}
	s.ended.Go(s.append)
	return s, &s.writer, nil
}

func (s *server) close() error {
	s.changes.close()
	s.entries.close()
	s.ended.Wait()
	s.readers.Close()
	s.writers.Close()
	return nil
}

// read runs f in one snapshot. It does not end with the client's deadline in the
// middle of a statement, since that costs the connection.
func (s *server) read(ctx context.Context, f func(querier) error) error {
	conn, err := s.readers.Acquire(ctx)
	if err != nil {
		return unavailable(ctx, lost(err))
	}
	defer conn.Release() // one that is still in its transaction is closed there
	inside, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	c := &pgConn{ctx: inside, conn: conn.Conn(), batch: &pgx.Batch{}}
	c.queue("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
	err = f(c)
	if c.conn.PgConn().TxStatus() == 'I' {
		return err // nothing was asked
	}
	c.batch = &pgx.Batch{}
	c.queue("ROLLBACK")
	if ended := c.send(); ended != nil && err == nil {
		return unavailable(ctx, ended)
	}
	return err
}

func (s *server) size() (database, _, _ int64) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := s.readers.QueryRow(ctx, "SELECT pg_database_size(current_database())").Scan(&database); err != nil {
		return 0, 0, 0
	}
	return database, 0, 0
}

func inForceAtServer(ctx context.Context, url string, o postgres.Options) ([]byte, error) {
	if o.Application == "" {
		o.Application = "jisr"
	}
	o.Connections = 1
	pool, err := postgres.Open(ctx, url, o)
	if err != nil {
		return nil, err
	}
	defer pool.Close()
	conn, err := pool.Acquire(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Release()
	c := &pgConn{ctx: ctx, conn: conn.Conn(), batch: &pgx.Batch{}}
	there, err := number(c, "SELECT to_regclass('public.agreements') IS NOT NULL")
	if err != nil || there == 0 {
		return nil, err
	}
	return inForce(c)
}

// connection takes a connection to write on. The pool makes a new one for each
// that was lost, as calls ask for it; one that cannot be made refuses its calls at once.
func (s *server) connection() (*pgxpool.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, err := s.writers.Acquire(ctx)
	if err != nil {
		return nil, errors.Join(fault.New(fault.StoreUnavailable), errStorage{lost(err)})
	}
	return conn, nil
}
