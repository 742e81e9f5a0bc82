package nodes_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/disclosure"
	"github.com/jisr-exchange/jisr/services/jisrtest"
	"github.com/jisr-exchange/jisr/services/postgres/throwaway"
)

// load is agencies that go on opening cases whatever they are told, each under a
// request id of its own, and reading what they have opened; and a book of what they
// were told.
type load struct {
	house *house
	stop  context.CancelFunc
	desks sync.WaitGroup

	mu    sync.Mutex
	made  map[string]string // the case, by request
	open  map[string]bool   // requests of which nobody knows
	shown map[string]bool   // receipts of what was released
	not   int               // that were told that nothing was done
}

const (
	// desks is how many calls a load has in flight at each node.
	desks = 4
	// pace is how long a desk waits from one call to the next: many a refusal costs nothing.
	pace = 20 * time.Millisecond
	// waiting is how long a desk waits for an answer.
	waiting = 3 * time.Second
	// most bounds what a desk does if nobody stops it.
	most = 20_000
)

// load begins one on all nodes.
func (h *house) load() *load { return h.begin(true) }

// opening is a load that reads nothing: the entry of a read takes to the disk what
// was committed before it.
func (h *house) opening() *load { return h.begin(false) }

func (h *house) begin(reads bool) *load {
	h.t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	l := &load{house: h, stop: stop, made: make(map[string]string), open: make(map[string]bool), shown: make(map[string]bool)}
	h.t.Cleanup(func() {
		stop()
		l.desks.Wait()
	})
	for _, n := range h.nodes {
		n.as(jisrtest.Police)
		for range desks {
			random := rand.New(rand.NewPCG(rand.Uint64(), 0))
			l.desks.Go(func() {
				next := time.NewTicker(pace)
				defer next.Stop()
				for range most {
					select {
					case <-ctx.Done():
						return
					case <-next.C:
						if name := l.one(n, uuid(random)); reads && name != "" {
							l.look(n, name)
						}
					}
				}
			})
		}
	}
	return l
}

// one opens a case, and notes what came of it.
func (l *load) one(n *node, id string) string {
	name, reached, err := openCase(n, id)
	reason := jisrtest.Reason(err)
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case err == nil:
		l.made[id] = name
		delete(l.open, id)
	case !reached, undone(reason):
		if !l.open[id] {
			l.not++
		}
	case uncertain(err, reason):
		l.open[id] = true
	default:
		l.house.t.Errorf("a case is answered %v", err)
	}
	return name
}

// look reads a case, and notes under which receipt it was shown.
func (l *load) look(n *node, name string) {
	ctx, cancel := context.WithTimeout(context.Background(), waiting)
	defer cancel()
	var header metadata.MD
	_, err := n.as(jisrtest.Police).GetCase(ctx, jisrv1.GetCaseRequest_builder{Name: name}.Build(), grpc.Header(&header))
	reason := jisrtest.Reason(err)
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case err == nil:
		l.shown[strings.Join(header.Get(disclosure.ReceiptHeader), " ")] = true
	case !undone(reason) && !uncertain(err, reason):
		l.house.t.Errorf("a case that was answered is read as %v", err)
	}
}

// noteMade notes a case that the load has not opened, and noteOpen a request of
// which nobody knows.
func (l *load) noteMade(id, name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.made[id] = name
}

func (l *load) noteOpen(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open[id] = true
}

func openCase(n *node, id string) (name string, reached bool, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), waiting)
	defer cancel()
	var to peer.Peer
	c, err := n.as(jisrtest.Police).CreateCase(ctx, jisrv1.CreateCaseRequest_builder{Case: jisrtest.BaghdadCase(), RequestId: id}.Build(), grpc.Peer(&to))
	return c.GetName(), to.Addr != nil, err
}

// count is how many cases were opened, for all that is known.
func (l *load) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.made)
}

// more waits until so many more cases are open.
func (l *load) more(n int) {
	l.house.t.Helper()
	want := l.count() + n
	l.house.until("more cases are opened", func() bool { return l.count() >= want })
}

// refused waits until so many more calls were told that nothing was done.
func (l *load) refused(n int) {
	l.house.t.Helper()
	count := func() int {
		l.mu.Lock()
		defer l.mu.Unlock()
		return l.not
	}
	want := count() + n
	l.house.until("calls are refused", func() bool { return count() >= want })
}

// settle ends the load, asks again for what nobody knows, and fails the test on
// what the audit finds.
func (l *load) settle(t *testing.T) {
	t.Helper()
	l.stop()
	l.desks.Wait()
	uncertain := slices.Collect(maps.Keys(l.open))
	for i, id := range uncertain {
		l.house.until("an uncertain call is answered", func() bool {
			l.one(l.house.nodes[i%len(l.house.nodes)], id)
			return !l.open[id]
		})
	}
	for _, violation := range l.audit() {
		t.Error(violation)
	}
	t.Logf("%d cases, %d of them by asking again, read %d times; %d calls were refused", len(l.made), len(uncertain), len(l.shown), l.not)
}

// audit holds the book against the rows: what was answered is there, once, with
// its entry, and nothing else is; and what was shown has its entry.
func (l *load) audit() (violations []string) {
	l.house.t.Helper()
	there := l.house.names("Case")
	for _, name := range l.made {
		if !there[name] {
			violations = append(violations, name+" was answered and is not there")
		}
		delete(there, name)
	}
	for name := range there {
		violations = append(violations, name+" is there, and nobody was told of it")
	}
	if entries := l.house.changed("CaseService/CreateCase"); entries != len(l.made) {
		violations = append(violations, fmt.Sprintf("%d entries of %d cases", entries, len(l.made)))
	}
	var entries []string
	l.house.ask(&entries, "SELECT COALESCE(array_agg(name), '{}') FROM log_entries")
	for receipt := range l.shown {
		if !slices.Contains(entries, receipt) {
			violations = append(violations, "what was shown has no entry "+receipt)
		}
	}
	return violations
}

func TestTheAuditOfALoadNoticesWhatIsMissingAndWhatIsTooMuch(t *testing.T) {
	t.Parallel()
	h := newHouse(t, throwaway.Durable(t)).open(1)
	l := h.load()
	l.more(3)
	l.settle(t)
	names := slices.Collect(maps.Values(l.made))
	receipts, marks := slices.Collect(maps.Keys(l.shown)), h.marks
	for statement, about := range map[string]string{
		"DELETE FROM records WHERE name = $1":                                  marks.Of(names[0]),
		"UPDATE records SET name = name || '0' WHERE name = $1":                marks.Of(names[1]),
		"DELETE FROM log_entries WHERE strpos(encode(leaf, 'escape'), $1) > 0": names[2],
		"DELETE FROM log_entries WHERE name = $1":                              receipts[0],
	} {
		before := len(l.audit())
		var touched int
		h.ask(&touched, "WITH touched AS ("+statement+" RETURNING 1) SELECT COUNT(*) FROM touched", about)
		if touched == 0 || len(l.audit()) == before {
			t.Errorf("the audit does not notice %s", statement)
		}
	}
}
