package keyring

import (
	"bytes"
	"context"
	"errors"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/postgres"
	"github.com/jisr-exchange/jisr/services/postgres/throwaway"
)

func TestWhatOneNodeDestroysNoOtherOpens(t *testing.T) {
	ctx, s := context.Background(), onPostgres(t)
	a, b := s.open(t), s.open(t)
	for _, c := range []struct {
		name    string
		destroy func(id string)
	}{
		{"by a node", func(id string) { must(t, a.Destroy(ctx, id)) }},
		{"by another hand", func(id string) { s.hand(t, "DELETE FROM keys WHERE id = $1", id) }},
		{"with all there is", func(string) { s.hand(t, "DELETE FROM keys WHERE id <> 'exchange'") }},
	} {
		id := take(t, a)
		remembers(t, b, id)
		c.destroy(id)
		if _, err := b.AEAD(ctx, id); !errors.Is(err, ErrDestroyed) {
			t.Errorf("destroyed %s it still opens on another node: %v", c.name, err)
		}
	}
}

// remembers lets a node have the cipher of a key in memory.
func remembers(t *testing.T, r *Ring, id string) {
	t.Helper()
	_, err := r.AEAD(context.Background(), id)
	must(t, err)
	if r.memory.find(id, time.Now()).cipher == nil {
		t.Fatal("the cipher is not in memory: this test would prove nothing")
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// deaf is a shelf that never tells that something was destroyed.
type deaf struct{ shelf }

func (d deaf) look(ctx context.Context, id string) ([]byte, generation, error) {
	wrapped, _, err := d.shelf.look(ctx, id)
	return wrapped, generation{1}, err
}

// Whatever calls are under way while a key is destroyed, none that begins after
// the destruction was acknowledged gets its cipher.
func TestNoCallThatBeginsAfterADestructionOpens(t *testing.T) {
	const rounds, callers = 20, 4
	play := func(t *testing.T, hear func(shelf) shelf) (opened int64) {
		ctx, s := context.Background(), onPostgres(t)
		destroyer, others := s.open(t), []*Ring{s.open(t), s.open(t)}
		for _, r := range others {
			r.shelf = hear(r.shelf)
		}
		var late atomic.Int64
		for range rounds {
			id := take(t, destroyer)
			var destroyed atomic.Bool
			var all sync.WaitGroup
			for _, r := range others {
				remembers(t, r, id)
				for range callers {
					all.Go(func() {
						for tries := 0; tries < 3; {
							after := destroyed.Load() // and so destroyed before the call began
							_, err := r.AEAD(ctx, id)
							if err != nil && !errors.Is(err, ErrDestroyed) {
								t.Error(err)
								return
							}
							if after {
								tries++
							}
							if after && err == nil {
								late.Add(1)
							}
						}
					})
				}
			}
			must(t, destroyer.Destroy(ctx, id))
			destroyed.Store(true)
			all.Wait()
		}
		return late.Load()
	}
	if n := play(t, func(s shelf) shelf { return s }); n > 0 {
		t.Errorf("%d calls opened with a key that was destroyed before they began", n)
	}
	if play(t, func(s shelf) shelf { return deaf{s} }) == 0 {
		t.Error("nodes that hear nothing are not noticed: this test proves nothing")
	}
}

// counting counts the looks at a shelf.
type counting struct {
	shelf
	looks atomic.Int64
}

func (c *counting) look(ctx context.Context, id string) ([]byte, generation, error) {
	c.looks.Add(1)
	return c.shelf.look(ctx, id)
}

func TestACallAsksOnceForAllItsKeys(t *testing.T) {
	ctx, s := context.Background(), onPostgres(t)
	a, b := s.open(t), s.open(t)
	ids := make([]string, 20)
	for i := range ids {
		ids[i] = take(t, a)
		remembers(t, b, ids[i])
	}
	c := &counting{shelf: b.shelf}
	b.shelf = c
	open := func(ctx context.Context) int64 {
		before := c.looks.Load()
		for _, id := range ids {
			_, err := b.AEAD(ctx, id)
			must(t, err)
		}
		return c.looks.Load() - before
	}
	if n := open(b.AsOfNow(ctx)); n != 1 {
		t.Errorf("a call asked %d times", n)
	}
	if n := open(ctx); n != int64(len(ids)) {
		t.Errorf("calls that do not say when they began asked %d times", n)
	}
	// A mark is of its moment: what was destroyed before it is heard of.
	must(t, a.Destroy(ctx, ids[0]))
	if _, err := b.AEAD(b.AsOfNow(ctx), ids[0]); !errors.Is(err, ErrDestroyed) {
		t.Errorf("a mark of after the destruction opens: %v", err)
	}
}

// held is a shelf whose looks wait to be let go.
type held struct {
	shelf
	asked chan struct{}
	let   chan error
}

func (h held) look(ctx context.Context, id string) ([]byte, generation, error) {
	h.asked <- struct{}{}
	if err := <-h.let; err != nil {
		return nil, generation{}, err
	}
	return h.shelf.look(ctx, id)
}

func TestCallsThatWaitShareOneLookAndItsFailure(t *testing.T) {
	const callers = 20
	ctx, s := context.Background(), onPostgres(t)
	r := s.open(t)
	id := take(t, r)
	remembers(t, r, id)
	h := held{shelf: r.shelf, asked: make(chan struct{}), let: make(chan error)}
	r.shelf = h
	answers := make(chan error)
	call := func(ctx context.Context) {
		_, err := r.AEAD(ctx, id)
		answers <- err
	}
	for _, failure := range []error{errors.New("the database is gone"), nil} {
		go call(ctx)
		<-h.asked // one asks, and whoever comes now comes too late for it
		marked := r.AsOfNow(ctx)
		for range callers {
			go call(marked)
		}
		h.let <- nil
		must(t, <-answers)
		<-h.asked // and one asks for all the others
		h.let <- failure
		for range callers {
			if err := <-answers; (err == nil) != (failure == nil) {
				t.Errorf("%v, where the look gave %v", err, failure)
			}
		}
	}
	go call(ctx)
	<-h.asked
	gone, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := r.AEAD(gone, id); err == nil {
		t.Error("a call that has ended waits on")
	}
	h.let <- nil
	must(t, <-answers)
	r.shelf = h.shelf
}

// broken is a shelf that counts the looks at it, and fails them while it is broken.
type broken struct {
	counting
	failing atomic.Bool
}

func (b *broken) look(ctx context.Context, id string) ([]byte, generation, error) {
	w, g, err := b.counting.look(ctx, id)
	if b.failing.Load() {
		return nil, generation{}, errors.New("the database is gone")
	}
	return w, g, err
}

func TestAShelfThatFailedIsNotTriedAgainByWhoCameBefore(t *testing.T) {
	onEachShelf(t, func(t *testing.T, s site) {
		ctx, r := context.Background(), s.open(t)
		b := &broken{counting: counting{shelf: r.shelf}}
		ids := make([]string, 10)
		for i := range ids {
			ids[i] = take(t, r)
		}
		r.memory.forget(time.Now()) // so that each has to be read
		r.shelf = b
		b.failing.Store(true)
		before := r.AsOfNow(ctx)
		for _, id := range ids {
			if _, err := r.AEAD(before, id); !errors.Is(err, fault.New(fault.StoreUnavailable)) {
				t.Errorf("%v", err)
			}
		}
		if n := b.looks.Load(); r.shared && n != 1 {
			t.Errorf("one after the other they tried %d times", n)
		}
		b.failing.Store(false)
		for _, id := range ids {
			if _, err := r.AEAD(r.AsOfNow(ctx), id); err != nil {
				t.Errorf("who comes later: %v", err)
			}
		}
	})
}

func TestNodesThatBeginTogetherAgreeOnTheSecret(t *testing.T) {
	s := onPostgres(t)
	_, err := OpenFileKEK(s.kek)
	must(t, err)
	nodes := make([]*Ring, 4)
	var all sync.WaitGroup
	for i := range nodes {
		all.Go(func() { nodes[i] = s.open(t) })
	}
	all.Wait()
	for _, r := range nodes[1:] {
		if !bytes.Equal(r.Secret("use"), nodes[0].Secret("use")) {
			t.Error("two nodes of one keyring have two secrets")
		}
	}
}

func TestADatabaseThatHoldsAnythingElseIsRefused(t *testing.T) {
	refused := func(s site, told string) {
		t.Helper()
		kek, err := OpenFileKEK(s.kek)
		must(t, err)
		r, err := Open(s.place, kek, Forgetful)
		if err == nil {
			r.Close()
		}
		if err == nil || !strings.Contains(err.Error(), told) {
			t.Errorf("told %v, and not: %s", err, told)
		}
	}
	foreign := onPostgres(t)
	foreign.hand(t, "CREATE TABLE invoices(id int)")
	refused(foreign, "name a database of its own")
	if foreign.hand(t, "SELECT COUNT(*) FROM pg_tables WHERE schemaname = 'public'") != 1 {
		t.Error("tables were made in it all the same")
	}
	cases := onPostgres(t)
	pool, err := postgres.Open(t.Context(), cases.place, postgres.Options{Application: "store", Connections: 1, Forgetful: true})
	must(t, err)
	defer pool.Close()
	steps, err := postgres.Load(fstest.MapFS{"0001_cases.expand.sql": {Data: []byte("CREATE TABLE records(name text)")}}, "store")
	must(t, err)
	must(t, postgres.Migrate(t.Context(), pool, steps))
	refused(cases, "the database is that of the store: name another one for the keyring")
	missing := onPostgres(t)
	u, err := url.Parse(missing.place)
	must(t, err)
	u.Path += "x"
	missing.place = u.String()
	refused(missing, "createdb")
}

func TestANodeThatComesToAnotherKeyringOpensAndMakesNothing(t *testing.T) {
	ctx, s := context.Background(), onPostgres(t)
	r := s.open(t)
	id := take(t, r)
	remembers(t, r, id)
	s.hand(t, "UPDATE ring SET id = gen_random_uuid()")
	if _, err := r.AEAD(ctx, id); !errors.Is(err, errGone) || errors.Is(err, ErrDestroyed) {
		t.Errorf("a key opens, or is called destroyed: %v", err)
	}
	if err := r.Destroy(ctx, id); !errors.Is(err, errGone) {
		t.Errorf("destroying answers %v", err)
	}
	if s.hand(t, "SELECT COUNT(*) FROM keys WHERE id = $1", id) != 1 {
		t.Error("a key of another keyring was destroyed")
	}
	if err := r.fill(ctx); !errors.Is(err, errGone) {
		t.Errorf("keys were made there: %v", err)
	}
	if r.Probe(ctx) == nil {
		t.Error("it says that it is well")
	}
}

func TestADestructionThatIsCutOffIsUncertainAndToldByTheNext(t *testing.T) {
	ctx, s := context.Background(), onPostgres(t)
	r := s.open(t)
	id := take(t, r)
	at := func(commit string) { // lets every commit of a destruction come to that
		s.hand(t, "CREATE OR REPLACE FUNCTION cut() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "+commit+"; RETURN NULL; END $$")
	}
	at("PERFORM pg_terminate_backend(pg_backend_pid())")
	s.hand(t, "CREATE CONSTRAINT TRIGGER cut AFTER DELETE ON keys DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION cut()")
	if err := r.Destroy(ctx, id); !errors.Is(err, fault.New(fault.OutcomeUnknown)) {
		t.Errorf("cut off: %v", err)
	}
	at("RAISE 'no'")
	if err := r.Destroy(ctx, id); !errors.Is(err, fault.New(fault.StoreUnavailable)) {
		t.Errorf("refused by the server: %v", err)
	}
	if _, err := r.AEAD(ctx, id); err != nil {
		t.Errorf("neither destroyed it, and it does not open: %v", err)
	}
	at("NULL")
	must(t, r.Destroy(ctx, id))
	if err := r.Destroy(ctx, id); !errors.Is(err, ErrDestroyed) {
		t.Errorf("the next is told %v", err)
	}
}

func TestADestructionThatNoStandbyHasIsUncertain(t *testing.T) {
	ctx, cluster := context.Background(), throwaway.Durable(t)
	standby := cluster.Standby(t)
	must(t, cluster.Synchronous())
	s := onFile(t)
	s.place = cluster.Database(t)
	kek, err := OpenFileKEK(s.kek)
	must(t, err)
	r, err := Open(s.place, kek, SurvivesNode)
	must(t, err)
	defer r.Close()
	id := take(t, r)
	must(t, standby.Pause())
	destroyed := make(chan error, 1)
	go func() { destroyed <- r.Destroy(ctx, id) }()
	for waiting := int64(0); waiting == 0; {
		waiting = s.hand(t, "SELECT COUNT(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE wait_event = 'SyncRep'")
	}
	if err := <-destroyed; !errors.Is(err, fault.New(fault.OutcomeUnknown)) {
		t.Errorf("it is on one disk alone, and the answer is %v", err)
	}
	must(t, standby.Resume())
	if err := r.Destroy(ctx, id); !errors.Is(err, ErrDestroyed) {
		t.Errorf("the next is told %v", err)
	}
}

func TestAKeyringThatIsEmptiedOpensNothing(t *testing.T) {
	ctx, s := context.Background(), onPostgres(t)
	r := s.open(t)
	id := take(t, r)
	remembers(t, r, id)
	s.hand(t, "TRUNCATE keys")
	if _, err := r.AEAD(ctx, id); !errors.Is(err, errGone) {
		t.Errorf("%v", err)
	}
	if r.Probe(ctx) == nil {
		t.Error("it says that it is well")
	}
}

func TestAKeyringThatDoesNotAnswerOpensNothingAndIsWellAgainByItself(t *testing.T) {
	ctx, cluster := context.Background(), throwaway.Durable(t)
	s := onFile(t)
	s.place = cluster.Database(t)
	r := s.open(t)
	id := take(t, r)
	remembers(t, r, id)
	must(t, cluster.Stop())
	if _, err := r.AEAD(ctx, id); !errors.Is(err, fault.New(fault.StoreUnavailable)) {
		t.Errorf("a node that cannot hear what was destroyed is answered %v", err)
	}
	for range pool - 1 {
		take(t, r) // what is durable is good
	}
	if _, err := r.Take(ctx); !errors.Is(err, fault.New(fault.StoreUnavailable)) {
		t.Errorf("a key that is not durable was given out: %v", err)
	}
	if r.Probe(ctx) == nil {
		t.Error("it says that it is well")
	}
	must(t, cluster.Start())
	must(t, r.Probe(ctx))
	take(t, r)
	if _, err := r.AEAD(ctx, id); err != nil {
		t.Error(err)
	}
}
