package store

import (
	"testing"
)

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
