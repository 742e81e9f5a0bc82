package store

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/fault"
)

// lone is a file that is served, and what a test asks of it.
type lone struct {
	t *testing.T
	*file
	path    string
	store   *Store
	entries int
}

// lonely are the options of a file that nobody but a test has to do with.
func lonely(fatal func(error)) Options {
	return Options{Meter: unmeasured{}, Log: slog.New(slog.DiscardHandler), Fatal: fatal}
}

func serve(t *testing.T) *lone {
	t.Helper()
	l := &lone{t: t, path: filepath.Join(t.TempDir(), "jisr.db"), store: &Store{files: newCaseFiles(1 << 20), Options: Options{Clock: time.Now}}}
	l.open(func(err error) { t.Errorf("fatal: %v", err) })
	t.Cleanup(func() { must(t, l.close()) })
	return l
}

func (l *lone) open(fatal func(error)) {
	l.t.Helper()
	opened, _, err := openFile(l.path, lonely(fatal))
	must(l.t, err)
	l.file = opened.(*file)
}

// shown is what was read of a case at an epoch.
func (l *lone) shown(epoch int64) *showing {
	l.entries++
	return &showing{
		ctx: l.t.Context(), store: l.store, shown: []agreement.Loaded{{Case: "cases/x", Epoch: epoch}},
		entry: &entry{name: fmt.Sprintf("logEntries/%d", l.entries), leaf: []byte{}, salt: []byte{}, commitment: []byte{}},
	}
}

// shows holds that what was read at an epoch may be shown, or not.
func (l *lone) shows(epoch int64, want error) {
	l.t.Helper()
	if err := l.enter(l.shown(epoch)); !errors.Is(err, want) || want == nil && err != nil {
		l.t.Errorf("what was read at epoch %d is answered %v", epoch, err)
	}
}

// epoch is the epoch that is committed.
func (l *lone) epoch() (epoch int64) {
	l.t.Helper()
	must(l.t, l.read(l.t.Context(), func(conn querier) (err error) {
		epoch, err = number(conn, "SELECT epoch FROM epochs WHERE case_name = 'cases/x'")
		return err
	}))
	return epoch
}

func draw(conn transaction) error { return conn.draw([]movedCase{{"cases/x", newEpoch()}}) }

func TestAnEntryIsHeldAgainstTheEpochThatWasKept(t *testing.T) {
	l := serve(t)
	l.shows(0, nil)
	must(t, l.do(t.Context(), draw))
	first := l.epoch()
	l.shows(0, agreement.ErrMoved)
	l.shows(first, nil)
	// A call that fails alone has moved nothing.
	lost := fault.New(fault.Conflict)
	fails := func(conn transaction) error { return errors.Join(draw(conn), lost) }
	if err := l.do(t.Context(), fails); !errors.Is(err, lost) || l.epoch() != first {
		t.Errorf("a call that fails is answered %v", err)
	}
	l.shows(first, nil)
	// Nor has a group that is lost.
	ended := func(conn transaction) error {
		return errors.Join(draw(conn), exec(conn, "ROLLBACK"), errors.New("the database has ended the transaction"))
	}
	if err := l.do(t.Context(), ended); !errors.Is(err, fault.New(fault.StoreUnavailable)) || l.epoch() != first {
		t.Errorf("a group that is lost is answered %v", err)
	}
	l.shows(first, nil)
	// What is committed is remembered before anybody is told of it.
	must(t, l.do(t.Context(), draw))
	if epoch, known, _ := l.epochs.of("cases/x"); !known || epoch != l.epoch() {
		t.Error("a commit was told of and is not remembered")
	}
	l.shows(first, agreement.ErrMoved)
	// Control: it is not asked for again. Nobody else may write into the file.
	second := l.epoch()
	other, err := openConn(l.path)
	must(t, err)
	defer other.Close()
	must(t, exec(other, "UPDATE epochs SET epoch = 1"))
	l.shows(second, nil)
	l.shows(1, nil) // what was read of a commit that is not remembered yet
}

// A commit that readers see before it is remembered holds nobody up.
func TestWhatWasReadOfACommitThatIsNotRememberedYetIsShown(t *testing.T) {
	l := serve(t)
	must(t, l.do(t.Context(), draw))
	now := l.epoch()
	l.epochs.moved([]movedCase{{"cases/x", 7}}) // as of before
	l.shows(now, nil)
	l.shows(7, agreement.ErrMoved) // control
}

// While an agreement is in force that may not be kept, nothing is decided by it.
func TestNothingIsShownByAnAgreementThatIsNotKeptYet(t *testing.T) {
	l := serve(t)
	inForce := &agreement.Law{}
	before, after := inForce, &agreement.Law{}
	l.store.Law = func() *agreement.Law { return inForce }
	begun, shown := make(chan struct{}), make(chan error, 1)
	w := l.shown(0)
	w.law = after
	err := l.doAndTake(t.Context(), func(transaction) error { return nil }, func() {
		inForce = after
		go func() {
			close(begun)
			shown <- l.enter(w)
		}()
		<-begun
		must(t, exec(l.conn, "ROLLBACK")) // so that the commit fails
	}, func() {
		select {
		case err := <-shown:
			t.Errorf("it was shown or refused (%v) before anybody knew", err)
		default:
		}
		inForce = before
	})
	if err == nil {
		t.Error("the transaction was kept")
	}
	if err := <-shown; !errors.Is(err, agreement.ErrMoved) {
		t.Errorf("what was decided by an agreement that was not kept is answered %v", err)
	}
	// Control: by one that is kept it is shown.
	must(t, l.doAndTake(t.Context(), func(transaction) error { return nil }, func() { inForce = after }, func() {}))
	must(t, l.enter(w))
}

// What moves while an entry is on its way to the disk is not shown behind it.
func TestWhatMovesWhileItsEntryIsWrittenIsNotShown(t *testing.T) {
	l := serve(t)
	l.journal.disk.Lock()
	shown := make(chan error, 1)
	go func() { shown <- l.enter(l.shown(0)) }()
	for gathered := false; !gathered; runtime.Gosched() {
		l.journal.gate.Lock()
		gathered = l.journal.next != nil
		l.journal.gate.Unlock()
	}
	must(t, l.do(t.Context(), draw))
	l.journal.disk.Unlock()
	if err := <-shown; !errors.Is(err, agreement.ErrMoved) {
		t.Errorf("what moved while its entry was written is answered %v", err)
	}
	l.shows(l.epoch(), nil) // control
}

// What nobody knows of is not shown, also if its entry is durable.
func TestNothingIsShownOnceTheDiskHasForgotten(t *testing.T) {
	l := serve(t)
	l.shows(0, nil)
	l.broken.Store(true)
	l.shows(0, fault.New(fault.StoreUnavailable))
	l.broken.Store(false) // so that it closes
}
