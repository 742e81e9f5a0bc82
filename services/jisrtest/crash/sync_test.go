package crash_test

import (
	"context"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/jisrtest"
)

// gateway holds every fsync while it is closed.
type gateway struct {
	waiting chan struct{} // one for each that began to wait
	open    chan struct{}
}

func closedGateway() *gateway {
	return &gateway{waiting: make(chan struct{}, 1024), open: make(chan struct{})}
}

func (g *gateway) rule(op operation) syscall.Errno {
	if op.Kind == "sync" {
		g.waiting <- struct{}{}
		<-g.open
	}
	return 0
}

// await returns when a process waits for its disk.
func (g *gateway) await(t testing.TB) {
	t.Helper()
	select {
	case <-g.waiting:
	case <-bounded(t).Done():
		t.Fatal("nothing was synced")
	}
}

func TestNothingIsAnsweredBeforeTheDiskHasIt(t *testing.T) {
	x := install(t)
	x.disk = &disk{}
	x.start()
	w := x.settle(rand.Uint64())
	g := closedGateway()
	x.disk.on(g.rule)
	var answered atomic.Int32
	var wg sync.WaitGroup
	for i := range w.desks {
		c := w.read(jisrtest.Police, w.desks[i].changed)
		if i%2 == 0 {
			c = w.updateVictim(w.desks[i].changed)
		}
		client := x.as(c.Who)
		wg.Go(func() {
			if err := c.send(context.Background(), client); err != nil {
				t.Error(err)
			}
			answered.Add(1)
		})
	}
	g.await(t)
	// The server is not deaf: what needs no entry is answered all the while, and
	// gives an early reply the time to be seen. That its disk is slow it may say.
	for range 100 {
		if got := x.alive(); got == grpc_health_v1.HealthCheckResponse_UNKNOWN {
			t.Errorf("health says %v", got)
		}
	}
	if n := answered.Load(); n > 0 {
		t.Errorf("%d calls were answered while their entries were not on the disk", n)
	}
	close(g.open)
	wg.Wait()
	x.stop()
	x.audited(w.book)
}

func TestEntryIsWrittenEvenIfTheClientHungUp(t *testing.T) {
	x := install(t)
	x.disk = &disk{}
	x.start()
	w := x.settle(rand.Uint64())
	for range 10 {
		g := closedGateway()
		x.disk.on(g.rule)
		c := w.read(jisrtest.Police, w.desks[0].changed)
		ctx, hangUp := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		client := x.as(c.Who)
		go func() { ended <- c.send(ctx, client) }()
		g.await(t) // its entry is being written
		hangUp()
		if err := <-ended; status.Code(err) != codes.Canceled {
			t.Fatalf("the call ended with %v before its client hung up", err)
		}
		close(g.open)
		x.disk.on(nil)
		x.made(w.read(jisrtest.Police, w.desks[0].changed)) // the server has gone on
		l, err := x.openLedger(x.database())
		x.must(err)
		if len(l.officers[c.ID]) != 1 {
			t.Errorf("%s hung up and left %d entries", c.ID, len(l.officers[c.ID]))
		}
	}
	x.stop()
	x.audited(w.book)
}

func TestDiskThatForgetsEndsTheProcessAndNoCallIsToldOK(t *testing.T) {
	x := install(t)
	x.disk = &disk{}
	x.start()
	w := x.settle(rand.Uint64())
	random := rand.New(rand.NewPCG(w.seed, inFlight))
	uncertain := 0
	for i := range 12 {
		// Mostly an early sync, which is a commit's; some among so many that
		// there are checkpoints, too.
		left := 1 + random.IntN(30)
		if i%4 == 0 {
			left += 200
		}
		uncertain += x.forget(w, func(op operation) bool {
			if op.Path == x.dir || op.Path == x.data() {
				return false // SQLite asks for a directory's sync and does not look at the answer
			}
			// Most syncs are of reads' entries: every other time one of a commit is met.
			if i%2 == 1 && op.Path != "" && filepath.Base(op.Path) != "jisr.db-wal" {
				return false
			}
			left--
			// Once, as disks do: what reported an error is well again, and has
			// forgotten. Where this user may not see the file, until the process ends.
			return left == 0 || left < 0 && op.Path == ""
		})
	}
	x.stop()
	x.audited(w.book)
	t.Logf("%d calls, %d of them told that their outcome is unknown", w.book.len(), uncertain)
	if uncertain == 0 {
		t.Error("no call was told that its outcome is unknown")
	}
}

func TestCheckpointThatFailsEndsTheProcessAndLosesNothing(t *testing.T) {
	x := install(t)
	x.disk = &disk{}
	x.start()
	w := x.settle(rand.Uint64())
	met := false
	x.forget(w, func(op operation) bool {
		// Where this user may not see the file, any sync must do.
		hit := !met && (op.Path == "" || filepath.Base(op.Path) == "jisr.db")
		met = met || hit
		return hit
	})
	x.stop()
	x.audited(w.book)
}

// Whoever asks for the keyring's health writes there, too, and hears what a change
// would have heard.
func TestKeyringThatForgetsEndsTheProcess(t *testing.T) {
	x := install(t)
	x.disk = &disk{}
	x.start()
	w := x.settle(rand.Uint64())
	met := false
	x.forget(w, func(op operation) bool {
		hit := !met && (op.Path == "" || strings.HasPrefix(filepath.Base(op.Path), "keyring.db"))
		met = met || hit
		return hit
	})
	x.stop()
	x.audited(w.book)
}

// forget loads an exchange whose disk fails the syncs that fails names, until
// the process has ended; then it starts it again and holds it to all that it
// answered. It returns how many calls were told that nobody knows.
func (x *exchange) forget(w *world, fails func(operation) bool) (uncertain int) {
	x.t.Helper()
	from := w.book.len()
	var mu sync.Mutex
	x.disk.on(func(op operation) syscall.Errno {
		mu.Lock()
		defer mu.Unlock()
		if op.Kind == "sync" && fails(op) {
			return syscall.EIO
		}
		return 0
	})
	x.load(w, nil)
	if code := x.wait(); code != 1 {
		x.t.Fatalf("jisrd ended with %d:\n%s", code, x.log)
	}
	for _, c := range w.book.since(from) {
		switch reason := jisrtest.Reason(c.Err); reason {
		case fault.OutcomeUnknown:
			uncertain++
		case "", fault.StoreUnavailable, fault.LogUnavailable: // answered, cut off, or after the error
		default:
			x.t.Errorf("%s %s was refused: %v", c.ID, c.RPC, c.Err)
		}
	}
	x.disk.on(nil)
	x.start()
	x.repeat(w.book)
	x.report(x.readBack(w.book, toldIn(w.book, from)))
	return uncertain
}
