package jisrtest_test

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/jisrtest"
)

// behind changes the database behind the exchange's back.
func behind(t testing.TB, p *jisrtest.Play, query, arg string) {
	t.Helper()
	must(t, p.Inside()(query, arg))
}

func TestWhatIsReadAgainIsAnsweredAndLoggedAsItWasReadAndForNobodyElse(t *testing.T) {
	p := baghdad(t)
	police := policeOf(p)
	first := got(getVictim(police, p.First))(t)
	// A row that vanishes without a change of its case: whoever reads it anew misses it.
	behind(t, p, "DELETE FROM records WHERE name = ?", p.First)
	if again := got(getVictim(police, p.First))(t); !proto.Equal(first, again) {
		t.Errorf("what is read again reads\n%v\nand read\n%v", again, first)
	}
	refused(getVictim(judgeOf(p), p.First))(t, fault.NotFound)
	refused(getVictim(p.AsFor(jisrtest.Police, jisrv1.Role_ROLE_COUNTER_TRAFFICKING, jisrv1.Purpose_PURPOSE_PROTECTION), p.First))(t, fault.NotFound)
	if listed := listedVictim(t, police, p.First); !proto.Equal(first, listed) {
		t.Errorf("what is read again in a list reads\n%v\nand read\n%v", listed, first)
	}
	if listedVictim(t, judgeOf(p), p.First) != nil {
		t.Error("a list shows what was read before to somebody else")
	}
	explain := jisrv1.ExplainAccessRequest_builder{Name: p.First}.Build()
	refused(police.ExplainAccess(ctx, explain))(t, fault.NotFound)
	// A change reads the row under the writer's turn.
	v := jisrtest.Person(0)
	v.SetName(p.First)
	refused(police.UpdateVictim(ctx, jisrv1.UpdateVictimRequest_builder{Victim: v, UpdateMask: mask("risk")}.Build()))(t, fault.NotFound)
	// Any change in the case, and what was read before it is read anew.
	advance := jisrv1.AdvanceCaseRequest_builder{Name: p.Case, State: jisrv1.Case_STATE_NOTIFIED}.Build()
	got(police.AdvanceCase(ctx, advance))(t)
	refused(getVictim(police, p.First))(t, fault.NotFound)
	p.Stop()
	var entries [][]byte
	for _, leaf := range logOf(t, p.Exchange) {
		if leaf.GetRpc() == "CaseService/GetVictim" && leaf.GetKind() == jisrv1.LogEntry_KIND_DISCLOSED {
			leaf.SetTimeMicros(0)
			entries = append(entries, encode(t, leaf))
		}
	}
	if len(entries) != 2 || string(entries[0]) != string(entries[1]) {
		t.Errorf("two reads left %d entries, or entries that differ", len(entries))
	}
}

// listedVictim is a victim as it stands in a list of its case; nil where it does not.
func listedVictim(t testing.TB, c *jisrtest.Client, name string) *jisrv1.Victim {
	t.Helper()
	parent, _, _ := strings.Cut(name, "/victims/")
	for _, v := range got(c.ListVictims(ctx, jisrv1.ListVictimsRequest_builder{Parent: parent}.Build()))(t).GetVictims() {
		if v.GetName() == name {
			return v
		}
	}
	return nil
}

// victimByName is a victim as it is read by its name; nil where it is not found.
func victimByName(t testing.TB, c *jisrtest.Client, name string) *jisrv1.Victim {
	t.Helper()
	v, err := getVictim(c, name)
	if jisrtest.Reason(err) == fault.NotFound {
		return nil
	}
	return got(v, err)(t)
}

func TestWhatWasReadBeforeIsNotShownOnceItsCaseHasMoved(t *testing.T) {
	t.Run("by name", func(t *testing.T) { isNotShownOnceItsCaseHasMoved(t, victimByName) })
	t.Run("in a list", func(t *testing.T) { isNotShownOnceItsCaseHasMoved(t, listedVictim) })
}

