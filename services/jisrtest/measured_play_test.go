package jisrtest_test

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/jisrtest"
)

// measured reports whether a scrape has a line.
func measured(t *testing.T, x *jisrtest.Exchange, line string) {
	t.Helper()
	if !strings.Contains(scraped(t, x), "\n"+line+"\n") {
		t.Errorf("a scrape lacks %s", line)
	}
}

func TestAReadThatIsDoneAgainAndATermThatPassedAreCounted(t *testing.T) {
	m := &moment{}
	p := baghdad(t, jisrtest.WithClock(m.now))
	measured(t, p.Exchange, "jisr_rereads_total 0")
	p.Order(jisrv1.Order_KIND_DISCLOSE, p.First, func(o *jisrv1.Order) {
		o.SetAddressees([]string{"agencies/kri-asayish"})
		o.SetDataClasses([]jisrv1.DataClass{identity})
		o.SetUntilTime(timestamppb.New(noon.Add(time.Hour)))
	})
	m.meanwhile(func() { p.Notify(jisrtest.Foreign) }) // who may know of the case moves
	got(getVictim(p.As(asayish), p.First))(t)
	m.done(t)
	measured(t, p.Exchange, "jisr_rereads_total 1")
	share(t, p, jisrv1.Share_builder{Agency: "agencies/kri-dcoc", ExpireTime: timestamppb.New(noon.Add(time.Hour))}.Build())
	m.passed.Store(int64(time.Hour))
	p.Tick()
	measured(t, p.Exchange, `jisr_terms_moved_total{kind="order"} 1`)
	measured(t, p.Exchange, `jisr_terms_moved_total{kind="share"} 1`)
	measured(t, p.Exchange, `jisr_terms_failed_total{kind="share"} 0`)
}

// Entries are counted once they are durable, and those of calls that failed are not.
func TestTheLogsEntriesAreCountedAsTheyAre(t *testing.T) {
	p := baghdad(t)
	got(getVictim(policeOf(p), p.First))(t)
	got(getVictim(policeOf(p), p.First))(t)
	if _, err := getVictim(p.As(jisrtest.Erbil), p.First); err == nil {
		t.Fatal("Erbil reads without a link")
	}
	text := scraped(t, p.Exchange)
	if !strings.Contains(text, `jisr_log_entries_total{kind="DISCLOSED"} 2`) || !strings.Contains(text, `jisr_log_entries_total{kind="REFUSED"} 1`) {
		t.Error("two reads and a refusal are not two entries and one")
	}
	if !strings.Contains(text, "jisr_log_append_seconds_count 2") {
		t.Error("what the replies waited for is not timed")
	}
}
