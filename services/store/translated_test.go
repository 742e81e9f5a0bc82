package store

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/jisr-exchange/jisr/services/keyring"
	"github.com/jisr-exchange/jisr/services/record"
)

func aShelf(t *testing.T) marks {
	t.Helper()
	dir := t.TempDir()
	must(t, os.Chmod(dir, 0o700))
	kek, err := keyring.OpenFileKEK(filepath.Join(dir, "kek"))
	must(t, err)
	ring, err := keyring.Open(filepath.Join(dir, "keyring.db"), kek)
	must(t, err)
	t.Cleanup(func() { must(t, ring.Close()) })
	return newMarks(ring)
}

// Who has asked goes on with the names that it gave, and may ask by them again.
func TestWhatAStatementIsGivenStaysAsItIs(t *testing.T) {
	m := aShelf(t)
	one, other := record.NameOf(record.ByName("Case"), "", record.ID{1}), record.NameOf(record.ByName("Case"), "", record.ID{2})
	given := func() []any {
		return []any{int64(7), one, "a:molsa", []byte(one), []string{other, "", "IQG08"}, other, time.Time{}}
	}
	args := given()
	got := m.parameters(args)
	if !reflect.DeepEqual(args, given()) {
		t.Errorf("of what was given became %q", args)
	}
	want := []any{int64(7), m.of(one), "a:molsa", []byte(one), []string{m.of(other), "", "IQG08"}, m.of(other), time.Time{}}
	if !reflect.DeepEqual(got, want) || m.of(one) == one {
		t.Errorf("the statement has %q, not %q", got, want)
	}
	if again := m.parameters(got); !reflect.DeepEqual(again, want) {
		t.Errorf("what is translated already becomes %q", again)
	}
	if none := m.parameters(nil); len(none) != 0 {
		t.Errorf("nothing becomes %q", none)
	}
}

// Nobody is told to begin anew because a server was not reached.
func TestOnlyWhatLacksItsBondIsToBeginAnew(t *testing.T) {
	for _, err := range []error{errors.New("mulberry"), lost(errors.New("mulberry")), errors.New("database is locked")} {
		if said := unbound(err); strings.Contains(said, "begin") || strings.Contains(said, "run ") {
			t.Errorf("%v: %s", err, said)
		}
	}
}
