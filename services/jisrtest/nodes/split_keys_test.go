package nodes_test

import (
	"context"
	"strings"
	"testing"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/jisrtest"
	"github.com/jisr-exchange/jisr/services/postgres/throwaway"
)

// Cases and keys lie in a cluster each, and each may be left for another by itself: that
// the cases' own answers proves nothing about the keys'.
func TestANodeAtAServerOfKeysThatWasLeftOpensNothing(t *testing.T) {
	t.Parallel()
	cases := throwaway.Durable(t)
	cases.Standby(t)
	first := throwaway.Durable(t)
	second := first.Standby(t)
	h := newHouse(t, cases)
	h.keys, h.more = first.Database(t), surviving
	h.must(cases.Synchronous())
	h.must(first.Synchronous())
	left := h.node(h.cases, h.keys)
	left.start()
	about := h.matter()
	identity := func(n *node) (bool, error) {
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		defer cancel()
		v, err := n.as(jisrtest.Police).GetVictim(ctx, jisrv1.GetVictimRequest_builder{Name: about.victim}.Build())
		return v.HasIdentity(), err
	}
	if shown, err := identity(left); err != nil || !shown {
		t.Fatalf("control: before, a person is answered %v, %v", shown, err)
	}
	h.must(second.Promote())
	second.Standby(t)
	h.must(second.Synchronous())
	h.keys = strings.Replace(h.keys, escaped(first), escaped(second), 1)
	follows := h.node(h.cases, h.keys)
	follows.start()
	if shown, err := identity(follows); err != nil || !shown {
		t.Errorf("at the promoted server a person is answered %v, %v", shown, err)
	}
	h.must(jisrtest.Run(h.keys, "DELETE FROM keys WHERE id <> 'exchange'"))
	if shown, err := identity(follows); err != nil || shown {
		t.Errorf("at the promoted server a person whose key is destroyed is answered %v, %v", shown, err)
	}
	if shown, err := identity(left); shown || err == nil || !undone(jisrtest.Reason(err)) {
		t.Errorf("at the server that was left a person whose key is destroyed is answered %v, %v", shown, err)
	}
	h.until("the node at the server that was left says that it is not well", left.ill)
	h.must(first.Kill()) // nothing of it waits any more
}
