package store

import (
	"fmt"
	"os"
	"testing"
	"time"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/identity"
)

func victim(n int) (viewKey, row, agreement.Loaded) {
	name := fmt.Sprintf("cases/%d/victims/v", n)
	r := row{name: name, caseName: fmt.Sprintf("cases/%d", n), envelope: make([]byte, 2000)}
	return viewKey{agency: "moi-ct", role: jisrv1.Role_ROLE_COUNTER_TRAFFICKING, name: name}, r, agreement.Loaded{Case: r.caseName, Epoch: 1}
}

func TestWhatIsKeptStaysWithinItsBytesAndWhatWasUsedLastStays(t *testing.T) {
	const room = 100_000
	r := newRecent(room)
	first, is, l := victim(0)
	r.put(first, is, l)
	for n := 1; n < 1000; n++ {
		if _, _, ok := r.get(first, time.Time{}); !ok {
			t.Fatalf("what is read all the time is gone after %d others", n)
		}
		key, is, l := victim(n)
		r.put(key, is, l)
	}
	held := 0
	for at := r.order.Front(); at != nil; at = at.Next() {
		held += at.Value.(*recentView).size
	}
	if held != r.held || held > room || held < room/2 || len(r.views) != r.order.Len() || len(r.cases) != r.order.Len() {
		t.Errorf("%d bytes are held and %d counted, of %d; %d views, %d cases, %d in order", held, r.held, room, len(r.views), len(r.cases), r.order.Len())
	}
	if older, _, _ := victim(1); r.views[older] != nil {
		t.Error("what was not used for longest is still there")
	}
	huge, is, l := victim(2000)
	is.envelope = make([]byte, room)
	r.put(huge, is, l)
	if r.views[huge] != nil || r.views[first] == nil {
		t.Error("what has no room has driven out the rest")
	}
	none := newRecent(-1)
	none.put(first, is, l)
	if len(none.views) != 0 {
		t.Error("something is kept where nothing should be")
	}
}

func TestWhatIsKeptEndsWithItsTermItsCaseAndItsAgreement(t *testing.T) {
	r := newRecent(0)
	key, is, l := victim(1)
	other, elsewhere, fine := victim(2)
	r.put(other, elsewhere, fine)
	noon := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	l.Until = noon
	kept := func(key viewKey, at time.Time) bool {
		_, _, ok := r.get(key, at)
		return ok
	}
	r.put(key, is, l)
	if !kept(key, noon.Add(-time.Microsecond)) || kept(key, noon) {
		t.Error("it is not kept up to its term and no longer")
	}
	r.put(key, is, agreement.Loaded{Case: l.Case})
	r.forget(l.Case, "cases/unknown")
	if kept(key, noon) || !kept(other, noon) {
		t.Error("a case that moved has not taken its own with it, and nothing else")
	}
	r.put(key, is, agreement.Loaded{Case: l.Case})
	if !kept(key, noon) {
		t.Error("what is read after its case has moved is not kept")
	}
	outside := viewKey{name: "notifications/x"}
	r.put(outside, is, agreement.Loaded{})
	if kept(outside, noon) {
		t.Error("what no epoch covers is kept")
	}
	law := func(more string) *agreement.Law {
		text, err := os.ReadFile("../../agreement.txtpb")
		must(t, err)
		l, err := agreement.Parse(append(text, more...))
		must(t, err)
		return l
	}
	c := &identity.Caller{Agency: "moi-ct", Role: 1, Purpose: 1, Law: law("")}
	mine := keyOf(c, "cases/x")
	for what, change := range map[string]func(*identity.Caller){
		"agency": func(c *identity.Caller) { c.Agency = "mofa" }, "role": func(c *identity.Caller) { c.Role = 2 },
		"purpose": func(c *identity.Caller) { c.Purpose = 2 }, "agreement": func(c *identity.Caller) { c.Law = law("# the next edition\n") },
	} {
		another := *c
		if change(&another); keyOf(&another, "cases/x") == mine {
			t.Errorf("another %s reads what was kept for this one", what)
		}
	}
}
