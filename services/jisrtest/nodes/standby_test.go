package nodes_test

import (
	"math/rand/v2"
	"net/url"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/jisr-exchange/jisr/services/postgres/throwaway"
)

// either is a database's URL that names two servers, of which one is the primary.
func either(t testing.TB, database string, standby *throwaway.Cluster) string {
	t.Helper()
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set("host", q.Get("host")+","+standby.Folder())
	q.Set("target_session_attrs", "read-write")
	u.RawQuery = q.Encode()
	return u.String()
}

func TestNodesFindTheStandbyThatWasPromotedAndNothingThatWasAnsweredIsLost(t *testing.T) {
	t.Parallel()
	cluster := throwaway.Durable(t)
	standby := cluster.Standby(t)
	h := newHouse(t, cluster).over(standby, 2)
	h.overcomes(t, trouble{
		strike: func(*load) { h.must(cluster.Kill()) },
		mend: func(h *house) {
			h.must(standby.Promote())
			h.moved(standby)
		},
	})
}

func TestCallsOnOneReferralAreAsIfOneAfterTheOtherThroughAFailover(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	cluster := throwaway.Durable(t)
	standby := cluster.Standby(t)
	h := newHouse(t, cluster).over(standby, three)
	told := h.round(random, []mishap{func(*history, <-chan struct{}) {
		h.must(cluster.Kill())
		h.must(standby.Promote())
	}})
	told.linear(t)
	h.round(random, nil).linear(t)
	t.Logf("%d calls, %d answers lost, %d calls open for ever", len(told.done), told.lost, told.open)
	if t.Failed() {
		t.Log(h.logged())
	}
}

// over starts nodes that know a primary and its standby, without which nothing is committed.
func (h *house) over(standby *throwaway.Cluster, nodes int) *house {
	h.t.Helper()
	h.must(h.cluster.Synchronous())
	for range nodes {
		h.node(either(h.t, h.cases, standby), either(h.t, h.keys, standby)).start()
	}
	return h
}

// What is promised to survive a database node waits for the other one, and is
// uncertain as long as nobody can say that it has it.
func TestAChangeWhoseStandbyHangsIsUncertainUntilItIsAskedAgain(t *testing.T) {
	t.Parallel()
	cluster := throwaway.Durable(t)
	standby := cluster.Standby(t)
	h := newHouse(t, cluster)
	h.more = "postgres:\n  survives_node_loss: true\n"
	if err := cluster.Synchronous(); err != nil {
		t.Fatal(err)
	}
	h.open(2)
	h.overcomes(t, trouble{
		strike: func(l *load) {
			h.must(standby.Pause())
			const id = "6f9619ff-8b86-4d01-b42d-00c04fc964ff"
			for _, n := range h.nodes { // the second time it is asked for what the first has done
				if name, _, err := openCase(n, id); status.Code(err) != codes.DeadlineExceeded {
					t.Errorf("without a standby a change is answered %s, %v", name, err)
				}
			}
			l.noteOpen(id)
		},
		mend: func(h *house) { h.must(standby.Resume()) },
	})
}
