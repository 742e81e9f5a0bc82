package store

import (
	"fmt"
	"slices"
	"testing"
	"time"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/record"
)

// A case and a person in it, as names may be.
const (
	aCase   = "cases/aaaaaaaaaaaaaaaaaaaaaaaaaa"
	aPerson = aCase + "/victims/aaaaaaaaaaaaaaaaaaaaaaaaaa"
)

// aLink is one that has no term and narrows nothing.
func aLink(agency string, link jisrv1.Link) sightRow {
	return sightRow{holder: agencyHolder(agency), link: link, scope: record.EveryClass}
}

func aRow(name, typeName string) row {
	return row{typ: record.ByName(typeName), name: name, caseName: aCase, subject: name, envelope: (&record.Envelope{}).Append(nil)}
}

// keeping is a draft of the police's and a case that is kept, with a person in it.
func keeping(t *testing.T) (*drafting, *Tx, *keptFile) {
	t.Helper()
	d, tx := draftingBy(t)
	a, _ := tx.law.Agency("moi-ct")
	tx.caller.Agency, tx.caller.Role = a.Slug, a.Roles[0]
	tx.holders = holders(tx.caller)
	links := func() []sightRow { return append(make([]sightRow, 0, 8), aLink(a.Slug, jisrv1.Link_LINK_OWNER)) }
	k := &keptFile{law: tx.law, epoch: 7, whole: true, records: []keptRecord{
		{row: aRow(aCase, "Case"), linked: true, links: links()},
		{row: aRow(aPerson, "Victim"), linked: true, links: links()},
	}, members: append(make([]member, 0, 8), member{name: aCase, typeName: "Case"}, member{name: aPerson, typeName: "Victim", subject: aPerson})}
	tx.store.files.keep(aCase, k)
	return d, tx, k
}

// What was asked before is of another moment than what is kept, and what the call
// has written is newer.
func TestADraftRecallsACaseOnlyBeforeItAsksAndWritesThere(t *testing.T) {
	for what, c := range map[string]struct {
		first   func(*drafting, *Tx)
		recalls bool
	}{
		"nothing":           {func(*drafting, *Tx) {}, true},
		"a look at another": {func(_ *drafting, tx *Tx) { tx.file("cases/other") }, true},
		"a question": {func(d *drafting, _ *Tx) {
			must(t, each(d, "SELECT 1 FROM consents", func(result) error { return nil }))
		}, false},
		"a look":         {func(_ *drafting, tx *Tx) { tx.file(aCase) }, false},
		"a write unseen": {func(_ *drafting, tx *Tx) { tx.move(aCase) }, false},
		"a write there":  {func(_ *drafting, tx *Tx) { tx.restOn(aCase, tx.recall(aCase)); tx.move(aCase) }, false},
		"its turn":       {func(_ *drafting, tx *Tx) { tx.drafting = nil }, false},
	} {
		d, tx, _ := keeping(t)
		c.first(d, tx)
		if recalls := tx.recall(aCase) != nil; recalls != c.recalls {
			t.Errorf("after %s a draft recalls: %v", what, recalls)
		}
	}
}

// A case is kept once for many drafts at a time.
func TestADraftChangesNothingOfWhatIsKept(t *testing.T) {
	_, tx, k := keeping(t)
	tx.restOn(aCase, k)
	narrow := aLink("moi-ct", jisrv1.Link_LINK_OWNER)
	narrow.scope = 1
	for _, name := range []string{aCase, aPerson} {
		tx.insertSight(narrow, "Case", name, time.Now())
		tx.insertSight(aLink("molsa", jisrv1.Link_LINK_NOTIFIED), "Case", name, time.Now())
	}
	must(t, tx.insert(aRow(aCase+"/victims/b", "Victim"), &jisrv1.Victim{}, &record.Envelope{}))
	left := tx.left(movedCase{aCase, 8})
	for _, r := range left.records {
		if r.name != aCase && r.name != aPerson {
			continue
		}
		if !r.linked || len(r.links) != 2 || r.links[0].scope != 1 {
			t.Errorf("%d links on %s are left", len(r.links), r.name)
		}
	}
	if len(left.members) != 3 {
		t.Errorf("%d members are left", len(left.members))
	}
	for _, r := range k.records {
		if len(r.links) != 1 || r.links[0].scope != record.EveryClass || r.links[:2][1].holder != "" {
			t.Errorf("a draft has changed the links that are kept of %s", r.name)
		}
	}
	if len(k.members) != 2 || k.members[:3][2].name != "" {
		t.Error("a draft has changed the members that are kept")
	}
}

