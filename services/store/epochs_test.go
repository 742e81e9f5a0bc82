package store

import (
	"testing"
	"time"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
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
