package store

import (
	"context"
	"errors"
	"os"
	"syscall"
	"testing"
	"time"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/fault"
)

// witness looks at what the writer has done by the time that it tells of a commit.
type witness struct {
	unmeasured
	committed func()
}

func (w witness) Committed(int, []jisrv1.LogEntry_Kind, time.Duration) { w.committed() }

// A commit is remembered before anybody is told of it, and not in the same moment.
func TestACommitIsRememberedBeforeItIsToldOf(t *testing.T) {
	l := serve(t)
	must(t, l.do(t.Context(), draw))
	before, known, _ := l.epochs.of("cases/x")
	if !known {
		t.Fatal("nothing is remembered")
	}
	seen := before
	l.meter = witness{committed: func() { seen, _, _ = l.epochs.of("cases/x") }}
	j := &job{work: draw}
	must(t, l.take(t.Context(), l.changes, j))
	if seen == before {
		t.Error("a commit is told of before what moved is remembered")
	}
	l.meter = unmeasured{}
}

// What was read before a commit is not remembered in the place of what it left.
func TestWhatWasReadBeforeACommitIsNotRememberedBehindIt(t *testing.T) {
	e := newEpochsKept()
	_, _, commits := e.of("cases/x")
	e.moved([]movedCase{{"cases/x", 2}})
	e.learn("cases/x", 1, commits)
	if epoch, _, _ := e.of("cases/x"); epoch != 2 {
		t.Errorf("the epoch of before, %d, is remembered", epoch)
	}
	_, _, commits = e.of("cases/y")
	e.learn("cases/y", 1, commits)
	if epoch, known, _ := e.of("cases/y"); !known || epoch != 1 {
		t.Error("what was read is not remembered") // control
	}
}

// No agreement is in force whose transaction has not ended, for anybody who asks.
func TestAnAgreementIsInForceOnlyWhileNobodyDecides(t *testing.T) {
	l := serve(t)
	must(t, l.doAndTake(t.Context(), func(transaction) error { return nil }, func() {
		if l.adopting.TryRLock() {
			l.adopting.RUnlock()
			t.Error("it is decided by an agreement that may not be kept")
		}
	}, func() {}))
	if !l.adopting.TryRLock() {
		t.Fatal("nothing is decided any more")
	}
	l.adopting.RUnlock()
}

// Nothing is taken by a disk that has forgotten once, also if it is well again.
func TestAJournalWhoseDiskForgotTakesNoMore(t *testing.T) {
	for _, forgot := range []struct {
		name string
		err  error
		ends bool
	}{{"a write", syscall.EIO, true}, {"a full disk", syscall.ENOSPC, false}} {
		t.Run(forgot.name, func(t *testing.T) {
			l := serve(t)
			ended := 0
			l.journal.fatal = func(error) { ended++ }
			l.journal.disk.Lock()
			err := l.journal.refused(forgot.err)
			l.journal.disk.Unlock()
			if !errors.Is(err, fault.New(fault.LogUnavailable)) {
				t.Errorf("answered %v", err)
			}
			if (ended == 1) != forgot.ends {
				t.Errorf("it ended the process %d times", ended)
			}
			if err := l.journal.append(l.about("cases/y")); (err != nil) != forgot.ends {
				t.Errorf("the next entry is answered %v", err)
			}
		})
	}
}

// What nobody knows of is not shown, also if its entry is durable.
func TestNothingIsShownOnceTheDiskHasForgotten(t *testing.T) {
	l := serve(t)
	l.shows(0, nil)
	l.broken.Store(true)
	l.shows(0, fault.New(fault.StoreUnavailable))
	l.broken.Store(false) // so that it closes
}

