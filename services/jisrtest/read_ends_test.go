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
	"github.com/jisr-exchange/jisr/services/agreement"
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

// TestNothingIsReleasedByAnAgreementAfterTheNextWasAdopted lets many read while
// one edition follows another: what is asked after an edition was adopted is
// answered by that one or by a later one, and its entry says so.
func TestNothingIsReleasedByAnAgreementAfterTheNextWasAdopted(t *testing.T) {
	p := baghdad(t)
	police := policeOf(p)
	const editions = 25
	var order sync.Map // of an agreement's hash, which edition it is
	order.Store(p.Law().Hash(), 0)
	texts := make([][]byte, 1+editions)
	for n := 1; n <= editions; n++ {
		texts[n] = fmt.Appendf(jisrtest.Agreement(t), "# edition %d\n", n)
		law, err := agreement.Parse(texts[n])
		must(t, err)
		order.Store(law.Hash(), n)
	}
	var stop atomic.Bool
	var readers sync.WaitGroup
	var read, adopted atomic.Int64
	for range 8 {
		readers.Go(func() {
			for !stop.Load() {
				least := adopted.Load()
				var header metadata.MD
				_, err := police.GetVictim(ctx, jisrv1.GetVictimRequest_builder{Name: p.First}.Build(), grpc.Header(&header))
				read.Add(1)
				// A read whose agreement changed under it is refused, and goes through the door again.
				if jisrtest.Reason(err) == fault.StoreUnavailable {
					continue
				}
				if err != nil {
					t.Error(err)
					return
				}
				by, known := order.Load(header.Get("jisr-agreement")[0])
				if !known || int64(by.(int)) < least {
					t.Errorf("asked after edition %d was adopted, and answered by %v", least, by)
				}
			}
		})
	}
	for n := 1; n <= editions; n++ {
		for seen := read.Load(); read.Load() < seen+8; { // each edition is read by
			runtime.Gosched()
		}
		p.Adopt(texts[n])
		adopted.Store(int64(n))
	}
	stop.Store(true)
	readers.Wait()
	p.Stop()
	entries := make(map[int]int) // disclosures by edition
	for _, leaf := range logOf(t, p.Exchange) {
		if leaf.GetKind() == jisrv1.LogEntry_KIND_DISCLOSED {
			by, _ := order.Load(leaf.GetAgreement())
			entries[by.(int)]++
		}
	}
	if len(entries) < editions {
		t.Errorf("disclosures by %d of %d editions are in the log: nothing was proven", len(entries), editions)
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
