package nodes_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/jisr-exchange/jisr/services/postgres/throwaway"
)

// switchover is a way in which a cluster manager has two servers change places:
// for a while whoever knows the first reaches a server that takes no writes.
type switchover struct {
	ends  func(*throwaway.Cluster) error // the first
	found func(h *house, first, second *throwaway.Cluster)
}

var switchovers = map[string]switchover{
	"and back": {
		ends: (*throwaway.Cluster).Stop,
		found: func(h *house, first, second *throwaway.Cluster) {
			h.must(second.Stop())
			h.must(first.Promote())
		},
	},
	"and the address leads to the other one": {
		ends: (*throwaway.Cluster).Kill, // what it alone has is undone
		found: func(h *house, _, second *throwaway.Cluster) {
			for _, n := range h.nodes {
				n.line.leadTo(second)
				n.line.sever()
			}
			h.moved(second)
		},
	},
}

// moved has the test ask the other server from now on.
func (h *house) moved(to *throwaway.Cluster) {
	h.cases = strings.Replace(h.cases, escaped(h.cluster), escaped(to), 1)
}

// escaped is a server as a URL names it.
func escaped(c *throwaway.Cluster) string { return url.QueryEscape(c.Folder()) }

func TestNodesOutlastASwitchoverAndAnswerNothingFromWhatBecameAStandby(t *testing.T) {
	t.Parallel()
	for name, s := range switchovers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first := throwaway.Durable(t, throwaway.Rewindable...)
			second := first.Standby(t, throwaway.Rewindable...)
			h := newHouse(t, first)
			h.must(first.Synchronous())
			h.open(2).overcomes(t, trouble{
				past: true,
				strike: func(*load) {
					h.must(s.ends(first))
					h.must(second.Promote())
					h.must(first.Demote(second))
				},
				mend: func(h *house) { s.found(h, first, second) },
			})
		})
	}
}

// Whoever knows both finds the one that takes writes, and none while neither does.
func TestNodesThatKnowBothServersFollowASwitchover(t *testing.T) {
	t.Parallel()
	first := throwaway.Durable(t, throwaway.Rewindable...)
	second := first.Standby(t, throwaway.Rewindable...)
	h := newHouse(t, first).over(second, 2)
	h.overcomes(t, trouble{
		past: true,
		strike: func(*load) {
			h.must(first.Stop())
			h.must(first.Follow(second)) // neither is the primary
		},
		mend: func(h *house) {
			h.must(second.Promote())
			h.moved(second)
		},
	})
}

// Control: a node that does not ask whether its server is a standby answers from the
// past that there is nothing.
func TestANodeThatTakesAStandbyForAPrimaryIsFoundOut(t *testing.T) {
	t.Parallel()
	first := throwaway.Durable(t, throwaway.Rewindable...)
	second := first.Standby(t, throwaway.Rewindable...)
	h := newHouse(t, first).open(1)
	n := h.nodes[0]
	about := h.matter().name
	n.line.tellInstead(`pg_is_in_recovery\(\)::text`, `'false'`)
	h.must(first.Kill())
	h.must(second.Promote())
	h.must(first.Demote(second))
	h.until("a list is answered from the past", func() bool { return n.lists(about) })
	n.readsNothing(about) // its entry finds no place, whatever the node believes
	if n.line.twisted() == 0 {
		t.Error("the node never asked")
	}
}