// A half that was begun and could not be written is begun again under its number:
// with a gap between two, what stands behind it would never be read.
func TestAHalfThatCouldNotBeBegunLeavesNoGap(t *testing.T) {
	l := serve(t)
	l.posting.Lock()
	defer l.posting.Unlock()
	good := l.journal.file
	readOnly, err := openReadOnly(l.path + "-entries")
	must(t, err)
	defer readOnly.Close()
	l.journal.file = readOnly
	if err := l.journal.append(l.about("cases/y")); !errors.Is(err, fault.New(fault.LogUnavailable)) {
		t.Fatalf("a journal that cannot be written answers %v", err)
	}
	// It says so, whoever asks.
	if err := l.file.journal.append(nil); err == nil {
		t.Error("it says that it takes entries")
	}
	l.journal.file = good
	want := l.write(1)
	l.journal.ripe()
	l.journal.file = readOnly
	_ = l.journal.append(l.about("cases/y"))
	l.journal.file = good
	want = append(want, l.write(2)...)
	l.again().holdsExactly(want)
}

// Health asks the journal too, and not the database alone.
func TestAJournalThatTakesNothingIsNotWell(t *testing.T) {
	l := serve(t)
	must(t, l.probe(t.Context()))
	good := l.journal.file
	readOnly, err := openReadOnly(l.path + "-entries")
	must(t, err)
	defer readOnly.Close()
	l.journal.file = readOnly
	if err := l.probe(context.WithoutCancel(t.Context())); err == nil {
		t.Error("it says that it is well")
	}
	l.journal.file = good
	must(t, l.probe(t.Context()))
}

// What was written behind a half's end of today, by its earlier generations, is not read again.
func TestWhatAHalfHeldBeforeIsNotReadAgain(t *testing.T) {
	l := serve(t)
	want := l.write(4)
	must(t, l.post())
	want = append(want, l.write(1)...)
	must(t, l.post())
	want = append(want, l.write(1)...) // where the four were, in a half that is begun again
	l.again().holdsExactly(want)
}

// What is in the journal alone when the file is closed is in the database.
func TestAFileThatIsClosedLeavesNothingInItsJournal(t *testing.T) {
	l := serve(t)
	after := l.killed()
	after.open(func(err error) { t.Errorf("fatal: %v", err) })
	want := after.write(2)
	must(t, after.close())
	conn, err := openConn(after.path)
	must(t, err)
	defer conn.Close()
	if n, err := number(conn, "SELECT COUNT(*) FROM log_entries"); err != nil || int(n) != len(want) {
		t.Errorf("%d of %d entries are in the database (%v)", n, len(want), err)
	}
}

func openReadOnly(path string) (*os.File, error) { return os.Open(path) }

// The journal is its owner's alone.
func TestAJournalIsForItsOwnerAlone(t *testing.T) {
	l := serve(t)
	l.write(1)
	info, err := os.Stat(l.path + "-entries")
	must(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("its mode is %v", info.Mode())
	}
}

// A write that fails within a half leaves no hole that hides what is written next.
func TestAWriteThatFailsHidesNothingBehindIt(t *testing.T) {
	l := serve(t)
	l.posting.Lock()
	defer l.posting.Unlock()
	want := l.write(2)
	good := l.journal.file
	readOnly, err := openReadOnly(l.path + "-entries")
	must(t, err)
	defer readOnly.Close()
	l.journal.file = readOnly
	if err := l.journal.append(l.about("cases/y", "cases/z")); err == nil {
		t.Error("a journal that cannot be written takes an entry")
	}
	l.journal.file = good
	// As the disk may have a part of it, longer than what is written there next.
	_, err = good.WriteAt([]byte("what was never waited for to its end, and is longer than an entry is by far, so that something of it stays behind the next one and the one behind that"),
		int64(l.journal.writing)*halfBytes+l.journal.halves[l.journal.writing].end)
	must(t, err)
	want = append(want, l.write(1)...)
	l.again().holdsExactly(want)
}

// What takes back an agreement that was not kept does so before anybody decides again.
func TestAnAgreementThatIsNotKeptIsTakenBackBeforeAnybodyDecides(t *testing.T) {
	l := serve(t)
	undone := false
	err := l.doAndTake(t.Context(), func(transaction) error { return nil }, func() {
		must(t, exec(l.conn, "ROLLBACK")) // so that the commit fails
	}, func() {
		undone = true
		if l.adopting.TryRLock() {
			l.adopting.RUnlock()
			t.Error("it is decided by an agreement that was not kept")
		}
	})
	if err == nil || !undone {
		t.Errorf("answered %v, taken back: %v", err, undone)
	}
}
