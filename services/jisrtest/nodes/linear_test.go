package nodes_test

import (
	"context"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/jisr-exchange/jisr/services/postgres/throwaway"
)

const (
	three = 3
	// clerks is how many desks each party has, and drafts how many referrals they
	// share: so few that calls meet.
	clerks = 6
	drafts = 3
	// calls is how many each desk makes in a round.
	calls = 20
	// faults is how many a round has, in the midst of its calls.
	faults = 5
)

// rounds is how many a run has: few, unless JISR_NODES_ROUNDS asks for more.
func rounds(t testing.TB) int {
	text := os.Getenv("JISR_NODES_ROUNDS")
	if text == "" {
		return 3
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatal("JISR_NODES_ROUNDS is no number")
	}
	return n
}

// round lets the desks of both parties work on new referrals of one person, and
// faults come in between.
func (h *house) round(random *rand.Rand, faults []func()) *history {
	h.t.Helper()
	told, names := newHistory(), h.drafts(h.matter(), drafts)
	var all sync.WaitGroup
	for i := range 2 * clerks {
		c := &clerk{
			id: i, by: party(i % 2), house: h, at: i / 2 % len(h.nodes), history: told, referrals: names,
			random: rand.New(rand.NewPCG(random.Uint64(), random.Uint64())),
		}
		all.Go(func() { c.work(calls) })
	}
	done := make(chan struct{})
	var struck sync.WaitGroup
	struck.Go(func() {
		for i, fault := range faults {
			// Spread over two thirds of what is to come.
			if !told.until((i+1)*2*clerks*calls*2/3/(len(faults)+1), done) {
				return
			}
			fault()
		}
	})
	all.Wait()
	close(done)
	struck.Wait()
	for _, n := range h.nodes {
		n.line.cutAfter("^$") // nothing more
	}
	return told
}

// faults draws what befalls nodes and lines.
func (h *house) faults(random *rand.Rand, n int) (list []func()) {
	for range n {
		victim := h.nodes[random.IntN(len(h.nodes))]
		switch random.IntN(5) {
		case 0:
			list = append(list, func() {
				victim.kill()
				victim.restart()
			})
		case 1:
			list = append(list, victim.line.sever)
		case 2, 3:
			list = append(list, func() { victim.line.cutAfter("^COMMIT") })
		case 4:
			half := random.IntN(2)
			list = append(list, func() { h.terminate(half) })
		}
	}
	return list
}

// terminate ends every other session of the nodes, as an operator would.
func (h *house) terminate(half int) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	conn, err := pgx.Connect(ctx, h.cases)
	if err == nil {
		_, err = conn.Exec(ctx, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
			WHERE datname = current_database() AND pid <> pg_backend_pid() AND pid % 2 = $1`, half)
		conn.Close(ctx)
	}
	if err != nil {
		h.t.Error(err)
	}
}

func TestCallsOnOneReferralAreAsIfOneAfterTheOtherWhateverBreaksOnThreeNodes(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	h := newHouse(t, throwaway.Durable(t)).open(three)
	asked, open := 0, 0
	for range rounds(t) {
		told := h.round(random, h.faults(random, faults))
		told.linear(t)
		asked, open = asked+len(told.done), open+told.open
		if t.Failed() {
			t.Fatal(h.logged())
		}
	}
	t.Logf("%d calls, %d of them open for ever", asked, open)
	if strings.Contains(h.logged(), "internal error") {
		t.Errorf("what broke around a node is told as a fault of its own:\n%s", h.logged())
	}
}
