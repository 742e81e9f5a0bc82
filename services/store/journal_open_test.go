package store

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

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

// A half whose turn cannot come, since the one before it is gone, is not thrown away.
func TestAHalfThatFollowsOneThatIsGoneIsNotThrownAway(t *testing.T) {
	l := serve(t)
	l.posting.Lock()
	defer l.posting.Unlock()
	l.write(1)
	first, _ := l.journal.ripe()
	l.write(1)
	damaged := l.killed()
	f, err := os.OpenFile(damaged.path+"-entries", os.O_RDWR, 0)
	must(t, err)
	_, err = f.WriteAt(make([]byte, 1), int64(first)*halfBytes)
	must(t, errors.Join(err, f.Close()))
	opened, _, err := openFile(damaged.path, lonely(func(error) {}))
	if err != nil {
		return // refused: right
	}
	damaged.file = opened.(*file)
	t.Errorf("it is served, and of 2 entries that were durable %d are found", len(damaged.found()))
	must(t, damaged.close())
}

func TestAJournalOfAnotherDatabaseIsRefused(t *testing.T) {
	l, other := serve(t), serve(t)
	l.write(1)
	other.write(1)
	mixed := l.killed()
	b, err := os.ReadFile(other.path + "-entries")
	must(t, err)
	must(t, os.WriteFile(mixed.path+"-entries", b, 0o600))
	if _, _, err := openFile(mixed.path, lonely(func(error) {})); !errors.Is(err, errForeign) {
		t.Errorf("another database's journal is answered %v", err)
	}
	// A database that begins anew beside a journal that stayed.
	must(t, errors.Join(os.Remove(mixed.path), os.RemoveAll(mixed.path+"-wal")))
	if _, _, err := openFile(mixed.path, lonely(func(error) {})); !errors.Is(err, errForeign) {
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
	if _, _, err := openFile(older.path, lonely(func(error) {})); !errors.Is(err, errForeign) {
		t.Errorf("an older copy of the database is answered %v", err)
	}
	// Controls: its own, and none.
	l.again()
	must(t, os.Remove(older.path+"-entries"))
	older.open(func(err error) { t.Errorf("fatal: %v", err) })
	must(t, older.close())
}
