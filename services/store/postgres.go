package store

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/jisr-exchange/jisr/deploy"
	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/keyring"
	"github.com/jisr-exchange/jisr/services/postgres"
)

// What a node needs of a server.
const (
	// lanes is how many transactions of changes a node has under way: while one waits
	// for the disk, others write.
	lanes = 3
	// patience bounds everything but a commit: a server that says nothing for so long
	// is gone for this call. So are lanes whose commits all hang for the calls behind them.
	patience = 20 * time.Second
	// Connections is how many a node has at the most where nothing is said: one for
	// each lane, one for the entries of reads, one for wake-ups, and those that read.
	Connections = LeastConnections + 15
	// LeastConnections leaves one to read.
	LeastConnections = lanes + 3
)

// server is the store in a PostgreSQL database. All is read from the primary,
// since what a standby tells is of the past.
type server struct {
	writer
	entries *queue // of reads
	meter   Meter
	lawful  lawful
	numbers numbers
	marks   marks
	busy    atomic.Int32 // lanes that have work
	readers *pgxpool.Pool
	writers *pgxpool.Pool
	hush    context.CancelFunc // ends the wake-ups, and the look for another primary
	// rights are what its role needs of the log, and of everything else.
	rights struct{ log, store postgres.Rights }
	// replicated says that commits wait for a standby, and so tell who is the primary.
	replicated bool
	ended      sync.WaitGroup
}

func openServer(ctx context.Context, url string, o Options, l lawful, w *wakes) (engine, *writer, error) {
	steps, err := postgres.Load(spoken{}, "exchange")
	if err != nil {
		return nil, nil, err
	}
	rights, err := neededRights()
	if err != nil {
		return nil, nil, err
	}
	write := o.Server
	write.Lookups, write.Program, write.Terms = true, steps.Program(), &postgres.Terms{}
	if write.Application == "" {
		write.Application = "jisr"
	}
	read, alone := write, write
	alone.Application += " wake-ups"
	if write.Connections == 0 {
		write.Connections = Connections
	}
	write.Connections, read.Connections = lanes+1, max(1, write.Connections-lanes-2)
	read.Indexed = true
	s := &server{
		writer: writer{changes: newQueue(), bears: patience}, entries: newQueue(), meter: o.Meter, marks: newMarks(o.Keyring), lawful: l, replicated: write.SurvivesNode,
	}
	s.rights.log, s.rights.store = rights.Part(func(table string) bool { return strings.HasPrefix(table, "log_") })
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
	err = s.read(ctx, atHome)
	if err == nil {
		err = s.bound(ctx, o.Keyring)
	}
	if err != nil {
		s.readers.Close()
		s.writers.Close()
		return nil, nil, err
	}
	s.beside = fromMemory
	for range lanes {
		s.ended.Go(s.change)
	}
	s.ended.Go(s.append)
	awake, hush := context.WithCancel(context.WithoutCancel(ctx))
	s.hush = hush
	s.ended.Go(func() {
		w.run(awake, o.Log, func(ctx context.Context) (*pgx.Conn, error) { return postgres.Connect(ctx, url, alone) })
	})
	s.ended.Go(func() { postgres.LookAround(awake, url, write) })
	return s, &s.writer, nil
}

// bound binds the database to a keyring.
func (s *server) bound(ctx context.Context, ring *keyring.Ring) error {
	conn, err := s.writers.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	return bind(&pgConn{ctx: ctx, conn: conn.Conn(), batch: &pgx.Batch{}}, ring)
}

func (s *server) close() error {
	s.changes.close()
	s.entries.close()
	s.hush()
	s.ended.Wait()
	s.readers.Close()
	s.writers.Close()
	return nil
}

func (s *server) enter(w *showing) error {
	return s.take(w.ctx, s.entries, &job{showing: w})
}

// post has nothing to do: what is durable is where it is found.
func (s *server) post() error { return nil }

func (s *server) probe(ctx context.Context) error {
	if err := s.may(ctx, s.rights.log); err != nil {
		return err
	}
	return s.attempt(ctx)
}

// neededRights are what the role of a node needs in the database.
func neededRights() (postgres.Rights, error) {
	return postgres.ReadRights("deploy/postgres/exchange.sql", deploy.Exchange, "jisr_serving")
}

// may asks whether the role of the node has rights still: a table that nobody writes
// to for a day would tell only then.
func (s *server) may(ctx context.Context, r postgres.Rights) error {
	return s.read(ctx, func(conn querier) error {
		c := conn.(*pgConn)
		err := r.Held(c.ctx, c.conn)
		switch {
		case err == nil:
			return nil
		case c.conn.IsClosed():
			err = lost(err)
		}
		return unavailable(ctx, err)
	})
}

// read runs f in one snapshot. It does not end with the client's deadline in the
// middle of a statement, since that costs the connection. A connection that turns
// out to be of yesterday is replaced, with all of its age.
func (s *server) read(ctx context.Context, f func(querier) error) error {
	again, err := s.snapshot(ctx, f)
	if again {
		s.readers.Reset()
		_, err = s.snapshot(ctx, f)
	}
	return err
}

// snapshot runs f on a connection. again says that the server was not reached by
// it, and that f was told nothing.
func (s *server) snapshot(ctx context.Context, f func(querier) error) (again bool, err error) {
	conn, err := s.readers.Acquire(ctx)
	if err != nil {
		return false, unavailable(ctx, lost(err))
	}
	defer conn.Release() // one that is still in its transaction is closed there
	if d := agreement.DocketFrom(ctx); d != nil {
		d.Read(postgres.Term(conn.Conn().PgConn()))
	}
	inside, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	c := &pgConn{ctx: inside, conn: conn.Conn(), batch: &pgx.Batch{}, marks: s.marks}
	c.queue("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
	err = f(c)
	if c.conn.IsClosed() {
		return !c.answered && inside.Err() == nil, err
	}
	if c.conn.PgConn().TxStatus() == 'I' {
		return false, err // nothing was asked
	}
	c.batch = &pgx.Batch{}
	c.queue("ROLLBACK")
	if ended := c.send(); ended != nil && err == nil {
		return false, unavailable(ctx, ended)
	}
	return false, err
}

func (s *server) size() (database, wal, free int64) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := s.readers.QueryRow(ctx, "SELECT pg_database_size(current_database())").Scan(&database); err != nil {
		return -1, -1, -1
	}
	return database, -1, -1 // the server's, whose own monitoring tells of them
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
