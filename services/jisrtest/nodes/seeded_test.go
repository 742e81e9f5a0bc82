package nodes_test

import (
	"math/rand/v2"
	"testing"

	"github.com/jisr-exchange/jisr/services/postgres/throwaway"
)

// seeds are faults that the program does not have: lines to the server say
// something else than their node said. Each must show in what agencies are told.
var seeds = map[string]struct {
	nodes int // that have it
	texts [][2]string
}{
	"changes neither hold their case nor compare what they read": {three, [][2]string{
		{`FOR UPDATE NOWAIT|FOR UPDATE$`, ``},
		{`(UPDATE records SET .* WHERE name = \S+) AND revision = (\S+)`, `$1 AND revision > $2 - 1000`},
	}},
	"a node goes on telling what it has kept from before": {1, [][2]string{
		{`COALESCE\(\(SELECT c\.epoch FROM epochs c WHERE c\.case_name = s\.case_name\), 0\) <> s\.epoch`, `s.epoch <> s.epoch`},
	}},
}

// attempts bounds the rounds in which a seeded fault must show.
const attempts = 20

func TestSeededFaultsOfNodesAreFoundInWhatAgenciesWereTold(t *testing.T) {
	t.Parallel()
	for name, fault := range seeds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			seed := rand.Uint64()
			t.Logf("seed %d", seed)
			random := rand.New(rand.NewPCG(seed, 0))
			h := newHouse(t, throwaway.Durable(t)).open(three)
			for _, n := range h.nodes[:fault.nodes] {
				for _, text := range fault.texts {
					n.line.tellInstead(text[0], text[1])
				}
			}
			found := false
			for i := 0; i < attempts && !found; i++ {
				found = !h.round(random, nil).explained(t)
			}
			if !found {
				t.Errorf("nobody noticed in %d rounds", attempts)
			}
			for i, n := range h.nodes[:fault.nodes] {
				if n.line.twisted() == 0 {
					t.Errorf("node %d never said what was to be told otherwise", i)
				}
			}
		})
	}
}
