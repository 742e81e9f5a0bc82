package store

import (
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"

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

func TestAnEntryIsFoundByEachOfItsSubjects(t *testing.T) {
	conn := opened(t)
	must(t, migrate(conn))
	for _, subjects := range []int{0, 1, 87, 200} {
		e := &entry{name: fmt.Sprintf("logEntries/%d", subjects), time: 1}
		for n := range subjects {
			e.records = append(e.records, fmt.Appendf(nil, "cases/%d", n))
		}
		if subjects > 0 {
			e.records = append(e.records, e.records[0]) // a reply may show a record twice
		}
		must(t, conn.enter(e))
		found, err := number(conn, `SELECT count(*) FROM log_entries e JOIN log_subjects s ON s.seq = e.seq
			WHERE e.name = ? AND s.time = e.time`, e.name)
		must(t, err)
		if int(found) != subjects {
			t.Errorf("an entry about %d records is found by %d", subjects, found)
		}
	}
}

// The log is moved beside the writer, and does not grow without end under load.
func TestTheWriteAheadLogIsMovedWhileOthersWrite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "jisr.db")
	opened, w, err := openFile(path, lonely(func(err error) { t.Errorf("fatal: %v", err) }))
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
