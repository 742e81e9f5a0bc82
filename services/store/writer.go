package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"zombiezen.com/go/sqlite"

	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/budget"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/identity"
)

// group bounds how many calls share one commit, so that the first does not wait
// for the last without end.
const group = 256

// gather bounds how long the work of one commit takes: some calls take
// milliseconds, and whoever comes next waits for all that is in the commit.
const gather = 4 * time.Millisecond

// checkpointEvery is after how many calls the write-ahead log is moved into the
// database file; the log then holds some megabytes at the most.
const checkpointEvery = 512

// writer owns the one connection that writes. Calls that wait are committed
// together, at once and without a timer: one fsync for many. A call that fails
// inside a group fails alone.
type writer struct {
	conn  *sqlite.Conn
	queue *queue
	fatal func(error)
	// Only run touches these.
	broken  bool // the disk refused to keep what it took
	pending int  // calls since the last checkpoint
	done    chan struct{}
}

type job struct {
	work func(*sqlite.Conn) error
	err  error
	done chan struct{}
}

func newWriter(conn *sqlite.Conn, fatal func(error)) *writer {
	w := &writer{conn: conn, queue: newQueue(), fatal: fatal, done: make(chan struct{})}
	go w.run()
	return w
}

// do runs work inside a transaction and returns when it is durable. Once the
// writer has taken the work, the client's deadline no longer matters: a commit
// that is cut off would leave the client not knowing.
func (w *writer) do(ctx context.Context, work func(*sqlite.Conn) error) error {
	if ctx.Err() != nil {
		return contextFault(ctx)
	}
	j := &job{work: work, done: make(chan struct{})}
	if !w.queue.put(agencyOf(ctx), j) {
		return fault.New(fault.StoreUnavailable)
	}
	budget.Rest(ctx, func() { <-j.done })
	return j.err
}

// agencyOf is whose work it is; what the exchange does of itself is nobody's.
func agencyOf(ctx context.Context) string {
	c, err := identity.FromContext(ctx)
	if err != nil {
		return ""
	}
	return c.Agency
}

func (w *writer) close() error {
	w.queue.close()
	<-w.done
	return w.conn.Close()
}

func (w *writer) run() {
	defer close(w.done)
	for j, behind := w.queue.first(); j != nil; j, behind = w.queue.first() {
		if w.pending += w.commit(j, min(behind+1, group)); w.pending >= checkpointEvery && !w.broken {
			w.checkpoint()
		}
	}
}

// checkpoint moves the write-ahead log into the database file, after the calls
// that filled it were answered. SQLite would do so by itself inside a commit,
// and keep an fsync error of it to itself. A full disk leaves the log as it is,
// to be moved later.
func (w *writer) checkpoint() {
	w.pending = 0
	if err := exec(w.conn, "PRAGMA wal_checkpoint(PASSIVE)"); err != nil && isIOError(err) {
		w.broken = true
		w.fatal(err)
	}
}

// commit runs up to most calls in one transaction, beginning with first, and
// answers all of them only afterwards: even a refusal may rest on what another
// call of the batch did. It returns how many they were.
func (w *writer) commit(first *job, most int) int {
	if w.broken {
		w.refuse([]*job{first}, fault.New(fault.StoreUnavailable))
		return 1
	}
	var batch []*job
	begin := time.Now()
	err := exec(w.conn, "BEGIN IMMEDIATE")
	for j := first; j != nil; j = w.queue.next() {
		batch = append(batch, j)
		if err == nil {
			j.err, err = w.runOne(j)
		}
		if err != nil || len(batch) == most || time.Since(begin) > gather {
			break
		}
	}
	committing := err == nil
	if committing {
		err = exec(w.conn, "COMMIT")
	}
	if err != nil {
		w.refuse(batch, w.fail(err, committing))
		return len(batch)
	}
	for _, j := range batch {
		close(j.done)
	}
	return len(batch)
}

func (w *writer) refuse(batch []*job, err error) {
	for _, j := range batch {
		j.err = err
		close(j.done)
	}
}

// runOne runs one call under a savepoint. failed is what the call itself is
// answered; broken is an error of the transaction, which ends the whole batch.
func (w *writer) runOne(j *job) (failed, broken error) {
	if err := exec(w.conn, "SAVEPOINT call"); err != nil {
		return nil, err
	}
	failed = protect(j.work, w.conn)
	var f *fault.Fault
	if failed != nil && !errors.As(failed, &f) && !errors.Is(failed, agreement.ErrMoved) {
		if w.conn.AutocommitEnabled() || isStorage(failed) {
			return nil, failed // SQLite has ended the transaction by itself, or can no longer write
		}
	}
	if failed != nil {
		if err := exec(w.conn, "ROLLBACK TO call"); err != nil {
			return nil, err
		}
	}
	return failed, exec(w.conn, "RELEASE call")
}

// protect turns a panic of a call's work into an error: a writer that died would
// leave every later call waiting.
func protect(work func(*sqlite.Conn) error, conn *sqlite.Conn) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("store: panic of type %T inside a transaction", p)
		}
	}()
	return work(conn)
}

// fail ends a transaction that broke and returns what its calls are answered.
// Nothing of it was kept, unless the disk failed or the commit itself did: then
// nobody knows, and the process ends. Until it has ended, nothing more is
// written: a later commit could be told durable by a disk that has forgotten
// what it could not keep. A full disk is told before the commit is marked in the
// file, so it is no such failure.
func (w *writer) fail(err error, committing bool) error {
	if !w.conn.AutocommitEnabled() {
		if rollback := exec(w.conn, "ROLLBACK"); rollback != nil {
			err = errors.Join(err, rollback)
		}
	}
	reason := fault.StoreUnavailable
	if isIOError(err) || committing && !isFull(err) {
		reason = fault.OutcomeUnknown
		w.broken = true
		w.fatal(err)
	}
	return errors.Join(fault.New(reason), errStorage{err})
}
