package store

import (
	"crypto/rand"
	"testing"
	"time"

	"github.com/jisr-exchange/jisr/services/keyring"
	"github.com/jisr-exchange/jisr/services/record"
)

// What is kept of names is bounded, and is what it would be.
func TestANameThatIsKeptIsThatOfItsMark(t *testing.T) {
	dir := t.TempDir()
	kek, err := keyring.OpenFileKEK(dir + "/kek")
	must(t, err)
	ring, err := keyring.Open(dir+"/keyring.db", kek, keyring.Forgetful)
	must(t, err)
	defer func() { must(t, ring.Close()) }()
	m := newMarks(ring)
	name := func() string {
		made, err := m.NewName(record.ByName("Case"), "", time.Now(), rand.Reader)
		must(t, err)
		return made
	}
	for range 3 * namesKept {
		made := name()
		for range 2 {
			if read := m.name(m.of(made)); read != made {
				t.Fatalf("%s is read as %s", made, read)
			}
		}
	}
	if n := len(m.known.young) + len(m.known.old); n > 2*namesKept || n < namesKept {
		t.Errorf("%d names are kept", n)
	}
	// How soon a name that a caller sends is answered does not tell whether it was sent before.
	before := len(m.known.young) + len(m.known.old)
	m.of(name())
	if len(m.known.young)+len(m.known.old) != before {
		t.Error("what was asked for is kept")
	}
}
