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

func victim(n int) (viewKey, *view) {
	name := fmt.Sprintf("cases/%d/victims/v", n)
	v := &view{row: row{name: name, caseName: fmt.Sprintf("cases/%d", n), envelope: make([]byte, 2000)}}
	v.loaded = agreement.Loaded{Case: v.row.caseName, Epoch: 1}
	return viewKey{agency: "moi-ct", role: jisrv1.Role_ROLE_COUNTER_TRAFFICKING, name: name}, v
}

// counted fails where what is held is not what is counted, or is more than there is room for.
func counted(t *testing.T, r *recent) {
	t.Helper()
	held, views, cases := 0, 0, 0
	for _, s := range r.shares {
		for _, o := range []*order{&s.got, &s.listed} {
			within := 0
			for at := o.Front(); at != nil; at = at.Next() {
				within += at.Value.(*recentView).size
			}
			if within != o.held {
				t.Errorf("%d bytes are held and %d counted", within, o.held)
			}
			held, views = held+within, views+o.Len()
		}
	}
	for _, c := range r.cases {
		cases += c.views
	}
	if held != r.held || held > r.most || len(r.views) != views || cases != views {
		t.Errorf("%d bytes are held and %d counted, of %d; %d views, %d in order, %d of cases", held, r.held, r.most, len(r.views), views, cases)
	}
}

func TestWhatIsKeptStaysWithinItsBytesAndWhatWasUsedLastStays(t *testing.T) {
	const room = 100_000
	r := newRecent(room)
	first, is := victim(0)
	r.put(first, is, false)
	for n := 1; n < 1000; n++ {
		if r.get(first, time.Time{}) == nil {
			t.Fatalf("what is read all the time is gone after %d others", n)
		}
		key, is := victim(n)
		r.put(key, is, false)
	}
	counted(t, r)
	if r.held < room/2 {
		t.Errorf("%d bytes are held, of %d", r.held, room)
	}
	if older, _ := victim(1); r.views[older] != nil {
		t.Error("what was not used for longest is still there")
	}
	huge, is := victim(2000)
	is.row.envelope = make([]byte, room)
	r.put(huge, is, false)
	if r.views[huge] != nil || r.views[first] == nil {
		t.Error("what has no room has driven out the rest")
	}
	none := newRecent(-1)
	none.put(first, is, false)
	if len(none.views) != 0 {
		t.Error("something is kept where nothing should be")
	}
}

func TestWhoListsEverythingPushesOutNeitherWhatOthersReadNorWhatItReadsByName(t *testing.T) {
	const room, each = 300_000, 20 // of a hundred views
	r := newRecent(room)
	of := func(agency string, n int) (viewKey, *view) {
		key, is := victim(n)
		key.agency = agency
		return key, is
	}
	left := func(agency string, from int) (n int) {
		for i := range each {
			if key, _ := of(agency, from+i); r.get(key, time.Time{}) != nil {
				n++
			}
		}
		return n
	}
	for n := range each {
		key, is := of("mofa", n)
		r.put(key, is, true)
		key, is = of("moi-ct", n)
		r.put(key, is, false)
	}
	list := func(put bool) {
		for n := range 1000 {
			page := make([]onPage, 1)
			key, is := of("moi-ct", 100+n)
			page[0].name = key.name
			if missing := r.list(&identity.Caller{Agency: "moi-ct", Role: key.role, Law: &agreement.Law{}}, page, time.Time{}); len(missing) > 0 && put {
				r.put(key, is, true)
			}
		}
	}
	list(true)
	list(true)
	counted(t, r)
	if others, own := left("mofa", 0), left("moi-ct", 0); others != each || own != each {
		t.Errorf("of %d each, %d are left of what others listed and %d of what the agency itself reads by name", each, others, own)
	}
	// Control: where what it lists were taken for read by name, its own would go.
	for n := range 1000 {
		key, is := of("moi-ct", 100+n)
		r.put(key, is, false)
	}
	counted(t, r)
	if others, own := left("mofa", 0), left("moi-ct", 0); others != each || own != 0 {
		t.Errorf("after it read as many by name, %d are left of what others listed and %d of its own", others, own)
	}
}

func TestWhatIsKeptEndsWithItsTermItsCaseAndItsAgreement(t *testing.T) {
	r := newRecent(Recent)
	key, is := victim(1)
	other, elsewhere := victim(2)
	r.put(other, elsewhere, false)
	noon := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	is.loaded.Until = noon
	kept := func(key viewKey, at time.Time) bool {
		return r.get(key, at) != nil
	}
	r.put(key, is, false)
	if !kept(key, noon.Add(-time.Microsecond)) || kept(key, noon) {
		t.Error("it is not kept up to its term and no longer")
	}
	_, is = victim(1)
	r.put(key, is, false)
	r.forget(is.loaded.Case, "cases/unknown")
	if kept(key, noon) || !kept(other, noon) {
		t.Error("a case that moved has not taken its own with it, and nothing else")
	}
	r.put(key, is, true)
	if !kept(key, noon) {
		t.Error("what is read after its case has moved is not kept")
	}
	outside := viewKey{name: "notifications/x"}
	r.put(outside, &view{}, false)
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
