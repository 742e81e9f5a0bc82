package store

import (
	"errors"
	"runtime"
	"time"

	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/fault"
)

// group bounds how many calls share one commit, so that the first does not wait
// for the last without end.
const group = 256

// checkpointEvery is after how many calls the write-ahead log is moved into the
// database file; the log then holds some megabytes at the most.
const checkpointEvery = 512

// single is the writer of a file: it owns the one connection that writes.
type single struct {
	writer
	conn  *sqliteConn
	fatal func(error)
	meter Meter
	// Only run touches these.
	broken  bool // the disk refused to keep what it took
	pending int  // calls since the last checkpoint
	// epochs are those of the cases that entries were held against of late. Nobody
	// else changes any, so that none is asked for twice; whatever may have changed
	// some, kept or not, forgets them all.
	epochs map[string]int64
	done   chan struct{}
}

func newSingle(conn *sqliteConn, fatal func(error), meter Meter) *single {
	q := newQueue()
	w := &single{writer: writer{changes: q, entries: q}, conn: conn, fatal: fatal, meter: meter, epochs: make(map[string]int64), done: make(chan struct{})}
	go w.run()
	return w
}

func (w *single) close() error {
	w.changes.close()
	<-w.done
	return w.conn.Close()
}

func (w *single) run() {
	defer close(w.done)
	for w.changes.wait() {
		runtime.Gosched() // whoever can run now and is about to ask comes along
		batch := w.changes.take(group)
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
func (w *single) checkpoint() {
	w.pending = 0
	if err := exec(w.conn, "PRAGMA wal_checkpoint(PASSIVE)"); err != nil && isIOError(err) {
		w.broken = true
		w.fatal(err)
	}
}

// commit runs a batch in one transaction and answers all of it only afterwards:
// even a refusal may rest on what another call of the batch did.
func (w *single) commit(batch []*job) {
	if w.broken {
		refuse(batch, fault.New(fault.StoreUnavailable))
		return
	}
	began := time.Now()
	for _, j := range batch {
		w.meter.Queued(began.Sub(j.asked))
	}
	w.conn.kinds = w.conn.kinds[:0]
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
		refuse(batch, w.fail(err, committing))
		return
	}
	w.meter.Committed(len(batch), w.conn.kinds, time.Since(began))
	for _, j := range batch {
		close(j.done)
	}
}

// runOne runs one call under a savepoint. failed is what the call itself is
// answered; broken is an error of the transaction, which ends the whole batch.
func (w *single) runOne(j *job) (failed, broken error) {
	if j.showing != nil {
		return w.runWhole(j)
	}
	defer clear(w.epochs)
	if err := exec(w.conn, "SAVEPOINT call"); err != nil {
		return nil, err
	}
	wrote := len(w.conn.kinds)
	failed = protect(j.work, w.conn)
	var f *fault.Fault
	if failed != nil && !errors.As(failed, &f) && !errors.Is(failed, agreement.ErrMoved) {
		if w.conn.AutocommitEnabled() || isStorage(failed) {
			return nil, failed // SQLite has ended the transaction by itself, or can no longer write
		}
	}
	if failed != nil {
		w.conn.kinds = w.conn.kinds[:wrote]
		if err := exec(w.conn, "ROLLBACK TO call"); err != nil {
			return nil, err
		}
	}
	if failed == nil && j.take != nil {
		j.take() // here, so that the calls behind it in this commit are under it
	}
	return failed, exec(w.conn, "RELEASE call")
}

// runWhole runs work without a savepoint: whatever is no refusal ends the batch.
func (w *single) runWhole(j *job) (failed, broken error) {
	err := protect(func(transaction) error { return w.enter(j.showing) }, w.conn)
	if err == nil || errors.Is(err, agreement.ErrMoved) {
		return err, nil
	}
	return nil, err
}

// enter checks that nothing of what is about to be shown has moved, and appends
// its entry.
func (w *single) enter(s *showing) error {
	if err := s.current(); err != nil {
		return err
	}
	for _, l := range s.shown {
		epoch, err := w.epoch(l.Case)
		if err != nil {
			return err
		}
		if epoch != l.Epoch {
			return agreement.ErrMoved
		}
	}
	return w.conn.enter(s.entry)
}

// epochsKept bounds the epochs in memory, at some hundred bytes each.
const epochsKept = 4096

func (w *single) epoch(caseName string) (int64, error) {
	if epoch, known := w.epochs[caseName]; known {
		return epoch, nil
	}
	epoch, err := number(w.conn, "SELECT epoch FROM epochs WHERE case_name = ?", caseName)
	if err != nil {
		return 0, err
	}
	if len(w.epochs) >= epochsKept {
		clear(w.epochs)
	}
	w.epochs[caseName] = epoch
	return epoch, nil
}

// fail ends a transaction that broke and returns what its calls are answered.
// Nothing of it was kept, unless the disk failed or the commit itself did: then
// nobody knows, and the process ends. Until it has ended, nothing more is
// written: a later commit could be told durable by a disk that has forgotten
// what it could not keep. A full disk is told before the commit is marked in the
// file, so it is no such failure.
func (w *single) fail(err error, committing bool) error {
	clear(w.epochs)
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
