package nodes_test

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/jisrtest"
	"github.com/jisr-exchange/jisr/services/postgres/throwaway"
)

// surviving is the promise that nothing is lost with a database node.
const surviving = "postgres:\n  survives_node_loss: true\n"

// split is an exchange whose standby was promoted while the primary lives on, with a
// node at each that knows of no other.
type split struct {
	*house
	first, second *throwaway.Cluster
	left, follows *node
	about         matter
	bare          string   // a case without referrals
	opened        []string // cases
	shared        string   // a referral of the person to the shelter, that was received
}

// newSplit makes one, and has some befall the node at the first server before.
func newSplit(t *testing.T, befall func(*node)) *split {
	t.Helper()
	first := throwaway.Durable(t)
	s := &split{first: first, second: first.Standby(t), house: newHouse(t, first)}
	s.more = surviving
	s.must(first.Synchronous())
	s.left = s.open(1).nodes[0]
	befall(s.left)
	s.about, s.bare = s.matter(), s.matter().name
	s.opened = []string{s.about.name, s.bare}
	s.shared = s.drafts(s.about, 1)[0]
	s.step(s.left, jisrtest.Police, sender, "Send")
	s.step(s.left, jisrtest.Shelter, receiver, "Receive")
	return s
}

func (s *split) step(n *node, who string, by party, verb string) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	_, err := call(ctx, n.as(who), asked{referral: s.shared, by: by, verb: verb}, "")
	s.must(err)
}

// part promotes the standby, gives it one of its own, and starts a node there.
func (s *split) part() {
	s.t.Helper()
	s.must(s.second.Promote())
	s.second.Standby(s.t.(*testing.T))
	s.must(s.second.Synchronous())
	at := func(database string) string {
		return strings.Replace(database, escaped(s.first), escaped(s.second), 1)
	}
	s.follows = s.node(at(s.cases), at(s.keys))
	s.follows.start()
}

// asks are calls by their names.
type asks map[string]func(context.Context, *node) error

// every is calls of every kind: of what is there and what is not, and of changes.
func (s *split) every() asks {
	victim := func(who, name string) func(context.Context, *node) error {
		return func(ctx context.Context, n *node) error {
			_, err := n.as(who).GetVictim(ctx, jisrv1.GetVictimRequest_builder{Name: name}.Build())
			return err
		}
	}
	all := asks{
		"its owner reads a person":                 victim(jisrtest.Police, s.about.victim),
		"the shelter reads a person":               victim(jisrtest.Shelter, s.about.victim),
		"somebody reads what is not there":         victim(jisrtest.Police, s.about.victim[:len(s.about.victim)-4]+"aaaa"),
		"the shelter reads the referral":           s.stepping("", ""),
		"the shelter completes what was not begun": s.stepping("Complete", ""),
		"somebody lists what there is": func(ctx context.Context, n *node) error {
			_, err := n.as(jisrtest.Police).ListReferrals(ctx, jisrv1.ListReferralsRequest_builder{Parent: s.about.name}.Build())
			return err
		},
		"somebody opens a case": func(ctx context.Context, n *node) error {
			c, err := n.as(jisrtest.Police).CreateCase(ctx, jisrv1.CreateCaseRequest_builder{Case: jisrtest.BaghdadCase()}.Build())
			if err == nil {
				s.opened = append(s.opened, c.GetName())
			}
			return err
		},
		"somebody asks what opens a record": func(ctx context.Context, n *node) error {
			_, err := n.as(jisrtest.Police).ExplainAccess(ctx, jisrv1.ExplainAccessRequest_builder{Name: s.about.victim}.Build())
			return err
		},
	}
	maps.Copy(all, s.unentered())
	return all
}

// unentered are calls whose answer leaves no entry.
func (s *split) unentered() asks {
	return asks{
		"somebody lists what is empty": func(ctx context.Context, n *node) error {
			_, err := n.as(jisrtest.Police).ListReferrals(ctx, jisrv1.ListReferralsRequest_builder{Parent: s.bare}.Build())
			return err
		},
		"somebody asks which agreement is in force": func(ctx context.Context, n *node) error {
			_, err := n.as(jisrtest.Police).GetAgreement(ctx, &jisrv1.GetAgreementRequest{})
			return err
		},
		"the shelter accepts what it saw otherwise": s.stepping("Accept", "another"),
	}
}

// stepping has the shelter do something about the referral.
func (s *split) stepping(verb, etag string) func(context.Context, *node) error {
	return func(ctx context.Context, n *node) error {
		_, err := call(ctx, n.as(jisrtest.Shelter), asked{referral: s.shared, by: receiver, verb: verb, etag: etag}, "")
		return err
	}
}

// answered makes all the calls to a node at once, and returns the names of those that
// were answered in any way.
func (a asks) answered(n *node, within time.Duration) (names []string) {
	var all sync.WaitGroup
	var mu sync.Mutex
	for name, ask := range a {
		all.Go(func() {
			ctx, cancel := context.WithTimeout(context.Background(), within)
			defer cancel()
			err := ask(ctx, n)
			reason := jisrtest.Reason(err)
			if err == nil || !undone(reason) && !uncertain(err, reason) {
				mu.Lock()
				defer mu.Unlock()
				names = append(names, name)
			}
		})
	}
	all.Wait()
	slices.Sort(names)
	return names
}

