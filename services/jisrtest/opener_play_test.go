package jisrtest_test

import (
	"slices"
	"testing"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/jisrtest"
	"github.com/jisr-exchange/jisr/services/jisrtest/oracle"
	"github.com/jisr-exchange/jisr/services/record"
)

// Social affairs opens a case, and the court fills it. Who opened it reads the
// form of exploitation and the dates, and in no byte of any answer, errors and
// pages among them, a charge, a method or a suspect.
func TestSocialAffairsOpensACaseAndReadsNeitherChargesNorMethodsNorSuspects(t *testing.T) {
	s := newStage()
	w := &world{t: t, x: s.start(t), stage: s, names: make(map[string]string)}
	shelter := w.x.As(jisrtest.Shelter)
	opened := got(shelter.CreateCase(ctx, jisrv1.CreateCaseRequest_builder{Case: withoutSections()}.Build()))(t)
	person := got(shelter.CreateVictim(ctx, jisrv1.CreateVictimRequest_builder{Parent: opened.GetName(), Victim: jisrv1.Victim_builder{
		PersonRole: jisrv1.Victim_PERSON_ROLE_VICTIM,
	}.Build()}.Build()))(t)
	same := func(jisrv1.DataClass) bool { return false }
	c := withoutSections()
	c.SetName(opened.GetName())
	sections := w.text(c, same)
	got(w.judge().UpdateCase(ctx, jisrv1.UpdateCaseRequest_builder{Case: c, UpdateMask: sections}.Build()))(t)
	suspect := &jisrv1.Suspect{}
	w.text(suspect, same)
	accused := got(w.judge().CreateSuspect(ctx, jisrv1.CreateSuspectRequest_builder{Parent: opened.GetName(), Suspect: suspect}.Build()))(t)
	w.tellOf(person.GetName(), same)

	var marks []oracle.Mark
	for _, name := range []string{"Case", "Suspect", "Victim"} {
		_, of, err := oracle.Canary(record.ByName(name), "the one text")
		w.must(err)
		marks = append(marks, of...)
	}
	never := []jisrv1.DataClass{
		jisrv1.DataClass_DATA_CLASS_CHARGES, jisrv1.DataClass_DATA_CLASS_CASE_NARRATIVE, jisrv1.DataClass_DATA_CLASS_SCREENING,
		jisrv1.DataClass_DATA_CLASS_SUSPECT_IDENTITY, jisrv1.DataClass_DATA_CLASS_SUSPECT_NOTICE, jisrv1.DataClass_DATA_CLASS_INVESTIGATION_PLAN,
		jisrv1.DataClass_DATA_CLASS_INVESTIGATION_SOURCES, jisrv1.DataClass_DATA_CLASS_EVIDENCE, jisrv1.DataClass_DATA_CLASS_COURT_PROCEEDINGS,
		jisrv1.DataClass_DATA_CLASS_NON_PUNISHMENT, jisrv1.DataClass_DATA_CLASS_VICTIM_IMMIGRATION,
	}
	p := &tape{t: t, stage: s, client: shelter}
	read := p.call("CaseService/GetCase", "name", opened.GetName()).Interface().(*jisrv1.Case)
	if !read.HasCore() || len(read.GetHearings()) == 0 {
		t.Error("the opener does not read the form of exploitation, or the dates")
	}
	p.call("CaseService/GetVictim", "name", person.GetName())
	p.call("CaseService/GetSuspect", "name", accused.GetName())
	p.call("CaseService/GetCaseFile", "name", opened.GetName())
	for _, list := range []string{"CaseService/ListCases", "CaseService/ListVictims", "CaseService/ListSuspects", "OrderService/ListOrders"} {
		p.pages(list, opened.GetName())
	}
	p.call("AgreementService/ExplainAccess", "name", opened.GetName())
	for _, path := range sections.GetPaths() {
		p.call("CaseService/UpdateCase", "case", withEtag(c), "update_mask", mask(path))
	}
	p.call("AuditService/ListLogEntries", "record", opened.GetName())
	found := 0
	for _, k := range p.takes {
		for _, b := range append(slices.Clone(k.messages), k.status) {
			for _, mark := range oracle.FindCanaries(b, marks) {
				found++
				if slices.Contains(never, mark.Class) {
					t.Errorf("%s shows %s", k.label, mark.Path)
				}
			}
		}
	}
	if found == 0 {
		t.Error("no text was found at all: the search proves nothing")
	}
}

// withEtag gives a write an etag that is not the caller's view, so that what is allowed is lost too.
func withEtag(c *jisrv1.Case) *jisrv1.Case {
	stale := record.Clone(c)
	stale.SetEtag("stale")
	return stale
}

// Aqra lies in the governorate of Ninewa and is administered by the Kurdistan
// Region: the place alone does not decide whose case it is.
func TestACaseInAqraIsTheRegionsAndNotNinewas(t *testing.T) {
	x := jisrtest.Start(t)
	c := withoutSections()
	c.SetGovernorate("IQG15")
	c.SetAdministeringAuthority(jisrv1.Jurisdiction_JURISDICTION_KURDISTAN_REGION)
	opened := got(x.As("kri-dcvaw/desk").CreateCase(ctx, jisrv1.CreateCaseRequest_builder{Case: c}.Build()))(t)
	got(getCase(x.As(jisrtest.Erbil), opened.GetName()))(t)
	for _, federal := range []string{jisrtest.Police, "sjc-ninewa-inv/court", jisrtest.Monitor} {
		refused(getCase(x.As(federal), opened.GetName()))(t, fault.NotFound)
		if n := len(got(x.As(federal).ListCases(ctx, &jisrv1.ListCasesRequest{}))(t).GetCases()); n != 0 {
			t.Errorf("%s lists %d cases", federal, n)
		}
	}
	if n := len(got(x.As("kri-ihrc/monitor").ListCases(ctx, &jisrv1.ListCasesRequest{}))(t).GetCases()); n != 1 {
		t.Errorf("the Region's monitor lists %d cases", n)
	}
}
