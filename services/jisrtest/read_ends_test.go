package jisrtest_test

import (
	"testing"
	"time"

	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/jisrtest"
)

func TestAReadBegunBeforeTheAgreementChangedIsNotReleasedAfter(t *testing.T) {
	m := &moment{}
	p := baghdad(t, jisrtest.WithClock(m.now))
	m.meanwhile(func() { p.Adopt(append(jisrtest.Agreement(t), "# the next edition\n"...)) })
	refused(getVictim(policeOf(p), p.First))(t, fault.StoreUnavailable)
	m.done(t)
	got(getVictim(policeOf(p), p.First))(t) // through the door again, by the agreement of now
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
