package jisrtest_test

import (
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/jisrtest"
)

// A page is read by other statements than a record is, and shows of each record
// what reading it alone shows: its links, and the consents of the person it is about.
func TestAListShowsOfEachRecordWhatReadingItShows(t *testing.T) {
	p := baghdad(t)
	p.Notify(jisrtest.Foreign, jisrtest.Health, jisrtest.Erbil)
	share(t, p, jisrv1.Share_builder{Agency: "agencies/kri-dcoc"}.Build()) // a second link to the same records
	placed(t, p)
	p.Consent(jisrtest.Police, abroad, forConsular, identity)
	seen, opened := 0, make(map[string]bool)
	clients := []*jisrtest.Client{consular(p)}
	for _, who := range []string{
		jisrtest.Police, jisrtest.Judge, jisrtest.Prosecutor, jisrtest.Shelter,
		jisrtest.Health, jisrtest.Community, jisrtest.Monitor, jisrtest.Erbil,
	} {
		clients = append(clients, p.As(who))
	}
	for n, c := range clients {
		for _, v := range got(c.ListVictims(ctx, jisrv1.ListVictimsRequest_builder{Parent: "cases/-"}.Build()))(t).GetVictims() {
			if alone := got(getVictim(c, v.GetName()))(t); !proto.Equal(v, alone) {
				t.Errorf("%s: a list shows of a victim\n%v\nand reading it\n%v", c.Agency, v, alone)
			}
			if seen++; n == 0 {
				opened[v.GetName()] = v.HasIdentity()
			}
		}
		for _, listed := range got(c.ListCases(ctx, &jisrv1.ListCasesRequest{}))(t).GetCases() {
			if alone := got(getCase(c, listed.GetName()))(t); !proto.Equal(listed, alone) {
				t.Errorf("%s: a list shows of a case\n%v\nand reading it\n%v", c.Agency, listed, alone)
			}
			seen++
		}
	}
	if seen < 20 {
		t.Errorf("only %d records were listed", seen)
	}
	// One person's consent opens nothing of the other beside it on the page.
	if len(opened) != 2 || !opened[p.First] || opened[p.Second] {
		t.Errorf("a consent of the first person opens on a page: %v", opened)
	}
}

// The order of its lists tells a monitor of no two cases of a month which is older, however
// it turns the pages.
func TestAMonitorsListsHaveNoOrderOfTime(t *testing.T) {
	p := baghdad(t)
	made := make([]string, 12)
	for i := range made {
		made[i] = got(policeOf(p).CreateCase(ctx, jisrv1.CreateCaseRequest_builder{Case: jisrtest.BaghdadCase()}.Build()))(t).GetName()
	}
	victims := make([]string, 12)
	for i := range victims {
		victims[i] = got(judgeOf(p).CreateVictim(ctx, jisrv1.CreateVictimRequest_builder{Parent: made[0], Victim: jisrv1.Victim_builder{PersonRole: jisrv1.Victim_PERSON_ROLE_VICTIM}.Build()}.Build()))(t).GetName()
	}
	monitor, pseudonyms := p.As(jisrtest.Monitor), p.Keyring().Pseudonyms()
	cases := func(size int32, token string) (names []string, next string) {
		page := got(monitor.ListCases(ctx, jisrv1.ListCasesRequest_builder{PageSize: size, PageToken: token}.Build()))(t)
		for _, c := range page.GetCases() {
			names = append(names, c.GetName())
		}
		return names, page.GetNextPageToken()
	}
	under := func(parent string) func(int32, string) ([]string, string) {
		return func(size int32, token string) (names []string, next string) {
			page := got(monitor.ListVictims(ctx, jisrv1.ListVictimsRequest_builder{Parent: parent, PageSize: size, PageToken: token}.Build()))(t)
			for _, v := range page.GetVictims() {
				names = append(names, v.GetName())
			}
			return names, page.GetNextPageToken()
		}
	}
	for what, c := range map[string]struct {
		page func(int32, string) ([]string, string)
		made []string
	}{
		"cases":               {cases, made},
		"victims":             {under("cases/-"), victims},
		"victims of one case": {under(pseudonyms.Hide("ihchr", made[0])), victims},
	} {
		var first []string
		for _, size := range []int32{100, 5, 1} {
			var listed []string
			for token, more := "", true; more; more = token != "" {
				var names []string
				if names, token = c.page(size, token); len(names) > int(size) {
					t.Fatalf("%s: a page of %d", what, len(names))
				}
				for _, name := range names {
					if real := pseudonyms.Reveal("ihchr", name); slices.Contains(c.made, real) {
						listed = append(listed, real)
					}
				}
			}
			if first == nil {
				first = listed
			}
			if !slices.Equal(listed, first) {
				t.Errorf("%s: %d a page they are listed in another order", what, size)
			}
		}
		old := slices.Clone(first)
		slices.Reverse(old)
		switch {
		case len(first) != len(c.made):
			t.Errorf("%s: %d of %d are listed", what, len(first), len(c.made))
		case slices.Equal(first, c.made) || slices.Equal(old, c.made):
			t.Errorf("%s are listed to a monitor in the order in which they were made", what)
		}
	}
	// Control: who is told when they were made is shown them in that order.
	var shown []string
	for _, c := range got(policeOf(p).ListCases(ctx, jisrv1.ListCasesRequest_builder{PageSize: 100}.Build()))(t).GetCases() {
		if slices.Contains(made, c.GetName()) {
			shown = append(shown, c.GetName())
		}
	}
	if !slices.Equal(shown, made) {
		t.Errorf("the owner is shown %q of %q", shown, made)
	}
}
