package keyring

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/postgres/throwaway"
)

// A primary that lives on after its standby was promoted has the keys that were
// destroyed since at the other one, and says so to whoever asks it.
func TestAServerThatWasLeftForAnotherOpensNothing(t *testing.T) {
	ctx, first := context.Background(), throwaway.Durable(t)
	second := first.Standby(t)
	must(t, first.Synchronous())
	s := site{place: first.Database(t), kek: filepath.Join(t.TempDir(), "kek")}
	surely := func() *Ring {
		t.Helper()
		kek, err := OpenFileKEK(s.kek)
		must(t, err)
		r, err := Open(s.place, kek, SurvivesNode)
		must(t, err)
		t.Cleanup(func() { r.Close() })
		return r
	}
	left, careless := surely(), s.open(t)
	ids := map[string]string{
		"that it remembers, and was destroyed": take(t, left),
		"that it must read, and was destroyed": take(t, careless),
		"that it remembers":                    take(t, left),
		"that it must read":                    take(t, careless),
	}
	for what, id := range ids {
		if strings.HasPrefix(what, "that it remembers") {
			remembers(t, left, id)
		}
		if _, err := careless.AEAD(ctx, id); err != nil {
			t.Fatal(err)
		}
	}
	before := surely() // as the one who has left all as it is
	for what, id := range ids {
		if _, err := before.AEAD(before.AsOfNow(ctx), id); err != nil {
			t.Errorf("control: a key %s is answered %v before", what, err)
		}
	}
	must(t, second.Promote())
	s.place = strings.Replace(s.place, first.Folder(), second.Folder(), 1)
	s.place = strings.Replace(s.place, strings.ReplaceAll(first.Folder(), "/", "%2F"), strings.ReplaceAll(second.Folder(), "/", "%2F"), 1)
	promoted := s.open(t)
	for what, id := range ids {
		if strings.HasSuffix(what, "destroyed") {
			must(t, promoted.Destroy(ctx, id))
		}
	}
	var all sync.WaitGroup
	for what, id := range ids {
		all.Go(func() {
			if _, err := left.AEAD(left.AsOfNow(ctx), id); !errors.Is(err, fault.New(fault.StoreUnavailable)) {
				t.Errorf("at the server that was left a key %s is answered %v", what, err)
			}
		})
		// Control: who does not ask for a standby opens what is destroyed.
		if _, err := careless.AEAD(ctx, id); err != nil {
			t.Errorf("a key %s is not there any more for anybody: %v", what, err)
		}
		if _, err := promoted.AEAD(ctx, id); errors.Is(err, ErrDestroyed) != strings.HasSuffix(what, "destroyed") {
			t.Errorf("at the promoted server a key %s is answered %v", what, err)
		}
	}
	all.Wait()
	must(t, first.Kill()) // nothing of it waits any more
}

// moving is a shelf on which something is destroyed whenever a key is looked for.
type moving struct {
	shelf
	times   int
	destroy func()
}

func (m *moving) look(ctx context.Context, id string) ([]byte, generation, error) {
	if id != secretID && m.times > 0 {
		m.times--
		m.destroy()
	}
	return m.shelf.look(ctx, id)
}

// A key is given out under the generation alone of which it is sure that no other
// server has left it behind.
func TestAKeyThatIsReadUnderAnotherGenerationThanWasHeardIsLookedForAgain(t *testing.T) {
	ctx, s := context.Background(), onPostgres(t)
	maker, r := s.open(t), s.open(t)
	m := &moving{shelf: r.shelf, destroy: func() { must(t, maker.Destroy(ctx, take(t, maker))) }}
	r.shelf = m
	for times, found := range map[int]bool{0: true, 1: true, looks: false} {
		for _, wary := range []bool{true, false} {
			m.times, r.wary = times, wary
			_, err := r.AEAD(r.AsOfNow(ctx), take(t, maker))
			if found || !wary {
				must(t, err)
			} else if !errors.Is(err, fault.New(fault.StoreUnavailable)) {
				t.Errorf("while keys are destroyed again and again one is answered %v", err)
			}
		}
	}
}
