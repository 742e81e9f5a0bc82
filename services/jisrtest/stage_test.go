package jisrtest_test

import (
	"encoding/binary"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/jisr-exchange/jisr/services/jisrtest"
	"github.com/jisr-exchange/jisr/services/keyring"
)

// noon is when plays with a clock of their own begin.
var noon = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

// stage holds what two exchanges must share to be comparable: the time, which
// only the script moves, and the randomness, which the script deals out act by
// act. A stream dealt by the act and not drawn from one well means that what
// happens in a hidden act cannot shift the ids of the acts after it; that ids
// are unpredictable is not this test's matter, and that a call draws more of
// them in one world than in the other still shows.
type stage struct {
	mu     sync.Mutex
	now    time.Time
	stream *rand.ChaCha8
	acts   int
	asides int
	later  time.Duration // what has passed besides a second for each act
}

func newStage() *stage {
	s := &stage{now: noon}
	s.deal("before the first act")
	return s
}

// act begins the next act of the common script.
func (s *stage) act(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.acts, s.asides = s.acts+1, 0
	s.now = s.hour()
	s.deal(name)
}

// aside begins an act that only one world sees, before the next second has come.
func (s *stage) aside(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asides++
	s.now = s.hour().Add(time.Duration(s.asides) * time.Millisecond)
	s.deal("aside: " + name)
}

// hour is when the present act began.
func (s *stage) hour() time.Time {
	return noon.Add(time.Duration(s.acts)*time.Second + s.later)
}

func (s *stage) deal(name string) {
	var seed [32]byte
	binary.BigEndian.PutUint32(seed[:], uint32(s.acts))
	binary.BigEndian.PutUint32(seed[4:], uint32(s.asides))
	copy(seed[8:], name)
	s.stream = rand.NewChaCha8(seed)
}

// clock tells the script's time.
func (s *stage) clock() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

// pass lets time pass.
func (s *stage) pass(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.later += d
	s.now = s.now.Add(d)
}

// Read draws from the act's stream.
func (s *stage) Read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stream.Read(p)
}

// start starts an exchange on this stage. All stages share one keyring secret:
// etags, pseudonyms and page tokens are keyed from it.
func (s *stage) start(t testing.TB, opts ...jisrtest.Option) *jisrtest.Exchange {
	t.Helper()
	dir := t.TempDir()
	for name, content := range sharedKeys(t) {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	opts = append(opts, jisrtest.WithDir(dir), jisrtest.WithClock(s.clock), jisrtest.WithRandom(s))
	if jisrtest.Served() {
		opts = append(opts, jisrtest.WithKeyring(servedKeys(t, dir)))
	}
	return jisrtest.Start(t, opts...)
}

var keys struct {
	sync.Mutex
	files map[string][]byte
}

// sharedKeys returns the files of a fresh keyring, the same for the whole test run.
func sharedKeys(t testing.TB) map[string][]byte {
	t.Helper()
	keys.Lock()
	defer keys.Unlock()
	if keys.files != nil {
		return keys.files
	}
	dir := t.TempDir()
	if err := openRing(t, dir).Close(); err != nil {
		t.Fatal(err)
	}
	files := make(map[string][]byte)
	for _, name := range []string{"kek", "keyring.db"} {
		content, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		files[name] = content
	}
	keys.files = files
	return files
}

// servedKeys puts the secret of a keyring's file into one in PostgreSQL.
func servedKeys(t testing.TB, dir string) jisrtest.Place {
	t.Helper()
	conn, err := sqlite.OpenConn(filepath.Join(dir, "keyring.db"), sqlite.OpenReadOnly)
	must(t, err)
	defer conn.Close()
	place := jisrtest.KeyDatabase(t)
	must(t, sqlitex.Execute(conn, "SELECT hex(wrapped) FROM keys WHERE id = 'exchange'", &sqlitex.ExecOptions{ResultFunc: func(s *sqlite.Stmt) error {
		return jisrtest.Run(place.Owner, "INSERT INTO keys(id, wrapped) VALUES('exchange', decode('"+s.ColumnText(0)+"', 'hex'))")
	}}))
	return place
}

func openRing(t testing.TB, dir string) *keyring.Ring {
	t.Helper()
	kek, err := keyring.OpenFileKEK(filepath.Join(dir, "kek"))
	if err != nil {
		t.Fatal(err)
	}
	ring, err := keyring.Open(filepath.Join(dir, "keyring.db"), kek)
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

// hide returns an agency's pseudonym for a name, under the shared secret.
func hide(t testing.TB) func(agency, name string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range sharedKeys(t) {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ring := openRing(t, dir)
	t.Cleanup(func() {
		if err := ring.Close(); err != nil {
			t.Error(err)
		}
	})
	return ring.Pseudonyms().Hide
}
