package store_test

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/postgres"
	"github.com/jisr-exchange/jisr/services/postgres/throwaway"
)

// A server that is killed takes nothing along that was answered; what was
// not answered is there whole or not at all, and its repetition finds out which.
// The nodes go on without a restart.
func TestAServerThatIsKilledUnderLoadLosesNothingThatWasAnswered(t *testing.T) {
	cluster := throwaway.Durable(t)
	database := cluster.Database(t)
	h := newHouse(t)
	nodes := []*node{h.openAs(database, postgres.Options{}), h.openAs(database, postgres.Options{})}
	const callers, enough = 16, 60
	type call struct{ request, name string }
	var mu sync.Mutex
	var kept, open []call // answered with OK, and otherwise
	var answered atomic.Int64
	full := make(chan struct{})
	var all sync.WaitGroup
	for i := range callers {
		all.Go(func() {
			n := nodes[i%2]
			for k := 0; ; k++ {
				c := call{request: fmt.Sprintf("6f1c7a52-6d9e-4b8e-9f55-%04x%08x", i, k)}
				name, err := n.newCase(c.request)
				c.name = name
				mu.Lock()
				if err == nil {
					kept = append(kept, c)
				} else {
					open = append(open, c)
				}
				mu.Unlock()
				if err != nil {
					if !errors.Is(err, fault.New(fault.OutcomeUnknown)) && !errors.Is(err, fault.New(fault.StoreUnavailable)) {
						t.Errorf("a call on a server that is gone is answered %v", err)
					}
					return
				}
				if answered.Add(1) == enough {
					close(full)
				}
			}
		})
	}
	<-full
	must(t, cluster.Kill())
	all.Wait()
	if err := nodes[0].Probe(t.Context(), true); err == nil {
		t.Error("a store without its server says that it is well")
	}
	must(t, cluster.Start())
	for _, n := range nodes {
		must(t, n.Probe(t.Context(), true))
	}
	for i, c := range kept {
		if got := nodes[i%2].entries(c.name); got != 1 {
			t.Fatalf("%d entries of a case that was answered", got)
		}
	}
	names := make(map[string]bool)
	for i, c := range append(kept, open...) {
		name, err := nodes[i%2].newCase(c.request)
		must(t, err)
		if c.name != "" && name != c.name {
			t.Errorf("repeated, %s became %s", c.name, name)
		}
		names[name] = true
	}
	if got := nodes[0].files(); got != len(names) || len(names) != len(kept)+len(open) {
		t.Errorf("%d requests made %d cases", len(kept)+len(open), got)
	}
}

// Whoever calls first after a server came back is not told of the connections
// that were at hand when it went.
func TestAServerThatWasRestartedIsNotNoticed(t *testing.T) {
	cluster := throwaway.Durable(t)
	n := newHouse(t).openAs(cluster.Database(t), postgres.Options{})
	about := n.aCase()
	for _, stop := range []func() error{cluster.Stop, cluster.Kill} {
		// As many connections at hand as calls at once leave.
		for _, err := range atOnce(32, func(int) error {
			_, err := n.read(police, about)
			return errors.Join(err, n.notify(about))
		}) {
			must(t, err)
		}
		must(t, stop())
		must(t, cluster.Start())
		for _, err := range atOnce(32, func(int) error {
			_, err := n.read(police, about)
			return errors.Join(err, n.notify(about))
		}) {
			must(t, err)
		}
	}
}
