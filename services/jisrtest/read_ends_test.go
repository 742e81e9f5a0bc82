package jisrtest_test

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/jisrtest"
)

func TestAReadBegunBeforeTheAgreementChangedIsNotReleasedAfter(t *testing.T) {
	m := &moment{}
	p := baghdad(t, jisrtest.WithClock(m.now))
	m.meanwhile(func() { p.Adopt(without(t, jisrv1.Role_ROLE_COUNTER_TRAFFICKING, "CaseService/GetVictim")) })
	refused(getVictim(policeOf(p), p.First))(t, fault.MethodNotGranted)
	m.done(t)
	p.Adopt(jisrtest.Agreement(t))
	m.meanwhile(func() { p.Adopt(append(jisrtest.Agreement(t), "# the next edition\n"...)) })
	var header metadata.MD
	got(policeOf(p).GetVictim(ctx, jisrv1.GetVictimRequest_builder{Name: p.First}.Build(), grpc.Header(&header)))(t)
	m.done(t)
	if said := header.Get("jisr-agreement"); len(said) != 1 || said[0] != p.Law().Hash() {
		t.Errorf("what another edition still grants is answered by %v, and not by the one in force", said)
	}
}

// TestNothingIsReleasedByAnAgreementAfterTheEntryOfTheNext lets many read while
// one edition follows another, and asks the log, in the order in which it was
// written: what an agreement decided stands before the entry of the next.
func TestNothingIsReleasedByAnAgreementAfterTheEntryOfTheNext(t *testing.T) {
	p := baghdad(t)
	police := policeOf(p)
	var stop atomic.Bool
	var readers sync.WaitGroup
	var read atomic.Int64
	for range 8 {
		readers.Go(func() {
			for !stop.Load() {
				// A read whose agreement changed under it is refused, and goes through the door again.
				if _, err := getVictim(police, p.First); err != nil && jisrtest.Reason(err) != fault.StoreUnavailable {
					t.Error(err)
					return
				}
				read.Add(1)
			}
		})
	}
	const editions = 25
	for n := range editions {
		for seen := read.Load(); read.Load() < seen+8; { // each edition is read by
			runtime.Gosched()
		}
		p.Adopt(fmt.Appendf(jisrtest.Agreement(t), "# edition %d\n", n))
	}
	stop.Store(true)
	readers.Wait()
	p.Stop()
	var inForce string
	adopted, shown := 0, 0
	for _, leaf := range logOf(t, p.Exchange) {
		switch leaf.GetKind() {
		case jisrv1.LogEntry_KIND_AGREEMENT:
			inForce = leaf.GetAgreement()
			adopted++
		case jisrv1.LogEntry_KIND_DISCLOSED, jisrv1.LogEntry_KIND_CHANGED:
			shown++
			if leaf.GetAgreement() != inForce && inTurn() {
				t.Errorf("entry %d of what was released names an agreement that no longer was in force, after %d editions", shown, adopted)
			}
		}
	}
	if adopted != 1+editions || shown < editions {
		t.Errorf("%d agreements and %d disclosures are in the log: nothing was proven", adopted, shown)
	}
}

func TestAFileEndsWhereTheCertificateDoes(t *testing.T) {
	m := &moment{}
	p := baghdad(t, jisrtest.WithClock(m.now))
	if parts := got(recvFile(policeOf(p), p.Case))(t); len(parts) < 3 {
		t.Fatalf("a file of %d parts cannot end in its midst", len(parts))
	}
	m.meanwhile(func() { m.passed.Store(int64(365 * 24 * time.Hour)) })
	refused(recvFile(policeOf(p), p.Case))(t, fault.CertificateExpired)
	m.done(t)
}
