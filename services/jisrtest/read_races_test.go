package jisrtest_test

import (
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/jisrtest"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// moment is a clock through which a test acts at one moment of a read: when the
// record has been loaded and opened, and its entry is about to be written. The
// page gate asks the time exactly then.
type moment struct {
	act    atomic.Pointer[func()]
	skip   atomic.Int64 // how many releases to let pass before
	passed atomic.Int64
}

func (m *moment) now() time.Time {
	if act := m.act.Load(); act != nil && releasing() && m.skip.Add(-1) < 0 && m.act.CompareAndSwap(act, nil) {
		(*act)()
	}
	return noon.Add(time.Duration(m.passed.Load()))
}

// releasing reports whether the page gate is asking.
func releasing() bool {
	var callers [12]uintptr
	frames := runtime.CallersFrames(callers[:runtime.Callers(3, callers[:])])
	for {
		f, more := frames.Next()
		if strings.HasSuffix(f.Function, "disclosure.(*Gate).release") {
			return true
		}
		if !more {
			return false
		}
	}
}

// meanwhile lets act happen in the midst of the next read.
func (m *moment) meanwhile(act func()) { m.after(0, act) }

// after lets act happen in the midst of the read after so many others.
func (m *moment) after(releases int, act func()) {
	m.skip.Store(int64(releases))
	m.act.Store(&act)
}

// done fails if the act has not happened: then nothing was proven.
func (m *moment) done(t testing.TB) {
	t.Helper()
	if m.act.Load() != nil {
		t.Fatal("the read ended without the moment that this test waits for")
	}
}

func TestAReadBegunBeforeAConsentEndedIsNotReleasedAfter(t *testing.T) {
	m := &moment{}
	p := baghdad(t, jisrtest.WithClock(m.now))
	p.Notify(jisrtest.Foreign)
	mofa := consular(p)
	file := func() bool {
		for _, part := range got(recvFile(mofa, p.Case))(t) {
			if part.GetVictim().HasIdentity() {
				return true
			}
		}
		return false
	}
	for _, way := range []struct {
		name  string
		after int // the case comes first in a file, then the victims
		read  func() bool
	}{
		{"get", 0, func() bool { return got(getVictim(mofa, p.First))(t).HasIdentity() }},
		{"list", 0, func() bool {
			for _, v := range got(mofa.ListVictims(ctx, jisrv1.ListVictimsRequest_builder{Parent: p.Case}.Build()))(t).GetVictims() {
				if v.HasIdentity() {
					return true
				}
			}
			return false
		}},
		{"file, at the case", 0, file}, {"file, at one victim", 1, file}, {"file, at the other", 2, file},
	} {
		c := p.Consent(jisrtest.Police, abroad, forConsular, identity)
		m.after(way.after, func() {})
		if !way.read() {
			t.Errorf("%s: the consent opens nothing", way.name)
		}
		m.done(t)
		ended := false
		m.after(way.after, func() {
			got(withdraw(policeOf(p), c.GetName()))(t)
			ended = true
		})
		// Of a file, what went out before the withdrawal went out on a consent in force.
		if shown := way.read(); shown && (way.after == 0 || !ended) {
			t.Errorf("%s: the name left on a consent that had ended", way.name)
		}
		m.done(t)
	}
}

func TestAReadBegunBeforeALinkEndedIsNotReleasedAfter(t *testing.T) {
	m := &moment{}
	p := baghdad(t, jisrtest.WithClock(m.now))
	order := func(shape func(*jisrv1.Order)) *jisrv1.Order {
		return p.Order(jisrv1.Order_KIND_DISCLOSE, p.First, func(o *jisrv1.Order) {
			o.SetAddressees([]string{"agencies/kri-asayish"})
			o.SetDataClasses([]jisrv1.DataClass{identity})
			if shape != nil {
				shape(o)
			}
		})
	}
	revoked := order(nil)
	m.meanwhile(func() {
		got(judgeOf(p).RevokeOrder(ctx, jisrv1.RevokeOrderRequest_builder{Name: revoked.GetName()}.Build()))(t)
	})
	refused(getVictim(p.As(asayish), p.First))(t, fault.NotFound)
	m.done(t)

	order(func(o *jisrv1.Order) { o.SetUntilTime(timestamppb.New(noon.Add(time.Minute))) })
	got(getVictim(p.As(asayish), p.First))(t)
	m.meanwhile(func() { m.passed.Store(int64(time.Minute)) })
	refused(getVictim(p.As(asayish), p.First))(t, fault.NotFound)
	m.done(t)

	s := share(t, p, jisrv1.Share_builder{Agency: "agencies/kri-dcoc"}.Build())
	m.meanwhile(func() {
		got(policeOf(p).EndShare(ctx, jisrv1.EndShareRequest_builder{Name: s.GetName()}.Build()))(t)
	})
	refused(getCase(p.As(jisrtest.Erbil), p.Case))(t, fault.NotFound)
	m.done(t)

	r := placed(t, p)
	m.meanwhile(func() {
		got(p.As(jisrtest.Shelter).CompleteReferral(ctx, jisrv1.CompleteReferralRequest_builder{Name: r.GetName(), Reason: jisrv1.Referral_END_REASON_NEED_MET}.Build()))(t)
	})
	refused(getVictim(p.As(jisrtest.Shelter), p.First))(t, fault.NotFound)
	m.done(t)

	m.meanwhile(func() {
		p.Order(jisrv1.Order_KIND_SEAL, p.Case, func(o *jisrv1.Order) { o.SetSeal(jisrv1.SealReason_builder{Text: "reason"}.Build()) })
	})
	refused(getCase(p.As(jisrtest.Prosecutor), p.Case))(t, fault.NotFound)
	m.done(t)
}

// TestNoNameIsDisclosedBetweenTheEndOfAConsentAndTheNext lets many read while a
// consent comes and goes: none that begins after a withdrawal was answered shows the
// name, and each that does has its entry.
func TestNoNameIsDisclosedBetweenTheEndOfAConsentAndTheNext(t *testing.T) {
	p := baghdad(t)
	p.Notify(jisrtest.Foreign)
	mofa := consular(p)
	var closed atomic.Int64 // even: a consent may be in force; odd: surely none is
	var stop atomic.Bool
	var readers sync.WaitGroup
	var names atomic.Int64
	for range 6 {
		readers.Go(func() {
			for !stop.Load() {
				before := closed.Load()
				v, err := getVictim(mofa, p.First)
				if err != nil {
					t.Error(err)
					return
				}
				if !v.HasIdentity() {
					continue
				}
				names.Add(1)
				if before%2 == 1 && closed.Load() == before {
					t.Error("a read begun after the withdrawal was answered shows the name")
				}
			}
		})
	}
	for range 25 {
		c := p.Consent(jisrtest.Police, abroad, forConsular, identity)
		for seen := names.Load(); names.Load() == seen; { // each consent is read on at least once
			runtime.Gosched()
		}
		got(withdraw(policeOf(p), c.GetName()))(t)
		closed.Add(1)
		got(getVictim(mofa, p.First))(t)
		closed.Add(1)
	}
	stop.Store(true)
	readers.Wait()
	p.Stop()
	shown := onConsent(t, p)
	if int64(shown) < names.Load() {
		t.Errorf("%d names were shown and %d are in the log", names.Load(), shown)
	}
	t.Logf("%d names shown over 25 consents", shown)
}

// onConsent counts the disclosures of the name abroad in a stopped exchange's log.
func onConsent(t testing.TB, p *jisrtest.Play) (shown int) {
	t.Helper()
	for _, leaf := range logOf(t, p.Exchange) {
		if leaf.GetKind() == jisrv1.LogEntry_KIND_DISCLOSED && leaf.GetAgency() == "mofa" && shows(leaf, identity) {
			shown++
		}
	}
	return shown
}

func shows(leaf *jisrv1.LogLeaf, class jisrv1.DataClass) bool {
	for _, s := range leaf.GetSubjects() {
		for _, c := range s.GetDataClasses() {
			if c == class {
				return true
			}
		}
	}
	return false
}

// logOf reads the log of a stopped exchange. Its numbers are of no order among calls
// that were under way at once.
func logOf(t testing.TB, x *jisrtest.Exchange) (leaves []*jisrv1.LogLeaf) {
	t.Helper()
	for _, row := range x.Rows("SELECT leaf FROM log_entries ORDER BY seq") {
		leaf := &jisrv1.LogLeaf{}
		must(t, proto.Unmarshal(row.Bytes(0), leaf))
		leaves = append(leaves, leaf)
	}
	return leaves
}