// What is remembered of a caller's standing is what the database would tell.
func TestWhatIsRememberedOfAStandingIsTheCallersAndStands(t *testing.T) {
	d, tx, k := keeping(t)
	now := time.Now()
	tx.store.Clock = func() time.Time { return now }
	own := k.records[0].links[0]
	until := func(r sightRow, at time.Time, via string) sightRow {
		r.until, r.via = at.UnixMicro(), via
		return r
	}
	n, _ := record.ParseName(aCase)
	k.records[0].links = []sightRow{
		until(own, now, "cases/ended"),
		until(own, now.Add(2*time.Minute), "cases/z"),
		until(own, now.Add(time.Minute), "cases/b"),
		own,
		aLink("molsa", jisrv1.Link_LINK_NOTIFIED),
		{holder: own.holder, link: jisrv1.Link_LINK_UNSPECIFIED, scope: record.EveryClass},
	}
	if tx.law.Shelf(tx.caller.Role, "Case").Has(jisrv1.Link_LINK_UNSPECIFIED) {
		t.Fatal("a link of no kind lets know of a case")
	}
	_, l, known, err := tx.remembered(n)
	must(t, err)
	want := []string{"", "cases/b", "cases/z"}
	got := make([]string, len(l.Standing.Links))
	for i, in := range l.Standing.Links {
		got[i] = in.Via
	}
	if !known || !slices.Equal(got, want) || l.Epoch != k.epoch || l.Case != aCase || !l.Until.Equal(time.UnixMicro(now.Add(time.Minute).UnixMicro())) {
		t.Errorf("remembered: %v, by %q until %v, of epoch %d", known, got, l.Until, l.Epoch)
	}
	if d.seen[aCase] != k.epoch {
		t.Error("a draft does not rest on the epoch of what it remembers")
	}
}

// To who has no link that stands nothing is remembered, and the draft rests on nothing.
func TestNothingIsRememberedToWhoHasNoLinkThatStands(t *testing.T) {
	for what, links := range map[string][]sightRow{
		"none":           nil,
		"another's":      {aLink("molsa", jisrv1.Link_LINK_OWNER)},
		"one that ended": {{holder: agencyHolder("moi-ct"), link: jisrv1.Link_LINK_OWNER, scope: record.EveryClass, until: 1}},
	} {
		d, tx, k := keeping(t)
		k.records[0].links = links
		n, _ := record.ParseName(aCase)
		r, l, known, err := tx.remembered(n)
		must(t, err)
		if known || r.name != "" || len(l.Standing.Links) != 0 || len(d.seen) != 0 || len(tx.rows) != 0 {
			t.Errorf("%s: a case is remembered: %v", what, known)
		}
	}
}

// Nothing is kept of a case where somebody may have sealed anything, or links were
// ended, and of a record only what the call knows of it.
func TestACallLeavesOfACaseWhatItKnowsAndNothingOfASeal(t *testing.T) {
	moved := movedCase{aCase, 8}
	for what, c := range map[string]struct {
		after func(*Tx)
		kept  bool
	}{
		"nothing":           {func(*Tx) {}, true},
		"a seal":            {func(tx *Tx) { tx.sealed[aCase] = true }, false},
		"perhaps a seal":    {func(tx *Tx) { delete(tx.sealed, aCase) }, false},
		"the end of a link": {func(tx *Tx) { must(t, tx.conn.exec("DELETE FROM sight")) }, false},
		"a long file":       {func(tx *Tx) { tx.file(aCase).records = make([]member, longFile+1) }, false},
		"no look":           {func(tx *Tx) { delete(tx.files, aCase) }, false},
	} {
		_, tx, _ := keeping(t)
		tx.conn.transaction = silent{}
		tx.file(aCase)
		tx.sealed[aCase] = false
		c.after(tx)
		if kept := tx.left(moved) != nil; kept != c.kept {
			t.Errorf("after %s a case is left: %v", what, kept)
		}
	}
	_, tx, _ := keeping(t)
	tx.drafting, tx.sealed[aCase] = nil, false
	other := aRow("cases/other", "Case")
	other.caseName = other.name
	for _, r := range []row{aRow(aCase, "Case"), aRow(aPerson, "Victim"), aRow(aCase+"/consents/x", "Consent"), other} {
		tx.rows[r.name] = r
	}
	tx.file(aCase)
	tx.insertSight(aLink("molsa", jisrv1.Link_LINK_NOTIFIED), "Victim", aPerson, time.Now())
	k := tx.left(moved)
	if k.whole || k.epoch != moved.epoch || k.law != tx.law || len(k.records) != 2 {
		t.Errorf("of one case with a person %d records are left", len(k.records))
	}
	for _, r := range k.records {
		if r.linked || len(r.links) != 0 {
			t.Errorf("the links on %s, of which the call knows one, are left as all", r.name)
		}
	}
}