func isNotShownOnceItsCaseHasMoved(t *testing.T, look func(testing.TB, *jisrtest.Client, string) *jisrv1.Victim) {
	m := &moment{}
	p := baghdad(t, jisrtest.WithClock(m.now))
	p.Notify(jisrtest.Foreign)
	mofa, police, prosecutor := consular(p), policeOf(p), p.As(jisrtest.Prosecutor)
	consent := p.Consent(jisrtest.Police, abroad, forConsular, identity)
	disclose := func(until *timestamppb.Timestamp) *jisrv1.Order {
		return p.Order(jisrv1.Order_KIND_DISCLOSE, p.First, func(o *jisrv1.Order) {
			o.SetAddressees([]string{"agencies/kri-asayish"})
			o.SetDataClasses([]jisrv1.DataClass{identity})
			o.SetUntilTime(until)
		})
	}
	shown := func(c *jisrtest.Client, name string, what func(*jisrv1.Victim) bool) func() bool {
		return func() bool {
			v := look(t, c, name)
			return v != nil && what(v)
		}
	}
	there := func(*jisrv1.Victim) bool { return true }
	var order *jisrv1.Order
	var s *jisrv1.Share
	var r *jisrv1.Referral
	for _, move := range []struct {
		name   string
		before func() // makes that it is shown
		read   func() bool
		act    func()
	}{
		{"what a section says", nil, shown(police, p.First, func(v *jisrv1.Victim) bool { return v.GetRisk().GetAssessment() == "risk assessment" }), func() {
			v := jisrtest.Person(0)
			v.SetName(p.First)
			v.GetRisk().SetAssessment("another assessment")
			got(police.UpdateVictim(ctx, jisrv1.UpdateVictimRequest_builder{Victim: v, UpdateMask: mask("risk.assessment")}.Build()))(t)
		}},
		{"a state", nil, func() bool { return got(getCase(police, p.Case))(t).GetState() == jisrv1.Case_STATE_NOTIFIED }, func() {
			got(judgeOf(p).AdvanceCase(ctx, jisrv1.AdvanceCaseRequest_builder{Name: p.Case, State: jisrv1.Case_STATE_UNDER_INVESTIGATION}.Build()))(t)
		}},
		{"a consent", nil, shown(mofa, p.First, (*jisrv1.Victim).HasIdentity), func() { got(withdraw(police, consent.GetName()))(t) }},
		{"an order", func() { order = disclose(nil) }, shown(p.As(asayish), p.First, there), func() {
			got(judgeOf(p).RevokeOrder(ctx, jisrv1.RevokeOrderRequest_builder{Name: order.GetName()}.Build()))(t)
		}},
		{"a term", func() { disclose(timestamppb.New(noon.Add(time.Minute))) }, shown(p.As(asayish), p.First, there), func() {
			m.passed.Store(int64(time.Minute))
		}},
		{"a share", func() { s = share(t, p, jisrv1.Share_builder{Agency: "agencies/kri-dcoc"}.Build()) }, shown(p.As(jisrtest.Erbil), p.Second, there), func() {
			got(police.EndShare(ctx, jisrv1.EndShareRequest_builder{Name: s.GetName()}.Build()))(t)
		}},
		{"a referral", func() { r = placed(t, p) }, shown(p.As(jisrtest.Shelter), p.First, there), func() {
			got(p.As(jisrtest.Shelter).CompleteReferral(ctx, jisrv1.CompleteReferralRequest_builder{Name: r.GetName(), Reason: jisrv1.Referral_END_REASON_NEED_MET}.Build()))(t)
		}},
		{"a seal of a person", nil, shown(prosecutor, p.First, there), func() {
			p.Order(jisrv1.Order_KIND_SEAL, p.First, func(o *jisrv1.Order) { o.SetSeal(jisrv1.SealReason_builder{Text: "reason"}.Build()) })
		}},
	} {
		if move.before != nil {
			move.before()
		}
		for range 2 { // as it is, and from what was read before
			if !move.read() {
				t.Errorf("%s: not there, so that its end proves nothing", move.name)
			}
		}
		m.meanwhile(move.act)
		if move.read() {
			t.Errorf("%s: what was read before is shown after it moved", move.name)
		}
		m.done(t)
		if move.read() {
			t.Errorf("%s: shown again", move.name)
		}
	}
	got(getCase(judgeOf(p), p.Case))(t)
	m.meanwhile(func() { p.Adopt(without(t, jisrv1.Role_ROLE_INVESTIGATING_JUDGE, "CaseService/GetCase")) })
	refused(getCase(judgeOf(p), p.Case))(t, fault.MethodNotGranted)
	m.done(t)
}

// Whoever else writes into the database tells nobody of it but the epoch. Into a
// file nobody else writes while it is served.
func TestWhatAnotherWriterMovedIsReadAnew(t *testing.T) {
	p := baghdad(t)
	got(getVictim(policeOf(p), p.First))(t)
	behind(t, p, "DELETE FROM records WHERE name = ?", p.First)
	got(getVictim(policeOf(p), p.First))(t)
	if !jisrtest.Served() {
		p.Stop()
	}
	behind(t, p, "UPDATE epochs SET epoch = epoch + 1 WHERE case_name = ?", p.Case)
	if !jisrtest.Served() {
		p.Restart()
	}
	got(policeOf(p).CreateCase(ctx, jisrv1.CreateCaseRequest_builder{Case: jisrtest.BaghdadCase()}.Build()))(t)
	refused(getVictim(policeOf(p), p.First))(t, fault.NotFound)
}

func TestADestroyedKeyClosesWhatWasReadBefore(t *testing.T) {
	p := baghdad(t)
	police := policeOf(p)
	for range 2 {
		if !got(getVictim(police, p.First))(t).HasIdentity() {
			t.Fatal("the name is not shown, so that its end proves nothing")
		}
	}
	if err := p.Keyring().Destroy(ctx, keyOf(t, p.Exchange, p.First)); err != nil {
		t.Fatal(err)
	}
	if v := got(getVictim(police, p.First))(t); v.HasIdentity() || v.HasRisk() || v.HasProfile() {
		t.Errorf("a destroyed key still opens %v", v)
	}
}