func TestAPrimaryThatWasLeftAnswersNothingAndTheNewOneEverything(t *testing.T) {
	t.Parallel()
	s := newSplit(t, func(*node) {})
	every := s.every()
	if got := every.answered(s.left, limit); len(got) != len(every) {
		t.Errorf("control: before, answers come only where %s", strings.Join(got, ", "))
	}
	l := s.load()
	l.more(20)
	s.part()
	// One is under way at the old primary, and nobody knows until that is gone.
	const id = "6f9619ff-8b86-4d01-b42d-00c04fc964ff"
	pending := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		defer cancel()
		_, err := s.left.as(jisrtest.Police).CreateCase(ctx, jisrv1.CreateCaseRequest_builder{Case: jisrtest.BaghdadCase(), RequestId: id}.Build())
		pending <- err
	}()
	// What was revoked and what was agreed at the new one.
	s.step(s.follows, jisrtest.Police, sender, "Withdraw")
	file := filepath.Join(s.dir, "agreement.txtpb")
	text, err := os.ReadFile(file)
	s.must(err)
	s.must(os.WriteFile(file, append(text, "\n# another text\n"...), 0o600))
	s.follows.process.Signal(syscall.SIGHUP)
	s.follows.log.Until(t, "agreement in force")

	if names := every.answered(s.left, waiting); len(names) != 0 {
		t.Errorf("a primary that was left answers where %s", strings.Join(names, ", "))
	}
	s.until("the node at the primary that was left says that it is not well", s.left.ill)
	if names := every.answered(s.follows, limit); len(names) != len(every) {
		t.Errorf("the new primary answers only where %s", strings.Join(names, ", "))
	}
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	_, err = s.follows.as(jisrtest.Shelter).GetVictim(ctx, jisrv1.GetVictimRequest_builder{Name: s.about.victim}.Build())
	jisrtest.Refused(t, err, fault.NotFound)

	// It is ended at last: what waited was uncertain, and asked again it is done once.
	s.must(s.first.Kill())
	if err := <-pending; err == nil || !undone(jisrtest.Reason(err)) && !uncertain(err, jisrtest.Reason(err)) {
		t.Errorf("a change that waited for a standby that never came is answered %v", err)
	}
	l.noteOpen(id)
	for _, name := range s.opened {
		l.noteMade(name, name)
	}
	s.nodes = []*node{s.follows}
	s.moved(s.second)
	l.settle(t)
}

// Controls: whoever does not ask for a standby is answered from the past, and a change
// that waits for none is acknowledged and lost; which is why the promise is not given.
func TestAPrimaryThatWasLeftIsFoundAnsweringWhereNobodyAsksForAStandby(t *testing.T) {
	t.Parallel()
	t.Run("answers without an entry", func(t *testing.T) {
		t.Parallel()
		s := newSplit(t, func(n *node) {
			n.line.tellInstead(`^SELECT pg_logical_emit_message\(true, \$1, ''\)$`, `SELECT $1::text`)
		})
		s.must(s.second.Promote())
		calls := s.unentered()
		if got := calls.answered(s.left, limit); len(got) != len(calls) {
			t.Errorf("nobody noticed but by %q", got)
		}
		if s.left.line.twisted() == 0 {
			t.Error("the node never asked for a standby")
		}
	})
	t.Run("everything", func(t *testing.T) {
		t.Parallel()
		first := throwaway.Durable(t)
		second := first.Standby(t)
		h := newHouse(t, first)
		h.open(1)
		h.nodes[0].log.Until(t, "may be lost with its server")
		l := h.load()
		l.more(20)
		h.must(second.Promote())
		l.more(20)
		l.stop()
		l.desks.Wait()
		h.moved(second)
		if len(l.audit()) == 0 {
			t.Error("nobody missed what a primary that was left has acknowledged")
		}
		promised := h.node(h.cases, h.keys)
		h.more = surviving
		promised.refusedWith("no standby is waited for")
	})
}

func TestANodeThatKnowsBothServersLeavesAPrimaryThatLivesOn(t *testing.T) {
	t.Parallel()
	first := throwaway.Durable(t)
	second := first.Standby(t)
	h := newHouse(t, first)
	h.more = surviving
	h.over(second, 2)
	l := h.load()
	l.more(20)
	h.must(second.Promote())
	second.Standby(t)
	h.must(second.Synchronous())
	h.moved(second)
	l.more(20)
	for _, n := range h.nodes {
		h.until("a node is well again", n.well)
	}
	h.until("keys and wake-ups are the new primary's, too", func() bool {
		var there bool
		h.ask(&there, `SELECT COUNT(*) FILTER (WHERE application_name LIKE 'jisr wake-ups %') = 2 AND COUNT(DISTINCT datname) FILTER (WHERE application_name LIKE 'jisr%') = 2 FROM pg_stat_activity`)
		return there
	})
	l.settle(t)
	if first.Ended() {
		t.Error("the primary that was left has ended by itself")
	}
}
