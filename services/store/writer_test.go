package store

import (
	"errors"
	"path/filepath"
	"testing"

	"github.com/jisr-exchange/jisr/services/fault"
)

// What took effect outside of the database inside a transaction is taken back
// with it, before anything else is written.
func TestWhatATransactionTookIntoUseIsTakenBackWithIt(t *testing.T) {
	conn, err := openConn(filepath.Join(t.TempDir(), "jisr.db"))
	if err != nil {
		t.Fatal(err)
	}
	w := newSingle(conn, func(err error) { t.Errorf("fatal: %v", err) }, unmeasured{})
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
