package jisrtest_test

import (
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
