package store

import (
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/fault"
)

// What took effect outside of the database inside a transaction is taken back
// with it, before anything else is written.
func TestWhatATransactionTookIntoUseIsTakenBackWithIt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "jisr.db")
	conn, err := openConn(path)
	must(t, err)
	mover, err := openConn(path)
	must(t, err)
	w := newSingle(conn, mover, func(err error) { t.Errorf("fatal: %v", err) }, unmeasured{})
	defer func() {
		if err := w.close(); err != nil {
			t.Error(err)
		}
	}()
	inUse := "before"
	// SQLite ends a transaction by itself where it can no longer write.
	ended := func() {
		if err := exec(conn, "ROLLBACK"); err != nil {
			t.Error(err)
		}
	}
	take := func(next string, then func()) error {
		return w.doAndTake(t.Context(), func(transaction) error { return nil }, func() {
			inUse = next
			then()
		}, func() { inUse = "before" })
	}
	if err := take("lost", ended); !errors.Is(err, fault.New(fault.StoreUnavailable)) {
		t.Errorf("a transaction that ended by itself is answered %v", err)
	}
	if err := w.do(t.Context(), func(transaction) error {
		if inUse != "before" {
			t.Errorf("the next call finds %q in use", inUse)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	// The control: what was kept stays in use.
	if err := take("kept", func() {}); err != nil || inUse != "kept" {
		t.Errorf("after a commit %q is in use: %v", inUse, err)
	}
}

// The one writer of a file need not ask for an epoch twice, and must not take one
// for true that was not kept.
func TestAnEntryIsHeldAgainstTheEpochThatWasKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "jisr.db")
	conn, err := openConn(path)
	must(t, err)
	must(t, migrate(conn))
	mover, err := openConn(path)
	must(t, err)
	w := newSingle(conn, mover, func(err error) { t.Errorf("fatal: %v", err) }, unmeasured{})
	defer func() { must(t, w.close()) }()
	s := &Store{Options: Options{Clock: time.Now}}
	entries := 0
	shown := func(epoch int64) *showing {
		entries++
		return &showing{store: s, entry: &entry{name: fmt.Sprintf("logEntries/%d", entries), leaf: []byte{}, salt: []byte{}, commitment: []byte{}},
			shown: []agreement.Loaded{{Case: "cases/x", Epoch: epoch}}}
	}
	current := func(epoch int64) {
		t.Helper()
		for e := range epoch + 3 {
			want := error(nil)
			if e != epoch {
				want = agreement.ErrMoved
			}
			if err := w.append(t.Context(), shown(e)); !errors.Is(err, want) {
				t.Errorf("what was read at epoch %d is answered %v at epoch %d", e, err, epoch)
			}
		}
	}
	move := func(conn querier) error {
		return exec(conn, "INSERT INTO epochs(case_name, epoch) VALUES('cases/x', 1) ON CONFLICT (case_name) DO UPDATE SET epoch = epochs.epoch + 1")
	}
	current(0)
	must(t, w.do(t.Context(), func(conn transaction) error { return move(conn) }))
	current(1)
	// A call that fails alone.
	lost := fault.New(fault.Conflict)
	if err := w.do(t.Context(), func(conn transaction) error { return errors.Join(move(conn), lost) }); !errors.Is(err, lost) {
		t.Errorf("a call that fails is answered %v", err)
	}
	current(1)
	// Groups, in which a change goes before the entry or after it, and is kept or not.
	moves := func() *job { return &job{work: func(conn transaction) error { return move(conn) }} }
	fails := func() *job { return &job{work: func(conn transaction) error { return errors.Join(move(conn), lost) }} }
	enters := func(epoch int64) *job { return &job{showing: shown(epoch)} }
	for n, group := range []struct {
		jobs  []*job
		entry int // which of them is the entry
		want  error
		after int64
	}{
		{[]*job{moves(), enters(1)}, 1, agreement.ErrMoved, 2},
		{[]*job{moves(), enters(3)}, 1, nil, 3},
		{[]*job{enters(3), moves()}, 0, nil, 4},
		{[]*job{fails(), enters(4)}, 1, nil, 4},
	} {
		if w.group(group.jobs); !errors.Is(group.jobs[group.entry].err, group.want) {
			t.Errorf("group %d: the entry is answered %v, want %v", n, group.jobs[group.entry].err, group.want)
		}
		current(group.after)
	}
	// A group that is lost after an entry was held against what it changed.
	broken := enters(5)
	broken.showing.entry.name = "refused"
	must(t, w.do(t.Context(), func(conn transaction) error {
		return exec(conn, "CREATE TRIGGER refuses BEFORE INSERT ON log_entries WHEN NEW.name = 'refused' BEGIN SELECT RAISE(ABORT, 'refused'); END")
	}))
	held := enters(5)
	if w.group([]*job{moves(), held, broken}); !errors.Is(held.err, fault.New(fault.StoreUnavailable)) {
		t.Errorf("an entry of a group that was lost is answered %v", held.err)
	}
	current(4)
	// Control: it is not asked for twice. Nobody else may write into the file.
	other, err := openConn(path)
	must(t, err)
	defer other.Close()
	must(t, move(other))
	current(4)
	must(t, w.do(t.Context(), func(transaction) error { return nil }))
	current(5)
}

