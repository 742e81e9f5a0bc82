package crash_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/jisrtest"
)

// Crash points: the n-th write, sync, truncation, renaming or removal of a
// process does not happen. The process is killed in its place, or is told that
// the disk failed (EIO), is full (ENOSPC) or may not be written (EROFS), at its
// very first start, under load and while it stops. Afterwards all that anybody
// was told is there, and the exchange serves.

// pointsEnv is at how many points of each kind a run breaks; a few by default.
const pointsEnv = "JISR_CRASH_POINTS"

// points returns how many points a run has.
func points(short int) int {
	if n, err := strconv.Atoi(os.Getenv(pointsEnv)); err == nil {
		return n
	}
	return short
}

// breakage is what happens at a point.
type breakage struct {
	name  string
	errno syscall.Errno
}

var breakages = []breakage{{"killed", killed}, {"EIO", syscall.EIO}, {"ENOSPC", syscall.ENOSPC}, {"EROFS", syscall.EROFS}}

// fuse is a rule that breaks at the n-th operation under a folder.
type fuse struct {
	dir   string
	at    int
	with  breakage
	kinds string // which kinds count; empty: all

	mu    sync.Mutex
	seen  int
	blown chan struct{}
	op    operation // at which it blew
}

func newFuse(dir string, at int, with breakage, kinds string) *fuse {
	return &fuse{dir: dir, at: at, with: with, kinds: kinds, blown: make(chan struct{})}
}

func (f *fuse) rule(op operation) syscall.Errno {
	// Calls that name no open file are the few that name, rename, remove and make.
	mine := strings.HasPrefix(op.Path, f.dir) || strings.Contains("name rename remove make", op.Kind)
	if !mine || f.kinds != "" && !strings.Contains(f.kinds, op.Kind) {
		return 0
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.seen++; f.seen != f.at {
		return 0
	}
	f.op = op
	close(f.blown)
	return f.with.errno
}

func (f *fuse) hasBlown() bool {
	select {
	case <-f.blown:
		return true
	default:
		return false
	}
}

// count is how many operations it has seen.
func (f *fuse) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.seen
}

func (f *fuse) String() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return fmt.Sprintf("%s at operation %d (%s %s)", f.with.name, f.at, f.op.Kind, filepath.Base(f.op.Path))
}

// The very first start makes keys, databases and their tables. Wherever it is
// cut off, the next start goes on and serves.
func TestFirstStartThatIsCutOffAnywhereIsMadeGoodByTheNext(t *testing.T) {
	ops := firstStart(t)
	if ops < 20 {
		t.Fatalf("only %d operations were seen", ops)
	}
	tried := 0
	for _, with := range breakages {
		for _, at := range spread(ops, points(6)) {
			x := install(t)
			x.disk = &disk{reach: everything}
			f := newFuse(x.dir, at, with, "")
			x.disk.on(f.rule)
			if served := x.tryStart(); served {
				x.kill()
			}
			x.disk.on(nil)
			if !x.tryStart() {
				t.Errorf("%v: the next start does not serve:\n%s", f, x.log)
				continue
			}
			x.made((&book{}).note(createCase()))
			x.stop()
			if left, err := filepath.Glob(filepath.Join(x.dir, ".kek*")); err != nil || len(left) > 0 {
				t.Errorf("%v: %v is left of the key-encryption key (%v)", f, left, err)
			}
			tried++
		}
	}
	t.Logf("%d points of %d operations", tried, ops)
}

// firstStart is how many operations a first start takes.
func firstStart(t *testing.T) int {
	t.Helper()
	x := install(t)
	x.disk = &disk{reach: everything}
	counting := newFuse(x.dir, -1, breakages[0], "")
	x.disk.on(counting.rule)
	x.start()
	x.kill()
	return counting.count()
}

// spread returns n of the numbers from 1 to most, evenly, or all of them.
func spread(most, n int) (at []int) {
	n = min(n, most)
	for i := range n {
		at = append(at, 1+i*most/n+rand.IntN(max(1, most/n)))
	}
	return at
}

