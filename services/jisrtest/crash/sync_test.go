package crash_test

import (
	"context"
	"errors"
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
	if op.Sync {
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
	// gives an early reply the time to be seen.
	for range 100 {
		if got := x.alive(); got != grpc_health_v1.HealthCheckResponse_SERVING {
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
		l, err := openLedger(x.database())
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
	var uncertain int
	for range 10 {
		from := w.book.len()
		left := 1 + random.IntN(30)
		var mu sync.Mutex
		x.disk.on(func(op operation) syscall.Errno {
			if !op.Sync || inKeyring(op) {
				return 0
			}
			mu.Lock()
			defer mu.Unlock()
			if left--; left == 0 {
				return syscall.EIO // once: a disk that reports an error has forgotten, and is well again
			}
			return 0
		})
		x.load(w, nil)
		if code := x.wait(); code != 1 {
			t.Fatalf("jisrd ended with %d:\n%s", code, x.log)
		}
		for _, c := range w.book.since(from) {
			if c.refused() && jisrtest.Reason(c.Err) != fault.StoreUnavailable && jisrtest.Reason(c.Err) != fault.LogUnavailable {
				t.Errorf("%s %s was refused: %v", c.ID, c.RPC, c.Err)
			}
			if errors.Is(fault.New(jisrtest.Reason(c.Err)), fault.New(fault.OutcomeUnknown)) {
				uncertain++
			}
		}
		x.disk.on(nil)
		x.start()
		x.repeat(w.book)
		x.report(x.readBack(w.book, toldIn(w.book, from)))
	}
	x.stop()
	x.audited(w.book)
	t.Logf("%d calls, %d of them told that their outcome is unknown", w.book.len(), uncertain)
}

// A checkpoint moves what is durable already, so that an error there is no
// loss: the pages are moved again by the next one.
func TestCheckpointThatFailsLosesNothing(t *testing.T) {
	x := install(t)
	x.disk = &disk{}
	x.start()
	w := x.settle(rand.Uint64())
	const enough = 5
	stop := make(chan struct{})
	var failed, unseen atomic.Int32
	x.disk.on(func(op operation) syscall.Errno {
		switch {
		case op.Path == "":
			if unseen.Add(1) == enough {
				close(stop)
			}
		case op.Sync && filepath.Base(op.Path) == "jisr.db":
			if failed.Add(1) == enough {
				close(stop)
			}
			return syscall.EIO
		}
		return 0
	})
	x.load(w, stop)
	x.kill()
	if unseen.Load() > 0 {
		t.Skip("this user may not see which file a process syncs")
	}
	x.disk.on(nil)
	x.start()
	x.repeat(w.book)
	x.report(x.readBack(w.book, w.book.told()))
	x.stop()
	x.audited(w.book)
	t.Logf("%d checkpoints failed under %d calls", failed.Load(), w.book.len())
}

// inKeyring tells the keyring's files, which have a folder of their own.
func inKeyring(op operation) bool { return strings.HasPrefix(filepath.Base(op.Path), "keyring.db") }