// A link goes in by a plain statement only where the call knows that there is none.
func TestALinkIsTheFirstOnlyWhereAllOthersAreKnown(t *testing.T) {
	_, tx, k := keeping(t)
	tx.restOn(aCase, k)
	owner, told := aLink("moi-ct", jisrv1.Link_LINK_OWNER), aLink("molsa", jisrv1.Link_LINK_NOTIFIED)
	for _, c := range []struct {
		name  string
		link  sightRow
		first bool
	}{
		{aCase, owner, false}, {aCase, told, true}, {aCase, told, true}, {aPerson, told, false},
	} {
		tx.insertSight(c.link, "Case", c.name, time.Now())
		if first := tx.first[sightKey{c.link.holder, c.name, "", "", c.link.link}]; first != c.first {
			t.Errorf("a link on %s is the first: %v", c.name, first)
		}
	}
	tx.move(aCase)
	tx.settled()
	d, err := tx.drafted(nil, nil, &jisrv1.Case{}, &entry{})
	must(t, err)
	if len(d.sight) != 1 || len(d.links) != 2 {
		t.Errorf("%d links go in as new, and %d as those that may be there", len(d.sight), len(d.links))
	}
}

// What a file takes grows with the names in it, which are each its own.
func TestTheNamesInAFileAreCounted(t *testing.T) {
	of := func(name string) int {
		return (&keptFile{
			members: []member{{name: name, subject: name}},
			records: []keptRecord{{row: row{name: name, caseName: name, subject: name}, links: []sightRow{{holder: name, via: name, subject: name}}}},
		}).bytes()
	}
	if got, want := of(aPerson)-of(""), 8*len(aPerson); got != want {
		t.Errorf("eight names of %d bytes are counted as %d", len(aPerson), got)
	}
}

// silent takes everything.
type silent struct{ nobody }

func (silent) enter(*entry) error                     { return nil }
func (silent) draw([]movedCase) error                 { return nil }
func (silent) decidedBy(string) error                 { return nil }
func (silent) hold(string, ...any) func(string) error { return func(string) error { return nil } }

// What is kept of cases has its bounds, and what was used last stays.
func TestWhatIsKeptOfCasesStaysWithinItsBytes(t *testing.T) {
	law := &agreement.Law{}
	one := (&keptFile{members: make([]member, 3)}).bytes()
	c := newCaseFiles(2 * 4 * one) // room for four, and four that were not used of late
	for i := range 100 {
		c.keep(fmt.Sprint(i), &keptFile{law: law, members: make([]member, 3)})
		if c.of("0", law) == nil {
			t.Fatalf("what is used all the time is gone after %d others", i)
		}
		held := 0
		for _, k := range c.young {
			held += k.size
		}
		if held != c.held || held > c.most || len(c.young)+len(c.old) > 8 {
			t.Fatalf("%d bytes are held and %d counted, of %d; %d and %d cases", held, c.held, c.most, len(c.young), len(c.old))
		}
	}
	if c.of("99", law) == nil || c.of("1", law) != nil {
		t.Error("what was used last has given way to what was used before")
	}
	if c.of("0", &agreement.Law{}) != nil {
		t.Error("what was kept under one agreement is there under another")
	}
	c.keep("large", &keptFile{law: law, members: make([]member, 1000)})
	c.forget("0")
	if c.of("large", law) != nil || c.of("0", law) != nil {
		t.Error("something is kept that is too large, or was forgotten")
	}
	if c.forgetAll(); c.of("99", law) != nil || c.held != 0 {
		t.Error("after all was forgotten something is kept")
	}
}
