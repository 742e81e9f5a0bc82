package keyring

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/jisr-exchange/jisr/services/postgres"
	"github.com/jisr-exchange/jisr/services/postgres/throwaway"
)

// site is where the nodes of one exchange find their keyring and the
// key-encryption key.
type site struct {
	place string
	kek   string
}

// onEachShelf runs a test on a file and on PostgreSQL.
func onEachShelf(t *testing.T, f func(t *testing.T, s site)) {
	t.Run("file", func(t *testing.T) { f(t, onFile(t)) })
	t.Run("postgres", func(t *testing.T) { f(t, onPostgres(t)) })
}

func onFile(t testing.TB) site {
	dir := t.TempDir()
	return site{place: filepath.Join(dir, "keyring.db"), kek: filepath.Join(dir, "kek")}
}

func onPostgres(t testing.TB) site {
	return site{place: throwaway.URL(t), kek: filepath.Join(t.TempDir(), "kek")}
}

// open opens a node's keyring; it is closed at the end, if it is not before.
func (s site) open(t testing.TB) *Ring {
	t.Helper()
	kek, err := OpenFileKEK(s.kek)
	if err != nil {
		t.Fatal(err)
	}
	r, err := Open(s.place, kek, Forgetful)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// killed is what a node leaves behind that had no time to close.
func killed(t testing.TB, r *Ring) {
	t.Helper()
	if err := r.shelf.close(); err != nil {
		t.Fatal(err)
	}
}

// hand is somebody with a connection of its own to the keyring's database.
func (s site) hand(t testing.TB, statement string, args ...any) (n int64) {
	t.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, s.place)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	if strings.HasPrefix(statement, "SELECT") {
		err = conn.QueryRow(ctx, statement, args...).Scan(&n)
	} else {
		_, err = conn.Exec(ctx, statement, args...)
	}
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func (s site) shelf(t testing.TB) shelf {
	t.Helper()
	shelf, _, err := openShelf(s.place, []Demand{Forgetful})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { shelf.close() })
	return shelf
}

func TestAShelfGivesWhatItWasGivenAndNothingElse(t *testing.T) {
	onEachShelf(t, func(t *testing.T, s site) {
		ctx, shelf := context.Background(), s.shelf(t)
		text := []byte{0, 1, 0xff, 'k'}
		if _, err := shelf.change(ctx, []key{{"one", text}, {"two", []byte("2")}}, nil); err != nil {
			t.Fatal(err)
		}
		if got, _, err := shelf.look(ctx, "one"); err != nil || !bytes.Equal(got, text) {
			t.Errorf("%x %v", got, err)
		}
		if got, g, err := shelf.look(ctx, "three"); err != nil || got != nil || g == (generation{}) {
			t.Errorf("of what is not there: %x, generation %x, %v", got, g, err)
		}
	})
}

func TestAChangeOfAShelfIsWholeOrNotAtAll(t *testing.T) {
	onEachShelf(t, func(t *testing.T, s site) {
		ctx, shelf := context.Background(), s.shelf(t)
		if _, err := shelf.change(ctx, []key{{"one", []byte("first")}}, nil); err != nil {
			t.Fatal(err)
		}
		// An id that is taken: nobody's key is ever replaced.
		if _, err := shelf.change(ctx, []key{{"new", []byte("n")}, {"one", []byte("second")}}, nil); err == nil {
			t.Error("a key was replaced")
		}
		if got, _, err := shelf.look(ctx, "new"); err != nil || got != nil {
			t.Errorf("half of a change was kept: %x %v", got, err)
		}
		if got, _, err := shelf.look(ctx, "one"); err != nil || string(got) != "first" {
			t.Errorf("%q %v", got, err)
		}
	})
}

