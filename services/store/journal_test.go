package store

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
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
		leaf: encoded, salt: []byte("salt"), commitment: []byte("commitment"), subjects: leaf.GetSubjects(),
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

// found are the entries about a record, by the rows that find them.
func (l *lone) found() (names []string) {
	l.t.Helper()
	must(l.t, l.read(l.t.Context(), func(conn querier) error {
		return each(conn, `SELECT e.name FROM log_subjects s JOIN log_entries e ON e.seq = s.seq
			WHERE s.record = ? AND s.time = e.time`, func(r result) error {
			names = append(names, r.ColumnText(0))
			return nil
		}, subjectKey("cases/y"))
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

// killed is what a process that is killed now leaves, served by another one.
func (l *lone) killed() *lone {
	l.t.Helper()
	at := filepath.Join(l.t.TempDir(), "jisr.db")
	for _, part := range []string{"", "-wal", "-entries"} {
		b, err := os.ReadFile(l.path + part)
		must(l.t, err)
		must(l.t, os.WriteFile(at+part, b, 0o600))
	}
	return &lone{t: l.t, path: at, store: l.store, entries: l.entries}
}

func (l *lone) again() *lone {
	l.t.Helper()
	after := l.killed()
	after.open(func(err error) { l.t.Errorf("fatal: %v", err) })
	l.t.Cleanup(func() { must(l.t, after.close()) })
	return after
}

func TestAnEntryThatWasDurableIsInTheLogOnceAfterACrash(t *testing.T) {
	for _, crash := range []struct {
		name string
		made func(*lone) []string
	}{
		{"of nothing", func(*lone) []string { return nil }},
		{"of what waits", func(l *lone) []string { return l.write(3) }},
		{"of what was posted", func(l *lone) []string {
			names := l.write(3)
			must(t, l.post())
			return names
		}},
		{"of both", func(l *lone) []string {
			names := l.write(3)
			must(t, l.post())
			return append(names, l.write(2)...)
		}},
		{"between a commit of what is posted and its end", func(l *lone) []string {
			names := l.write(3)
			l.posting.Lock()
			defer l.posting.Unlock()
			n, _ := l.journal.ripe()
			must(t, l.postHalf(n))
			return append(names, l.write(2)...)
		}},
		{"before a commit of what is posted", func(l *lone) []string {
			names := l.write(3)
			l.posting.Lock()
			defer l.posting.Unlock()
			l.journal.ripe()
			return append(names, l.write(2)...)
		}},
	} {
		t.Run(crash.name, func(t *testing.T) {
			l := serve(t)
			want := crash.made(l)
			once := l.again()
			once.holdsExactly(want)
			want = append(want, once.write(2)...)
			once.again().holdsExactly(want)
		})
	}
}

// What a write had not ended is not there, whatever of it the disk has.
func TestWhatWasNeverDurableIsNotReadAndHidesNothing(t *testing.T) {
	l := serve(t)
	l.posting.Lock() // it stays where it is
	defer l.posting.Unlock()
	want := l.write(2)
	end := l.journal.halves[l.journal.writing].end
	l.write(1)
	whole := l.journal.halves[l.journal.writing].end
	for cut := end; cut < whole; cut++ {
		torn := l.killed()
		f, err := os.OpenFile(torn.path+"-entries", os.O_RDWR, 0)
		must(t, err)
		_, err = f.WriteAt(make([]byte, whole-cut), cut) // zeros, as where nothing was written
		must(t, errors.Join(err, f.Close()))
		torn.open(func(err error) { t.Errorf("fatal: %v", err) })
		torn.holdsExactly(want)
		must(t, torn.close())
		if cut > end+40 {
			cut += 40
		}
	}
	if n := len(l.again().found()); n != 3 {
		t.Errorf("untouched, %d of 3 are there", n) // control
	}
}

func TestAJournalOfAnotherDatabaseIsRefused(t *testing.T) {
	l, other := serve(t), serve(t)
	l.write(1)
	other.write(1)
	mixed := l.killed()
	b, err := os.ReadFile(other.path + "-entries")
	must(t, err)
	must(t, os.WriteFile(mixed.path+"-entries", b, 0o600))
	if _, _, err := openFile(mixed.path, unmeasured{}, func(error) {}); !errors.Is(err, errForeign) {
		t.Errorf("another database's journal is answered %v", err)
	}
	// A database that begins anew beside a journal that stayed.
	must(t, errors.Join(os.Remove(mixed.path), os.RemoveAll(mixed.path+"-wal")))
	if _, _, err := openFile(mixed.path, unmeasured{}, func(error) {}); !errors.Is(err, errForeign) {
		t.Errorf("a journal that a new database finds is answered %v", err)
	}
	// An older copy of the database beside the journal of today.
	for range 3 {
		l.write(1)
		must(t, l.post())
	}
	older := l.killed()
	must(t, l.post())
	for range 3 {
		l.write(1)
		must(t, l.post())
	}
	b, err = os.ReadFile(l.path + "-entries")
	must(t, err)
	must(t, os.WriteFile(older.path+"-entries", b, 0o600))
	if _, _, err := openFile(older.path, unmeasured{}, func(error) {}); !errors.Is(err, errForeign) {
		t.Errorf("an older copy of the database is answered %v", err)
	}
	// Controls: its own, and none.
	l.again()
	must(t, os.Remove(older.path+"-entries"))
	older.open(func(err error) { t.Errorf("fatal: %v", err) })
	must(t, older.close())
}

// While what is written cannot be posted nothing more is taken, and nothing that
// was taken is lost.
func TestALogThatCannotBePostedTakesNoMore(t *testing.T) {
	l := serve(t)
	refuse := func(sql string) {
		must(t, l.do(t.Context(), func(conn transaction) error { return exec(conn, sql) }))
	}
	want := l.write(2)
	refuse("CREATE TRIGGER closed BEFORE INSERT ON log_entries WHEN NEW.time > 0 BEGIN SELECT RAISE(ABORT, 'closed'); END")
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

// What finds an entry is read from its leaf without building that, and is what it says.
func TestWhatFindsAnEntryIsWhatItsLeafSays(t *testing.T) {
	property := func(time int64, agency, refusal string, records []string, classes []int32, via []string) bool {
		leaf := &jisrv1.LogLeaf{}
		leaf.SetTimeMicros(time)
		leaf.SetAgency(strings.ToValidUTF8(agency, ""))
		leaf.SetRefusal(strings.ToValidUTF8(refusal, ""))
		var want []find
		for _, r := range records {
			s := &jisrv1.LogSubject{}
			s.SetRecord(strings.ToValidUTF8(r, ""))
			for _, v := range via {
				s.SetVia(append(s.GetVia(), strings.ToValidUTF8(v, "")))
			}
			for _, c := range classes {
				s.SetDataClasses(append(s.GetDataClasses(), jisrv1.DataClass(c)))
			}
			leaf.SetSubjects(append(leaf.GetSubjects(), s))
			want = append(want, find{subjectKey(s.GetRecord()), time, 0})
		}
		encoded, err := audit.Encode(leaf)
		must(t, err)
		var k kept
		n, err := k.consume(appendEntry(nil, &entry{name: "logEntries/x", leaf: encoded}))
		must(t, err)
		return n > 0 && k.entries[0].time == time && slices.Equal(k.finds, want)
	}
	must(t, quick.Check(property, nil))
	for cut := range 10 { // one that cannot be read is not passed over
		encoded := readOnce(t, 1, 1).leaf
		var k kept
		if _, err := k.consume(appendEntry(nil, &entry{name: "logEntries/x", leaf: encoded[:len(encoded)-1-cut]})); !errors.Is(err, errFrame) {
			t.Errorf("a leaf that lacks %d bytes is read: %v", cut+1, err)
		}
	}
}

func FuzzJournal(f *testing.F) {
	e := &entry{name: "logEntries/x", leaf: []byte{}, salt: []byte("salt"), commitment: []byte("commitment")}
	frame := appendEntry(make([]byte, frameHead), e)
	seal(frame, 7)
	f.Add(append(header(7), frame...), int64(7))
	f.Add(header(7), int64(8))
	f.Fuzz(func(t *testing.T, b []byte, generation int64) {
		if generationOf(b) == 0 {
			b = append(header(generation), b...)
		}
		if got := generationOf(b); got != 0 && string(header(got)) != string(b[:headerBytes]) {
			t.Errorf("a header reads as generation %d", got)
		}
		k, end, err := keptIn(b, generation)
		if end > int64(len(b)) {
			t.Errorf("%d of %d bytes were read", end, len(b))
		}
		if err != nil {
			return
		}
		for _, e := range k.entries {
			var again kept
			n, err := again.consume(appendEntry(nil, &entry{name: string(e.name), salt: e.salt, commitment: e.commitment, leaf: e.leaf}))
			if err != nil || string(again.entries[0].name) != string(e.name) || string(again.entries[0].leaf) != string(e.leaf) || n == 0 {
				t.Errorf("an entry that was read cannot be written and read again: %v", err)
			}
		}
	})
}
