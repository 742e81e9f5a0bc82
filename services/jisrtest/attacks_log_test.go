package jisrtest_test

import (
	"testing"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/jisrtest"
)

// The judge adds a person and seals the person at once. Did the log fall silent
// about the judge then, the owner would know that there is something.
func TestTheLogDoesNotTellTheOwnerThatAnOrderWasMade(t *testing.T) {
	p := baghdad(t)
	police, judge := policeOf(p), judgeOf(p)
	reads := func() (names []string) {
		t.Helper()
		for _, e := range got(police.ListLogEntries(ctx, jisrv1.ListLogEntriesRequest_builder{Record: p.Case, PageSize: 100}.Build()))(t).GetLogEntries() {
			if e.GetRole() == jisrv1.Role_ROLE_INVESTIGATING_JUDGE || e.GetRole() == jisrv1.Role_ROLE_PROSECUTOR {
				names = append(names, e.GetAgency())
			}
		}
		return names
	}
	got(getCase(judge, p.Case))(t)
	got(getCase(p.As(jisrtest.Prosecutor), p.Case))(t)
	before := reads()
	third := got(judge.CreateVictim(ctx, jisrv1.CreateVictimRequest_builder{Parent: p.Case, Victim: jisrtest.Person(1)}.Build()))(t).GetName()
	p.Order(jisrv1.Order_KIND_SEAL, third, func(o *jisrv1.Order) {
		o.SetAddressees([]string{"agencies/sjc-rusafa-pp"})
		o.SetSeal(jisrv1.SealReason_builder{Text: "the accused has friends in the office"}.Build())
	})
	refused(getVictim(police, third))(t, fault.NotFound)
	got(getCase(judge, p.Case))(t)
	got(getCase(p.As(jisrtest.Prosecutor), p.Case))(t)
	after := reads()
	if len(before) < 2 || len(after) <= len(before) {
		t.Fatalf("the log names %v before and %v after", before, after)
	}
	for _, name := range after {
		if name == "" {
			t.Errorf("the log no longer names who read: %v before, %v after", before, after)
		}
	}
}
