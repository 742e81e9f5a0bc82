package crash_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/jisrtest"
)

// volume is a disk that can be filled and freed.
type volume struct {
	fill, free func()
}

// smallVolume mounts a small volume under the database; nil where
// this user may not mount.
func (x *exchange) smallVolume() *volume {
	x.t.Helper()
	err := unix.Mount("jisr-crash", x.data(), "tmpfs", 0, "size=24m")
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) {
		return nil
	}
	x.must(err)
	x.t.Cleanup(func() {
		if err := unix.Unmount(x.data(), unix.MNT_DETACH); err != nil {
			x.t.Error(err)
		}
	})
	ballast := filepath.Join(x.data(), "ballast")
	return &volume{
		fill: func() {
			f, err := os.Create(ballast)
			x.must(err)
			for block := make([]byte, 4096); err == nil; {
				_, err = f.Write(block)
			}
			if !errors.Is(err, unix.ENOSPC) {
				x.t.Error(err)
			}
			x.must(f.Close())
		},
		free: func() { x.must(os.Remove(ballast)) },
	}
}

// toldFull is a volume that is full because the kernel says so, for who may not
// mount one; it fills between two writes of one commit.
func (x *exchange) toldFull() *volume {
	x.disk = &disk{reach: writes}
	return &volume{
		fill: func() {
			x.disk.on(func(op operation) syscall.Errno {
				// The keyring lies on another. Where this user may not see the file, all are one.
				if op.Kind == "sync" || op.Path != "" && !strings.HasPrefix(op.Path, x.data()) {
					return 0
				}
				return syscall.ENOSPC
			})
		},
		free: func() { x.disk.on(nil) },
	}
}

func TestFullDiskReleasesNothingAndRecovers(t *testing.T) {
	t.Run("a small volume", func(t *testing.T) {
		x := install(t)
		v := x.smallVolume()
		if v == nil {
			t.Skip("mounting is not permitted; the volume that is told full proves the same")
		}
		fullDisk(t, x, v)
	})
	t.Run("a volume that is told full", func(t *testing.T) {
		x := install(t)
		fullDisk(t, x, x.toldFull())
	})
}

func fullDisk(t *testing.T, x *exchange, v *volume) {
	x.start()
	w := x.settle(rand.Uint64())
	health, err := x.as(jisrtest.Police).Health.Watch(bounded(t), &grpc_health_v1.HealthCheckRequest{})
	x.must(err)
	expect := func(want grpc_health_v1.HealthCheckResponse_ServingStatus) {
		t.Helper()
		got, err := health.Recv()
		x.must(err)
		if got.GetStatus() != want {
			t.Fatalf("health says %v, not %v", got.GetStatus(), want)
		}
	}
	expect(grpc_health_v1.HealthCheckResponse_SERVING)

	// The volume is filled under load; agencies go on calling whatever they are told.
	stop, loaded := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(loaded)
		x.persist(w, stop)
	}()
	w.book.until(t, w.book.len()+100)
	v.fill()
	expect(grpc_health_v1.HealthCheckResponse_NOT_SERVING)
	// Which part of it is not well is told, too, once each was asked: what little room
	// there is left at first may be enough for one and not for the other.
	x.tells(http.StatusServiceUnavailable, "whole NOT_SERVING\nstore NOT_SERVING\nlog NOT_SERVING\nkeyring SERVING\nrevocation SERVING\n")
	close(stop)
	<-loaded
	full := w.book.len()
	x.exhaust(w)

	// From here on nothing is released and nothing changes.
	before, err := x.openLedger(x.database())
	x.must(err)
	for i := range w.desks {
		d := &w.desks[i]
		for _, c := range []*call{
			w.read(jisrtest.Police, d.changed), w.read(jisrtest.Judge, d.consented), w.updateVictim(d.changed), w.createVictim(), w.notify(w.knocks), w.consent(d.consented),
			w.read(jisrtest.Judge, "cases/aaaaaaaaaaaaaaaaaaaaaaaaaa/victims/aaaaaaaaaaaaaaaaaaaaaaaaaa"), // a refusal is an entry, too
		} {
			x.refusedForTheLog(c)
		}
	}
	after, err := x.openLedger(x.database())
	x.must(err)
	if len(after.entries) != len(before.entries) || len(after.records) != len(before.records) {
		t.Errorf("on a full disk %d entries became %d and %d records %d", len(before.entries), len(after.entries), len(before.records), len(after.records))
	}
	if got := x.alive(); got != grpc_health_v1.HealthCheckResponse_NOT_SERVING {
		t.Errorf("health says %v on a full disk", got)
	}

	v.free()
	expect(grpc_health_v1.HealthCheckResponse_SERVING)
	if code, text := x.ask("/readyz"); code != http.StatusOK {
		t.Errorf("after the disk was freed the operators' port tells %d\n%s", code, text)
	}
	for i := range w.desks {
		x.made(w.read(jisrtest.Police, w.desks[i].changed))
		x.made(w.updateVictim(w.desks[i].changed))
	}
	// A refused change was refused: sent again it has its one effect.
	for _, c := range w.book.since(full) {
		if !c.reads() && c.refused() && c.RPC != "CaseService/UpdateVictim" {
			x.made(c)
		}
	}
	x.repeat(w.book)
	x.report(x.readBack(w.book, w.book.told()))
	x.stop()
	x.audited(w.book)
}

// exhaust reads and changes, as little as there is, until the last room is used up:
// a volume without room for a probe may have some for an entry, and then an entry is
// written and its reply released, rightly.
func (x *exchange) exhaust(w *world) {
	x.t.Helper()
	const enough = 64
	for refused, tries := 0, 0; refused < enough; tries++ {
		if tries == 10_000 {
			x.t.Fatal("the disk is full and calls go on being answered")
		}
		c := w.read(jisrtest.Police, w.desks[0].changed)
		if tries%2 == 1 {
			c = w.updateVictim(w.desks[0].changed)
		}
		if refused++; c.send(context.Background(), x.as(c.Who)) == nil {
			refused = 0
		}
	}
}

// refusedForTheLog makes a call that must be refused because nothing can be written down.
func (x *exchange) refusedForTheLog(c *call) {
	x.t.Helper()
	err := c.send(context.Background(), x.as(c.Who))
	if reason := jisrtest.Reason(err); status.Code(err) != codes.Unavailable || reason != fault.LogUnavailable && reason != fault.StoreUnavailable {
		x.t.Errorf("%s %s on a full disk: %v %v", c.ID, c.RPC, reason, err)
	}
	if c.Reply != nil {
		x.t.Errorf("%s %s on a full disk was told %d bytes", c.ID, c.RPC, len(c.Receipt))
	}
}

// persist is load that goes on after a refusal, as agencies do.
func (x *exchange) persist(w *world, stop <-chan struct{}) {
	var refused atomic.Int32
	clients := map[string]*jisrtest.Client{jisrtest.Police: x.as(jisrtest.Police), jisrtest.Judge: x.as(jisrtest.Judge)}
	done := make(chan struct{}, inFlight)
	for i := range w.desks {
		go func() {
			defer func() { done <- struct{}{} }()
			for range 100_000 {
				select {
				case <-stop:
					return
				default:
				}
				c := w.next(&w.desks[i])
				if c.send(context.Background(), clients[c.Who]) != nil {
					refused.Add(1)
				}
			}
		}()
	}
	for range w.desks {
		<-done
	}
	if refused.Load() == 0 {
		x.t.Error("the disk was full and no call was refused")
	}
}
