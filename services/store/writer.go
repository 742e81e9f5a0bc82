package store

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"time"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/identity"
)

// group bounds how many calls share one commit, so that the first does not wait
// for the last without end.
const group = 256

// checkpointEvery is after how many calls the write-ahead log is moved into the
// database file; the log then holds some megabytes at the most.
const checkpointEvery = 512

// Meter is told what the writer does, on the writer's own time.
type Meter interface {
	// Queued tells how long a call waited until its turn.
	Queued(took time.Duration)
	// Committed tells of a commit that is durable: how many calls it held, which
	// kinds of entries, and how long it took.
	Committed(calls int, entries []jisrv1.LogEntry_Kind, took time.Duration)
}

// unmeasured is the meter of a store that nobody watches.
type unmeasured struct{}

func (unmeasured) Queued(time.Duration)                                 {}
func (unmeasured) Committed(int, []jisrv1.LogEntry_Kind, time.Duration) {}

// writer owns the one connection that writes. Calls that wait are committed
// together, at once and without a timer: one fsync for many. A call that fails
// inside a group fails alone.
type writer struct {
	conn  *sqliteConn
	queue *queue
	fatal func(error)
	meter Meter
	// Only run touches these.
	broken  bool                   // the disk refused to keep what it took
	pending int                    // calls since the last checkpoint
	entries []jisrv1.LogEntry_Kind // what the calls of this commit wrote into the log
	done    chan struct{}
}

type job struct {
	work func(querier) error
	// whole says that the work fails only before it has written anything, or with
	// the whole transaction: it needs no savepoint of its own.
	whole bool
	undo  func() // where it is there, runs before anything else is written if the transaction was not kept
	asked time.Time
	err   error
	done  chan struct{}
}

func newWriter(conn *sqliteConn, fatal func(error), meter Meter) *writer {
	if meter == nil {
		meter = unmeasured{}
	}
	w := &writer{conn: conn, queue: newQueue(), fatal: fatal, meter: meter, done: make(chan struct{})}
	go w.run()
	return w
}

// do runs work inside a transaction and returns when it is durable. Once the
// writer has taken the work, the client's deadline no longer matters: a commit
// that is cut off would leave the client not knowing.
func (w *writer) do(ctx context.Context, work func(querier) error) error {
	return w.take(ctx, &job{work: work, done: make(chan struct{})})
}

// doOrUndo is do for work that takes effect outside of the database too: undo
// takes that back if the transaction was not kept.
func (w *writer) doOrUndo(ctx context.Context, work func(querier) error, undo func()) error {
	return w.take(ctx, &job{work: work, undo: undo, done: make(chan struct{})})
}

// append is do for work that refuses before it writes, if it refuses.
func (w *writer) append(ctx context.Context, work func(querier) error) error {
	return w.take(ctx, &job{work: work, whole: true, done: make(chan struct{})})
}

func (w *writer) take(ctx context.Context, j *job) error {
	if ctx.Err() != nil {
		return contextFault(ctx)
	}
	j.asked = time.Now()
	if !w.queue.put(agencyOf(ctx), j) {
		return fault.New(fault.StoreUnavailable)
	}
	<-j.done
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
	for w.queue.wait() {
		runtime.Gosched() // whoever can run now and is about to ask comes along
		batch := w.queue.take(group)
		w.commit(batch)
		if w.pending += len(batch); w.pending >= checkpointEvery && !w.broken {
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

// commit runs a batch in one transaction and answers all of it only afterwards:
// even a refusal may rest on what another call of the batch did.
func (w *writer) commit(batch []*job) {
	if w.broken {
		w.refuse(batch, fault.New(fault.StoreUnavailable))
		return
	}
	began := time.Now()
	for _, j := range batch {
		w.meter.Queued(began.Sub(j.asked))
	}
	w.entries = w.entries[:0]
	err := exec(w.conn, "BEGIN IMMEDIATE")
	for _, j := range batch {
		if err != nil {
			break
		}
		j.err, err = w.runOne(j)
	}
	committing := err == nil
	if committing {
		err = exec(w.conn, "COMMIT")
	}
	if err != nil {
		w.refuse(batch, w.fail(err, committing))
		return
	}
	w.meter.Committed(len(batch), w.entries, time.Since(began))
	for _, j := range batch {
		close(j.done)
	}
}

func (w *writer) refuse(batch []*job, err error) {
	for _, j := range slices.Backward(batch) {
		if j.undo != nil {
			j.undo()
		}
	}
	for _, j := range batch {
		j.err = err
		close(j.done)
	}
}

// runOne runs one call under a savepoint. failed is what the call itself is
// answered; broken is an error of the transaction, which ends the whole batch.
func (w *writer) runOne(j *job) (failed, broken error) {
	if j.whole {
		return w.runWhole(j)
	}
	if err := exec(w.conn, "SAVEPOINT call"); err != nil {
		return nil, err
	}
	wrote := len(w.entries)
	failed = protect(j.work, w.conn)
	var f *fault.Fault
	if failed != nil && !errors.As(failed, &f) && !errors.Is(failed, agreement.ErrMoved) {
		if w.conn.AutocommitEnabled() || isStorage(failed) {
			return nil, failed // SQLite has ended the transaction by itself, or can no longer write
		}
	}
	if failed != nil {
		w.entries = w.entries[:wrote]
		if err := exec(w.conn, "ROLLBACK TO call"); err != nil {
			return nil, err
		}
	}
	return failed, exec(w.conn, "RELEASE call")
}

// runWhole runs work without a savepoint: whatever is no refusal ends the batch.
func (w *writer) runWhole(j *job) (failed, broken error) {
	err := protect(j.work, w.conn)
	if err == nil || errors.Is(err, agreement.ErrMoved) {
		return err, nil
	}
	return nil, err
}

// protect turns a panic of a call's work into an error: a writer that died would
// leave every later call waiting.
func protect(work func(querier) error, conn querier) (err error) {
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
