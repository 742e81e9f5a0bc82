package nodes_test

import (
	"context"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
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

// long, set to a number of rounds, asks for a run that is not in a hurry.
const long = "JISR_NODES_ROUNDS"

// rounds is how many a run has.
func rounds(t testing.TB) int {
	text := os.Getenv(long)
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
func (h *house) round(random *rand.Rand, mishaps []mishap) *history {
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
		for i, strike := range mishaps {
			// Spread over two thirds of what is to come.
			if !told.until((i+1)*2*clerks*calls*2/3/(len(mishaps)+1), done) {
				return
			}
			strike(told, done)
		}
	})
	all.Wait()
	close(done)
	struck.Wait()
	for _, n := range h.nodes {
		if n.line != nil {
			n.line.cutAfter("^$") // nothing more
		}
	}
	return told
}

// mishap is something that befalls nodes or lines while a history is made.
type mishap func(*history, <-chan struct{})

// mishaps draws some; those that take long only in a run that is not in a hurry.
func (h *house) mishaps(random *rand.Rand, n int) (list []mishap) {
	kinds := 6
	if os.Getenv(long) != "" {
		kinds = 8
	}
	for range n {
		victim := h.nodes[random.IntN(len(h.nodes))]
		half := random.IntN(2)
		list = append(list, map[int]mishap{
			0: func(*history, <-chan struct{}) {
				victim.kill()
				victim.restart()
			},
			1: func(*history, <-chan struct{}) { victim.line.sever() },
			2: func(*history, <-chan struct{}) { victim.line.cutAfter("^COMMIT") },
			3: func(*history, <-chan struct{}) { victim.line.cutAfter("^COMMIT") },
			4: func(*history, <-chan struct{}) { victim.line.cutAfter("INSERT INTO log_entries") },
			5: func(*history, <-chan struct{}) { h.terminate(half) },
			6: func(*history, <-chan struct{}) {
				h.must(h.cluster.Kill())
				h.must(h.cluster.Start())
			},
			7: func(told *history, done <-chan struct{}) { // it holds what it holds, and says nothing
				victim.process.Signal(syscall.SIGSTOP)
				told.until(told.len()+20, done)
				victim.process.Signal(syscall.SIGCONT)
			},
		}[random.IntN(kinds)])
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
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	h := newHouse(t, throwaway.Durable(t)).open(three)
	asked, open, lost := 0, 0, 0
	for range rounds(t) {
		told := h.round(random, h.mishaps(random, faults))
		told.linear(t)
		asked, open, lost = asked+len(told.done), open+told.open, lost+told.lost
		if t.Failed() {
			t.Fatal(h.logged())
		}
	}
	t.Logf("%d calls, %d answers lost, %d calls open for ever", asked, lost, open)
	if lost == 0 {
		t.Error("no answer was lost: what befell the nodes was not under load")
	}
	if strings.Contains(h.logged(), "internal error") {
		t.Errorf("what broke around a node is told as a fault of its own:\n%s", h.logged())
	}
}
