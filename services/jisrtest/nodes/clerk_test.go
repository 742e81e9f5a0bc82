package nodes_test

import (
	"context"
	"math"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"google.golang.org/grpc"
	"google.golang.org/grpc/peer"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/jisrtest"
)

// history is what was asked and told, and when, by one clock for all.
type history struct {
	began time.Time

	mu    sync.Mutex
	done  []porcupine.Operation
	grown chan struct{} // closed at the next, where somebody waits for it
	open  int           // changes of which nobody was told
	lost  int           // answers that did not come, of changes
}

func newHistory() *history { return &history{began: time.Now()} }

func (h *history) now() int64 { return int64(time.Since(h.began)) }

func (h *history) note(o porcupine.Operation) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if o.Output.(told).nothing {
		h.open++
		o.Return = math.MaxInt64
	}
	h.done = append(h.done, o)
	if h.grown != nil {
		close(h.grown)
		h.grown = nil
	}
}

func (h *history) missed() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lost++
}

func (h *history) len() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.done)
}

// until waits until so many are noted; false if done is closed before.
func (h *history) until(calls int, done <-chan struct{}) bool {
	for {
		h.mu.Lock()
		if len(h.done) >= calls {
			h.mu.Unlock()
			return true
		}
		if h.grown == nil {
			h.grown = make(chan struct{})
		}
		grown := h.grown
		h.mu.Unlock()
		select {
		case <-grown:
		case <-done:
			return false
		}
	}
}

// clerk is an officer's desk at one of the parties: one call at a time, to the
// node that it prefers, and to the next where that one gives no answer.
type clerk struct {
	id        int
	by        party
	house     *house
	at        int // the node
	random    *rand.Rand
	history   *history
	referrals []string
	etags     map[string]string // as it was told them last
}

// who are the parties' systems.
var who = [...]string{sender: jisrtest.Police, receiver: jisrtest.Shelter}

// work makes so many calls.
func (c *clerk) work(calls int) {
	c.etags = make(map[string]string)
	for range calls {
		a := asked{referral: c.referrals[c.random.IntN(len(c.referrals))], by: c.by}
		switch n := c.random.IntN(10); {
		case n < 3:
			c.do(a, "")
			continue
		case n < 4:
			c.list()
			continue
		}
		a.verb = c.verb()
		if c.random.IntN(2) == 0 {
			a.etag = c.etags[a.referral]
		}
		id := ""
		if c.random.IntN(4) > 0 {
			id = uuid(c.random)
		}
		c.do(a, id)
	}
}

// verb draws a step; those that go round and round most of the time, those that end it seldom.
func (c *clerk) verb() string {
	often, seldom := []string{"Send"}, []string{"Withdraw"}
	if c.by == receiver {
		often, seldom = []string{"Receive", "Return", "Return"}, []string{"Accept", "Start", "Reject", "Complete", "Discontinue"}
	}
	if c.random.IntN(12) == 0 {
		return seldom[c.random.IntN(len(seldom))]
	}
	return often[c.random.IntN(len(often))]
}

// do makes a call until it is known what became of it, if it can be repeated: to
// one node after the other, at the pace of a load.
func (c *clerk) do(a asked, requestID string) {
	began := c.history.now()
	open := false // an earlier try may have done it, or may do it yet
	note := func(t told, from int64) {
		c.history.note(porcupine.Operation{ClientId: c.id, Input: a, Call: from, Output: t, Return: c.history.now()})
	}
	next := time.NewTicker(pace)
	defer next.Stop()
	for end := time.Now().Add(limit); time.Now().Before(end); <-next.C {
		from := c.history.now()
		reply, reached, err := c.send(a, requestID)
		reason := jisrtest.Reason(err)
		switch {
		case err == nil:
			c.etags[a.referral] = reply.GetEtag()
			note(told{state: reply.GetState(), etag: reply.GetEtag()}, began)
			return
		case reason == fault.NotFound, reason == fault.Conflict, reason == fault.TransitionNotAllowed:
			if open {
				note(told{nothing: true}, began)
			}
			note(told{refused: reason}, from)
			return
		case !reached, undone(reason):
			// Nothing was done. Where something was all the same, no history explains it.
		case a.verb == "":
			return // what was read and not told harms nobody
		case !uncertain(err, reason):
			c.house.t.Errorf("%s is answered %v", describe(a, told{}), err)
			return
		default:
			open = true
			c.history.missed()
		}
		if open && requestID == "" {
			break
		}
		c.at = (c.at + 1) % len(c.house.nodes)
	}
	if open {
		note(told{nothing: true}, began)
	}
}

// undone reports whether the exchange said that nothing was done.
func undone(r fault.Reason) bool {
	switch r {
	case fault.StoreUnavailable, fault.LogUnavailable, fault.BudgetExceeded, fault.CertificateUnchecked:
		return true
	}
	return false
}

// send makes a call once, and says whether it left at all.
func (c *clerk) send(a asked, requestID string) (reply *jisrv1.Referral, reached bool, err error) {
	patience := 20 * time.Second
	if c.random.IntN(20) == 0 {
		patience = time.Duration(1+c.random.IntN(20)) * time.Millisecond
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var to peer.Peer
	reply, err = call(ctx, c.house.nodes[c.at].as(who[a.by]), a, requestID, grpc.Peer(&to))
	return reply, to.Addr != nil, err
}

// list reads all of the case's referrals at once, which is to read each of them.
func (c *clerk) list() {
	from := c.history.now()
	parent, _, _ := strings.Cut(c.referrals[0], "/referrals/")
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	reply, err := c.house.nodes[c.at].as(who[c.by]).ListReferrals(ctx, jisrv1.ListReferralsRequest_builder{Parent: parent, PageSize: 100}.Build())
	if err != nil && (c.by != receiver || jisrtest.Reason(err) != fault.NotFound) {
		return
	}
	there := make(map[string]told)
	for _, r := range reply.GetReferrals() {
		there[r.GetName()] = told{state: r.GetState(), etag: r.GetEtag()}
	}
	for _, name := range c.referrals {
		t, ok := there[name]
		if !ok {
			t = told{refused: fault.NotFound}
		}
		c.history.note(porcupine.Operation{ClientId: c.id, Input: asked{referral: name, by: c.by}, Call: from, Output: t, Return: c.history.now()})
	}
}

// linear fails the test where no order of the calls explains what was told.
func (h *history) linear(t testing.TB) {
	t.Helper()
	if !h.explained(t) {
		t.Errorf("no order of the calls explains what was told: %s", h.drawn(t))
	}
}
