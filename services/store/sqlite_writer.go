package store

import (
	"errors"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/fault"
)

// group bounds how many calls share one commit, so that the first does not wait
// for the last without end.
const group = 256

const (
	// checkpointEvery is after how many calls the write-ahead log is moved into the
	// database file.
	checkpointEvery = 512
	// postedAsOne is how many entries that are posted write as many pages as a call.
	postedAsOne = 4
	// longest is how many pages the log may hold until the writer waits for it to be
	// moved: it begins anew only when all of it has been and nobody writes, which
	// under load is never. 16 MB.
	longest = 4096
)

// single is the writer of a file: it owns the one connection that writes.
type single struct {
	writer
	conn    *sqliteConn
	mover   *sqliteConn // moves the write-ahead log
	fatal   func(error)
	meter   Meter
	broken  atomic.Bool   // the disk refused to keep what it took
	due     chan struct{} // it is time to move the log
	long    atomic.Bool   // the log is longer than it should be
	near    atomic.Bool   // and all but the last of it has been moved
	pending int           // calls since the last checkpoint; only run touches it
	epochs  *epochs
	// adopting is held while another agreement is in force whose transaction has not
	// ended: nothing is decided by it meanwhile.
	adopting sync.RWMutex
	adopts   bool // it is held
	done     chan struct{}
	moved    chan struct{}
}

func newSingle(conn, mover *sqliteConn, fatal func(error), meter Meter) *single {
	w := &single{
		writer: writer{changes: newQueue()}, conn: conn, mover: mover, fatal: fatal, meter: meter,
		epochs: newEpochsKept(), due: make(chan struct{}, 1), done: make(chan struct{}), moved: make(chan struct{}),
	}
	go w.run()
	go w.move()
	return w
}

func (w *single) close() error {
	w.changes.close()
	<-w.done
	close(w.due)
	<-w.moved
	return errors.Join(w.mover.Close(), w.conn.Close())
}

func (w *single) run() {
	defer close(w.done)
	for w.changes.wait() {
		runtime.Gosched() // whoever can run now and is about to ask comes along
		batch := w.changes.take(group)
		// Entries are posted by themselves: what keeps them from it keeps nothing else.
		calls := slices.DeleteFunc(slices.Clone(batch), func(j *job) bool { return j.posted > 0 })
		if len(calls) > 0 {
			w.commit(calls)
		}
		for _, j := range batch {
			if j.posted > 0 {
				w.commit([]*job{j})
			}
		}
		if w.near.Swap(false) {
			w.checkpoint(w.conn) // nobody writes meanwhile, so that it comes to its end
		}
		for _, j := range batch {
			w.pending += max(1, j.posted/postedAsOne)
		}
		if w.pending < checkpointEvery {
			continue
		}
		w.pending = 0
		select {
		case w.due <- struct{}{}:
		default: // it is being moved
		}
	}
}

// move moves the log beside the writer, which goes on meanwhile.
func (w *single) move() {
	defer close(w.moved)
	for range w.due {
		w.checkpoint(w.mover)
		w.near.Store(w.long.Load()) // what is left is what came meanwhile
	}
}

// checkpoint moves the write-ahead log into the database file. SQLite would do so
// by itself inside a commit, and keep an fsync error of it to itself. What could
// not be moved is still in the log, and so is what is committed until the process
// has ended: the log begins anew only behind a checkpoint that succeeded. A full
// disk leaves the log as it is, to be moved later.
func (w *single) checkpoint(conn *sqliteConn) {
	if w.broken.Load() {
		return
	}
	err := each(conn, "PRAGMA wal_checkpoint(PASSIVE)", func(st result) error {
		w.long.Store(st.ColumnInt(1) > longest)
		return nil
	})
	if err != nil && isIOError(err) {
		w.broken.Store(true)
		w.fatal(err)
	}
}

// commit runs a batch in one transaction and answers all of it only afterwards:
// even a refusal may rest on what another call of the batch did.
func (w *single) commit(batch []*job) {
	if w.broken.Load() {
		refuse(batch, fault.New(fault.StoreUnavailable))
		return
	}
	began := time.Now()
	for _, j := range batch {
		w.meter.Queued(began.Sub(j.asked))
	}
	w.conn.kinds, w.conn.moved = w.conn.kinds[:0], w.conn.moved[:0]
	defer w.adopted()
	err := exec(w.conn, "BEGIN IMMEDIATE")
	rest := batch
	if err == nil {
		rest, err = w.drafted(batch)
	}
	for _, j := range rest {
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
		refuse(batch, w.fail(err, committing))
		return
	}
	w.epochs.moved(w.conn.moved) // before anybody hears of it
	w.adopted()
	w.meter.Committed(len(batch), w.conn.kinds, time.Since(began))
	for _, j := range batch {
		close(j.done)
	}
}

// runOne runs one call under a savepoint. failed is what the call itself is
// answered; broken is an error of the transaction, which ends the whole batch.
func (w *single) runOne(j *job) (failed, broken error) {
	if j.posted > 0 {
		return nil, protect(j.work, w.conn)
	}
	if err := exec(w.conn, "SAVEPOINT call"); err != nil {
		return nil, err
	}
	wrote, moved := len(w.conn.kinds), len(w.conn.moved)
	failed = protect(j.work, w.conn)
	if failed != nil && isIOError(failed) {
		return nil, failed // also of the keyring, on whose disk nobody knows what is
	}
	var f *fault.Fault
	if failed != nil && !errors.As(failed, &f) && !errors.Is(failed, agreement.ErrMoved) {
		if w.conn.AutocommitEnabled() || isStorage(failed) {
			return nil, failed // SQLite has ended the transaction by itself, or can no longer write
		}
	}
	if failed != nil {
		w.conn.kinds, w.conn.moved = w.conn.kinds[:wrote], w.conn.moved[:moved]
		if err := exec(w.conn, "ROLLBACK TO call"); err != nil {
			return nil, err
		}
	}
	if failed == nil && j.take != nil {
		if !w.adopts {
			w.adopting.Lock()
			w.adopts = true
		}
		j.take() // here, so that the calls behind it in this commit are under it
	}
	return failed, exec(w.conn, "RELEASE call")
}

// adopted ends the time in which nothing is decided by an agreement that may not
// be kept.
func (w *single) adopted() {
	if w.adopts {
		w.adopts = false
		w.adopting.Unlock()
	}
}

// fail ends a transaction that broke and returns what its calls are answered.
// Nothing of it was kept, unless the disk failed or the commit itself did: then
// nobody knows, and the process ends. Until it has ended, nothing more is
// written: a later commit could be told durable by a disk that has forgotten
// what it could not keep. A full disk is told before the commit is marked in the
// file, so it is no such failure.
func (w *single) fail(err error, committing bool) error {
	if !w.conn.AutocommitEnabled() {
		if rollback := exec(w.conn, "ROLLBACK"); rollback != nil {
			err = errors.Join(err, rollback)
		}
	}
	reason := fault.StoreUnavailable
	if isIOError(err) || committing && !isFull(err) {
		reason = fault.OutcomeUnknown
		w.broken.Store(true)
		w.fatal(err)
	}
	return errors.Join(fault.New(reason), errStorage{err})
}