func TestEveryRemovalMakesAnotherGenerationAndNothingElseDoes(t *testing.T) {
	onEachShelf(t, func(t *testing.T, s site) {
		ctx, shelf := context.Background(), s.shelf(t)
		seen := make(map[generation]bool)
		moved := func(what string, want bool) {
			t.Helper()
			_, g, err := shelf.look(ctx, "one")
			if err != nil {
				t.Fatal(err)
			}
			if seen[g] == want && len(seen) > 0 {
				t.Errorf("%s: another generation: %v", what, !want)
			}
			seen[g] = true
		}
		moved("at first", true)
		for _, c := range []struct {
			what   string
			add    []key
			remove []string
			moves  bool
			count  int
		}{
			{what: "adding", add: []key{{"one", []byte("1")}, {"two", []byte("2")}}},
			{what: "nothing"},
			{what: "removing", remove: []string{"one"}, moves: true, count: 1},
			{what: "adding again", add: []key{{"one", []byte("1")}}},
			{what: "removing two", remove: []string{"one", "two", "three"}, moves: true, count: 2},
		} {
			n, err := shelf.change(ctx, c.add, c.remove)
			if err != nil || n != c.count {
				t.Fatalf("%s: %d %v", c.what, n, err)
			}
			moved(c.what, c.moves)
		}
	})
}

func TestADestroyedKeyOpensNothing(t *testing.T) {
	onEachShelf(t, func(t *testing.T, s site) {
		ctx, r := context.Background(), s.open(t)
		id, kept := take(t, r), take(t, r)
		for _, id := range []string{id, kept} {
			if _, err := r.AEAD(ctx, id); err != nil {
				t.Fatal(err)
			}
		}
		if err := r.Destroy(ctx, id); err != nil {
			t.Fatal(err)
		}
		if _, err := r.AEAD(ctx, id); !errors.Is(err, ErrDestroyed) {
			t.Errorf("the key still opens: %v", err)
		}
		if _, err := r.AEAD(ctx, kept); err != nil {
			t.Errorf("another key is gone too: %v", err)
		}
		if err := r.Destroy(ctx, id); !errors.Is(err, ErrDestroyed) {
			t.Errorf("destroyed twice: %v", err)
		}
	})
}

