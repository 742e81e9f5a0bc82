package nodes_test

import (
	"context"
	"os"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/jisrtest"
	"github.com/jisr-exchange/jisr/services/postgres/throwaway"
)

const (
	// bound is how much memory a node may hold, whatever its database does.
	bound = 256 << 20
	// slack is how many goroutines may come and go by themselves.
	slack = 16
)

// trouble is something that befalls the database.
type trouble struct {
	settings []string // of the server
	partly   bool     // reads are shown where their entry finds room, and refused else
	told     string   // what the log says why
	past     bool     // what is reached is of the past, and not even that something is not there is said
	prepare  func(*house)
	strike   func(*load)
	mend     func(*house)
}

var troubles = map[string]trouble{
	"it is killed and comes back": {
		strike: func(l *load) { l.house.must(l.house.cluster.Kill()) },
		mend:   func(h *house) { h.must(h.cluster.Start()) },
	},
	"it is stopped and comes back": {
		strike: func(l *load) { l.house.must(l.house.cluster.Stop()) },
		mend:   func(h *house) { h.must(h.cluster.Start()) },
	},
	"it says nothing for a while": {
		strike: func(l *load) { l.house.must(l.house.cluster.Pause()) },
		mend:   func(h *house) { h.must(h.cluster.Resume()) },
	},
	"it has no connection left": {
		settings: []string{"max_connections=40", "superuser_reserved_connections=0"},
		strike:   func(l *load) { l.house.takeConnections() },
		mend:     (*house).giveConnections,
	},
	"it takes no writes for a while": {
		strike: func(l *load) { l.house.must(l.house.cluster.Set("default_transaction_read_only", "on")) },
		mend:   func(h *house) { h.must(h.cluster.Set("default_transaction_read_only", "off")) },
	},
	"rights are taken from its role": {
		prepare: (*house).asServing,
		strike: func(l *load) {
			l.house.revoke("INSERT ON records")
			l.refused(10)
			l.house.revoke("INSERT ON log_entries")
		},
		mend: (*house).grant,
	},
	"its disk is made read-only": {
		prepare: (*house).onSmallDisk,
		strike:  func(l *load) { l.house.writeProtect() },
		mend:    (*house).writable,
	},
	"its disk is full": {
		partly:  true,
		told:    "SQLSTATE_53100",
		prepare: (*house).onSmallDisk,
		strike:  func(l *load) { l.house.fill() },
		mend:    func(h *house) { h.must(os.Remove(h.ballast())) },
	},
	"its disk is told full": {
		told:   "SQLSTATE_53100",
		strike: func(l *load) { l.house.tellFull() },
		mend:   (*house).tellFreed,
	},
}

func TestWhateverBefallsTheDatabaseIsToldAndOvercomeWithoutARestart(t *testing.T) {
	t.Parallel()
	for name, trouble := range troubles {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, throwaway.Durable(t, trouble.settings...))
			if trouble.prepare != nil {
				trouble.prepare(h)
			}
			h.open(2)
			h.overcomes(t, trouble)
		})
	}
}

// overcomes lets trouble come and go under load.
func (h *house) overcomes(t *testing.T, trouble trouble) {
	t.Helper()
	about := h.matter().name
	l := h.load()
	l.more(20)
	before := make(map[*node]int)
	for _, n := range h.nodes {
		before[n], _ = n.holds()
	}
	l.noteMade("beforehand", about)
	trouble.strike(l)
	for _, n := range h.nodes {
		h.until("a node says that it is not well", n.ill)
		if got := n.serving(); got == grpc_health_v1.HealthCheckResponse_SERVING {
			t.Error("agencies are told by health that the node serves")
		}
		if !trouble.partly {
			n.readsNothing(about)
		}
		if trouble.past && n.lists(about) {
			t.Error("a list is answered from the past")
		}
	}
	for _, n := range h.nodes {
		if _, memory := n.holds(); memory > bound {
			t.Errorf("a node holds %d MiB", memory>>20)
		}
	}
	trouble.mend(h)
	for _, n := range h.nodes {
		h.until("a node is well again", n.well)
		n.reads(about)
	}
	l.more(20)
	l.settle(t)
	for _, n := range h.nodes {
		h.until("what waited has gone", func() bool {
			now, _ := n.holds()
			return now <= before[n]+slack
		})
		if n.process == nil {
			t.Error("a node has ended")
		}
		if !strings.Contains(n.log.String(), trouble.told) {
			t.Errorf("no line of the log says %s:\n%s", trouble.told, n.log)
		}
		if strings.Contains(n.log.String(), "internal error") {
			t.Errorf("what befell the database is told as a fault of the node:\n%s", n.log)
		}
	}
}

func (n *node) read(about string) error {
	ctx, cancel := context.WithTimeout(context.Background(), waiting)
	defer cancel()
	_, err := n.as(jisrtest.Police).GetCase(ctx, jisrv1.GetCaseRequest_builder{Name: about}.Build())
	return err
}

// lists reports whether a list is answered in which there is nothing, and which leaves no entry.
func (n *node) lists(about string) bool {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	_, err := n.as(jisrtest.Police).ListReferrals(ctx, jisrv1.ListReferralsRequest_builder{Parent: about}.Build())
	if reason := jisrtest.Reason(err); err != nil && !undone(reason) {
		n.t.Errorf("a list is answered %v", err)
	}
	return err == nil
}

// readsNothing demands that nothing is shown, and that it is said why.
func (n *node) readsNothing(about string) {
	n.t.Helper()
	err := n.read(about)
	switch code := status.Code(err); {
	case code == codes.DeadlineExceeded: // it waits for the database
	case code != codes.Unavailable || !undone(jisrtest.Reason(err)):
		n.t.Errorf("while the database is away a read is answered %v", err)
	}
}

// reads demands that a case is shown, once the connections that were lost have been noticed.
func (n *node) reads(about string) {
	n.t.Helper()
	n.until("a case is read", func() bool {
		err := n.read(about)
		if err != nil && !undone(jisrtest.Reason(err)) {
			n.t.Fatal(err)
		}
		return err == nil
	})
}

// serving is what agencies are told by health.
func (n *node) serving() grpc_health_v1.HealthCheckResponse_ServingStatus {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	reply, err := n.as(jisrtest.Police).Health.Check(ctx, &grpc_health_v1.HealthCheckRequest{})
	n.must(err)
	return reply.GetStatus()
}