// group lets jobs share one commit: they wait behind a call that ends when all are there.
func (w *single) group(jobs []*job) {
	begun, all := make(chan struct{}), make(chan struct{})
	w.changes.put("", &job{done: make(chan struct{}), work: func(transaction) error {
		close(begun)
		<-all
		return nil
	}})
	<-begun
	for _, j := range jobs {
		j.done = make(chan struct{})
		w.changes.put("", j)
	}
	close(all)
	for _, j := range jobs {
		<-j.done
	}
}

func TestAnEntryIsFoundByEachOfItsSubjects(t *testing.T) {
	conn := opened(t)
	must(t, migrate(conn))
	for _, subjects := range []int{0, 1, 87, 200} {
		e := &entry{name: fmt.Sprintf("logEntries/%d", subjects), time: 1}
		for n := range subjects {
			e.subjects = append(e.subjects, jisrv1.LogSubject_builder{Record: fmt.Sprintf("cases/%d", n)}.Build())
		}
		if subjects > 0 {
			e.subjects = append(e.subjects, e.subjects[0]) // a reply may show a record twice
		}
		must(t, conn.enter(e))
		found, err := number(conn, `SELECT count(*) FROM log_entries e JOIN log_subjects s ON s.seq = e.seq
			WHERE e.name = ? AND s.entry = e.name AND s.time = e.time AND s.record <> ''`, e.name)
		must(t, err)
		if int(found) != subjects {
			t.Errorf("an entry about %d records is found by %d", subjects, found)
		}
	}
}

// The log is moved beside the writer, and does not grow without end under load.
func TestTheWriteAheadLogIsMovedWhileOthersWrite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "jisr.db")
	opened, w, err := openFile(path, unmeasured{}, func(err error) { t.Errorf("fatal: %v", err) })
	must(t, err)
	ballast := make([]byte, 8<<10)
	writing := func(calls int) {
		var all sync.WaitGroup
		for range 16 {
			all.Go(func() {
				for i := range calls / 16 {
					err := w.do(t.Context(), func(conn transaction) error {
						return exec(conn, "INSERT INTO probes(id, ballast) VALUES(?, ?) ON CONFLICT (id) DO UPDATE SET ballast = excluded.ballast", i%50, ballast)
					})
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
	}
	writing(20 * checkpointEvery)
	database, wal, _ := opened.size()
	if database < 50*int64(len(ballast)) {
		t.Errorf("the database has %d bytes: nothing was moved into it", database)
	}
	if most := int64(3 * longest * 4200); wal > most {
		t.Errorf("the write-ahead log has grown to %d bytes", wal)
	}
	must(t, opened.close())
	if _, wal, _ := opened.size(); wal != 0 {
		t.Errorf("a database that was closed leaves %d bytes in its log", wal)
	}
}