func take(t testing.TB, r *Ring) string {
	t.Helper()
	id, err := r.Take(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestAKeyOutlivesTheProcess(t *testing.T) {
	onEachShelf(t, func(t *testing.T, s site) {
		ctx, r := context.Background(), s.open(t)
		id := take(t, r)
		a, err := r.AEAD(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		sealed := a.Seal(nil, nil, []byte("text"), []byte("bound"))
		secret := r.Secret("use")
		killed(t, r)
		r = s.open(t)
		b, err := r.AEAD(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		if plain, err := b.Open(nil, nil, sealed, []byte("bound")); err != nil || string(plain) != "text" {
			t.Fatalf("%q %v", plain, err)
		}
		if !bytes.Equal(secret, r.Secret("use")) || bytes.Equal(secret, r.Secret("another use")) {
			t.Error("a secret must be the same after a restart, and another for another use")
		}
	})
}

func TestTheSecretIsNobodysKey(t *testing.T) {
	onEachShelf(t, func(t *testing.T, s site) {
		r := s.open(t)
		if _, err := r.AEAD(context.Background(), secretID); !errors.Is(err, ErrDestroyed) {
			t.Errorf("a record could be sealed under the exchange's secret: %v", err)
		}
		if err := r.Destroy(context.Background(), secretID); !errors.Is(err, ErrDestroyed) {
			t.Errorf("the exchange's secret can be destroyed: %v", err)
		}
		if err := r.Probe(context.Background()); err != nil {
			t.Error(err)
		}
	})
}

func TestAnotherKeyEncryptionKeyOpensNothingAndIsToldWhatToDo(t *testing.T) {
	onEachShelf(t, func(t *testing.T, s site) {
		s.open(t).Close()
		other := site{place: s.place, kek: filepath.Join(t.TempDir(), "kek")}
		kek, err := OpenFileKEK(other.kek)
		if err != nil {
			t.Fatal(err)
		}
		r, err := Open(other.place, kek, Forgetful)
		if err == nil {
			r.Close()
		}
		if !errors.Is(err, errOtherKEK) || !strings.Contains(err.Error(), "name the key-encryption key that this keyring was made under") {
			t.Errorf("%v", err)
		}
		s.open(t) // and nothing was changed by it
	})
}

// A refused change gives its key back, a closed node its unused ones; only one
// that is killed leaves some, and of those no more than it made at once.
func TestKeysThatNobodyUsesDoNotAddUp(t *testing.T) {
	onEachShelf(t, func(t *testing.T, s site) {
		r := s.open(t)
		used := take(t, r)
		for range 3 * pool {
			r.GiveBack(take(t, r))
		}
		if n := count(t, r); n > 1+pool {
			t.Errorf("%d keys were made for one that is used", n)
		}
		if n := count(t, r); n < pool {
			t.Fatalf("%d keys are counted: this test would prove nothing", n)
		}
		killed(t, r)
		r = s.open(t)
		if n := count(t, r); n > 1+pool {
			t.Errorf("a node that was killed left %d keys", n)
		}
		left := count(t, r)
		also := take(t, r)
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		r = s.open(t)
		if n := count(t, r); n != left+1 {
			t.Errorf("a node that was closed left %d keys beside the one it used", n-left-1)
		}
		for _, id := range []string{used, also} {
			if _, err := r.AEAD(context.Background(), id); err != nil {
				t.Errorf("a key that is used is gone: %v", err)
			}
		}
	})
}

// count tells how many keys of subjects are on the shelf.
func count(t testing.TB, r *Ring) (n int) {
	t.Helper()
	const query = "SELECT COUNT(*) FROM keys WHERE id <> 'exchange'"
	if s, ok := r.shelf.(*served); ok {
		if err := s.pool.QueryRow(context.Background(), query).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	q := r.shelf.(*file).conn.Prep(query)
	if _, err := q.Step(); err != nil {
		t.Fatal(err)
	}
	n = q.ColumnInt(0)
	if err := q.Reset(); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestNoKeyIsGivenOutTwice(t *testing.T) {
	onEachShelf(t, func(t *testing.T, s site) {
		nodes := []*Ring{s.open(t)}
		if postgres.IsURL(s.place) {
			nodes = append(nodes, s.open(t), s.open(t))
		}
		var mu sync.Mutex
		var all sync.WaitGroup
		given := make(map[string]int)
		for n, r := range nodes {
			for range 2 {
				all.Go(func() {
					for range pool {
						id, err := r.Take(context.Background())
						if err != nil {
							t.Error(err)
							return
						}
						mu.Lock()
						if other, twice := given[id]; twice {
							t.Errorf("nodes %d and %d gave out the same key", other, n)
						}
						given[id] = n
						mu.Unlock()
					}
				})
			}
		}
		all.Wait()
		if want := len(nodes) * 2 * pool; len(given) != want {
			t.Errorf("%d keys were given out, not %d", len(given), want)
		}
		for id, n := range given { // durable, and for every node
			if _, err := nodes[(n+1)%len(nodes)].AEAD(context.Background(), id); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestWhatIsInMemoryIsBounded(t *testing.T) {
	m, g := newMemory(), generation{1}
	m.note(time.Now(), g)
	aead, err := newAEAD(make([]byte, keyBytes))
	if err != nil {
		t.Fatal(err)
	}
	for i := range remembered + 10 {
		m.keep(fmt.Sprint(i), []byte("wrapped"), aead, g)
		m.keep(fmt.Sprint(i), []byte("wrapped"), aead, g)
	}
	ciphers := 0
	for _, key := range m.keys {
		if key.cipher != nil {
			ciphers++
		}
	}
	if ciphers != cached || m.size() != cached || len(m.keys) != remembered {
		t.Errorf("in memory are %d ciphers, of %d that are told, and %d wrapped keys", ciphers, m.size(), len(m.keys))
	}
}
