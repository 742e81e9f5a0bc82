package nodes_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/jisr-exchange/jisr/services/postgres/throwaway"
)

// rewound is the setting under which a server that was left can follow the other one.
const rewound = "wal_log_hints=on"

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
			first := throwaway.Durable(t, rewound)
			second := first.Standby(t, rewound)
			h := newHouse(t, first)
			h.must(first.Synchronous())
			h.open(2).overcomes(t, trouble{
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
	first := throwaway.Durable(t, rewound)
	second := first.Standby(t, rewound)
	h := newHouse(t, first).over(second, 2)
	h.overcomes(t, trouble{
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
