package store

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"testing"
	"testing/quick"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/audit"
	"github.com/jisr-exchange/jisr/services/fault"
)

// about is an entry about records, as a read makes it.
func (l *lone) about(records ...string) *entry {
	l.t.Helper()
	l.entries++
	leaf := &jisrv1.LogLeaf{}
	leaf.SetTimeMicros(int64(l.entries))
	leaf.SetKind(jisrv1.LogEntry_KIND_DISCLOSED)
	for _, r := range records {
		leaf.SetSubjects(append(leaf.GetSubjects(), jisrv1.LogSubject_builder{Record: r}.Build()))
	}
	encoded, err := audit.Encode(leaf)
	must(l.t, err)
	return &entry{
		name: fmt.Sprintf("logEntries/%d", l.entries), kind: leaf.GetKind(), time: leaf.GetTimeMicros(),
		leaf: encoded, salt: []byte("salt"), commitment: []byte("commitment"),
	}
}

// write appends entries, each durable when it returns.
func (l *lone) write(n int) (names []string) {
	l.t.Helper()
	for range n {
		e := l.about("cases/x", "cases/y")
		must(l.t, l.journal.append(e))
		names = append(names, e.name)
	}
	return names
}

// found are the entries about a record, by what finds them.
func (l *lone) found() (names []string) {
	l.t.Helper()
	must(l.t, l.read(l.t.Context(), func(conn querier) error {
		finds, err := found(conn, "cases/y", lastFind, math.MaxInt)
		if err != nil {
			return err
		}
		return eachEntry(conn, finds, func(e foundEntry) error {
			names = append(names, e.name)
			return nil
		})
	}))
	return names
}

func (l *lone) holdsExactly(want []string) {
	l.t.Helper()
	got := l.found()
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		l.t.Fatalf("%d entries are found, of %d that were durable", len(got), len(want))
	}
	must(l.t, l.read(l.t.Context(), func(conn querier) error {
		n, err := number(conn, "SELECT COUNT(*) FROM log_entries")
		if int(n) != len(want) {
			l.t.Fatalf("%d entries in the log, of %d that were durable", n, len(want))
		}
		return err
	}))
}

// While what is written cannot be posted nothing more is taken, and nothing that
// was taken is lost.
func TestALogThatCannotBePostedTakesNoMore(t *testing.T) {
	l := serve(t)
	refuse := func(sql string) {
		must(t, l.do(t.Context(), func(conn transaction) error { return exec(conn, sql) }))
	}
	refuse("CREATE TRIGGER closed BEFORE INSERT ON log_entries WHEN NEW.time > 0 BEGIN SELECT RAISE(ABORT, 'closed'); END")
	want := l.write(2)
	if err := l.post(); err == nil {
		t.Fatal("it was posted")
	}
	if err := l.journal.append(l.about("cases/y")); !errors.Is(err, fault.New(fault.LogUnavailable)) {
		t.Errorf("a log that cannot be posted answers %v", err)
	}
	if err := l.probe(t.Context()); err == nil {
		t.Error("it says that it is well")
	}
	refuse("DROP TRIGGER closed")
	must(t, l.probe(t.Context()))
	want = append(want, l.write(1)...)
	must(t, l.post())
	l.holdsExactly(want)
}

// Entries come in faster than they are posted: whoever asks waits, and both halves
// are written over and over.
func TestAJournalThatIsFullWaitsUntilItIsPosted(t *testing.T) {
	l := serve(t)
	first := l.journal.last
	ballast := string(make([]byte, 64<<10))
	var mu sync.Mutex
	var want []string
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 40 {
				mu.Lock()
				e := l.about("cases/y", ballast)
				want = append(want, e.name)
				mu.Unlock()
				if err := l.journal.append(e); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if l.journal.last < first+4 || len(want)*len(ballast) < 4*halfBytes {
		t.Error("the halves were not written over: nothing was proven")
	}
	must(t, l.post())
	l.holdsExactly(want)
	if info, err := os.Stat(l.path + "-entries"); err != nil || info.Size() > 2*halfBytes {
		t.Errorf("the journal has grown to %v (%v)", info.Size(), err)
	}
}

// Whatever of writing, posting and dying follows each other, each entry that was
// durable is in the log, and is there once.
func TestWhateverHappensAnEntryIsThereOnce(t *testing.T) {
	property := func(seed uint64) bool {
		random := rand.New(rand.NewPCG(seed, 1))
		l := serve(t)
		var want []string
		for range 12 {
			switch random.IntN(4) {
			case 0, 1:
				want = append(want, l.write(random.IntN(4))...)
			case 2:
				must(t, l.post())
			case 3:
				l = l.again()
			}
		}
		must(t, l.post())
		l.holdsExactly(want)
		return !t.Failed()
	}
	must(t, quick.Check(property, &quick.Config{MaxCount: 10}))
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