func TestWhateverBreaksUnderLoadNothingThatWasAnsweredIsLost(t *testing.T) {
	x := install(t)
	x.disk = &disk{reach: everything}
	x.start()
	w := x.settle(rand.Uint64())
	for _, kinds := range []string{"write", "sync"} {
		for _, with := range breakages {
			blown := 0
			for range points(1) {
				blown += x.breakUnderLoad(w, newFuse(x.dir, 1+rand.IntN(300), with, kinds))
			}
			if blown == 0 {
				t.Errorf("no %s was %s", kinds, with.name)
			}
		}
	}
	x.stop()
	x.audited(w.book)
}

// breakUnderLoad loads the exchange until the fuse has blown, and holds it to all that it answered.
func (x *exchange) breakUnderLoad(w *world, f *fuse) (blown int) {
	x.t.Helper()
	from := w.book.len()
	x.disk.on(f.rule)
	stop, loaded := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(loaded)
		x.load(w, stop)
	}()
	select {
	case <-f.blown:
		w.book.until(x.t, w.book.len()) // what is in flight meets the broken disk
	case <-loaded: // the process has ended, or every desk was refused
	}
	close(stop)
	<-loaded
	x.disk.on(nil)
	if f.hasBlown() {
		blown = 1
	}
	for _, c := range w.book.since(from) {
		switch reason := jisrtest.Reason(c.Err); reason {
		case "", fault.OutcomeUnknown, fault.StoreUnavailable, fault.LogUnavailable:
		default:
			x.t.Errorf("%v: %s %s was told %v", f, c.ID, c.RPC, c.Err)
		}
	}
	// Whatever became of the process, power goes now.
	x.kill()
	x.start()
	x.repeat(w.book)
	x.report(x.readBack(w.book, toldIn(w.book, from)))
	l, err := x.openLedger(x.database())
	x.must(err)
	x.report(l.hold(w.book.since(from)))
	if x.t.Failed() {
		x.t.Fatalf("after %v", f)
	}
	return blown
}

func TestStopThatIsCutOffAnywhereLosesNothing(t *testing.T) {
	x := install(t)
	x.disk = &disk{reach: everything}
	x.start()
	w := x.settle(rand.Uint64())
	blown := 0
	for _, with := range breakages {
		for _, at := range spread(12, points(3)) {
			from := w.book.len()
			for i := range w.desks {
				x.made(w.updateVictim(w.desks[i].changed))
			}
			f := newFuse(x.dir, at, with, "")
			x.disk.on(f.rule)
			x.signal(syscall.SIGTERM)
			x.wait() // whatever it says of it
			x.disk.on(nil)
			if f.hasBlown() {
				blown++
			}
			x.start()
			x.report(x.readBack(w.book, toldIn(w.book, from)))
			if t.Failed() {
				t.Fatalf("after %v", f)
			}
		}
	}
	x.stop()
	x.audited(w.book)
	if blown == 0 {
		t.Error("no stop was cut off")
	}
}

// The control: where a database is put back as it was before the last answers,
// reading back says so. Without it the tests above could be deaf.
func TestLostAnswersAreNoticed(t *testing.T) {
	x := install(t)
	x.start()
	w := x.settle(rand.Uint64())
	x.stop()
	early := filepath.Join(t.TempDir(), "early.db")
	copyFile(t, x.database(), early)
	x.start()
	from := w.book.len()
	c := w.updateVictim(w.desks[0].changed)
	x.must(c.send(context.Background(), x.as(c.Who)))
	x.stop()
	copyFile(t, early, x.database())
	x.must(os.Remove(x.database() + "-entries")) // which is of today
	if err := os.Remove(x.database() + "-wal"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	x.start()
	if len(x.readBack(w.book, toldIn(w.book, from))) == 0 {
		t.Error("an answer is gone and nobody noticed")
	}
	x.stop()
}
