package register_test

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/jisr-exchange/jisr/examples"
	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/register"
)

func victimOf(t *testing.T, r register.Record) *jisrv1.Victim {
	t.Helper()
	request, ok := r.Request.(*jisrv1.CreateVictimRequest)
	if !ok {
		t.Fatalf("%T is no victim's request", r.Request)
	}
	return request.GetVictim()
}

func TestExampleRegisterIsReadWhole(t *testing.T) {
	m, err := register.ReadMapping(bytes.NewReader(examples.RegisterMapping))
	if err != nil {
		t.Fatal(err)
	}
	p, err := m.Plan(bytes.NewReader(examples.Register))
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Rejects) > 0 || p.Rows != 8 || len(p.Groups) != 4 {
		t.Fatalf("%d rows, %d cases, rejects %v; want 8, 4 and none", p.Rows, len(p.Groups), p.Rejects)
	}
	first := p.Groups[0]
	if got := victimOf(t, first.Persons[1]).GetProfile().GetAgeBand(); got != "" {
		t.Errorf("the age band -99 became %q; it is not stated", got)
	}
	if got := victimOf(t, p.Groups[1].Persons[0]).GetIdentity().GetFullName().GetOriginal(); got != "ڕووبار هەناری سەوز" {
		t.Errorf("the Sorani name became %q", got)
	}
	if got := victimOf(t, p.Groups[2].Persons[0]).GetDocuments().GetWithheldByAnother(); got != jisrv1.Answer_ANSWER_UNSPECIFIED {
		t.Errorf("papers taken NA became %v; it is not stated", got)
	}
	for i, want := range []string{"IQG08", "IQG13", "IQG15"} {
		c := p.Groups[i].Case.Request.(*jisrv1.CreateCaseRequest).GetCase()
		if c.GetGovernorate() != want || c.GetAdministeringAuthority() != jisrv1.Jurisdiction_JURISDICTION_FEDERAL {
			t.Errorf("case %d is in %s under %v; want %s under the federal authority", i+1, c.GetGovernorate(), c.GetAdministeringAuthority(), want)
		}
	}
	aqra := p.Groups[3].Case.Request.(*jisrv1.CreateCaseRequest).GetCase()
	if aqra.GetGovernorate() != "IQG15" || aqra.GetAdministeringAuthority() != jisrv1.Jurisdiction_JURISDICTION_KURDISTAN_REGION {
		t.Errorf("Aqra is in %s under %v; want IQG15 under the Kurdistan Region", aqra.GetGovernorate(), aqra.GetAdministeringAuthority())
	}
}

func TestSherlocRowsGoInOrAreRejectedWithTheirLine(t *testing.T) {
	data, err := os.ReadFile("../../../shared/data/unodc_sherloc_us_cases_coded.csv")
	if err != nil {
		t.Skip("the table of SHERLOC cases is not beside the project")
	}
	m, err := register.ReadMapping(bytes.NewReader(examples.SherlocMapping))
	if err != nil {
		t.Fatal(err)
	}
	p, err := m.Plan(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if p.Rows != 181 || len(p.Groups)+len(p.Rejects) != 181 {
		t.Fatalf("%d rows: %d cases and %d rejects; want 181 in all", p.Rows, len(p.Groups), len(p.Rejects))
	}
	tooLong := "case.core.victim_count: must be at most 32 characters"
	noMap := "no map reads this value as case.narrative.means"
	want := []register.Reject{
		{Line: 27, Column: "NumberVictims", Reason: tooLong}, {Line: 39, Column: "NumberVictims", Reason: tooLong},
		{Line: 45, Column: "NumberVictims", Reason: tooLong}, {Line: 56, Column: "NumberVictims", Reason: tooLong},
		{Line: 63, Column: "MeansUsed", Reason: noMap}, {Line: 238, Column: "MeansUsed", Reason: noMap},
	}
	if diff := cmp.Diff(want, p.Rejects); diff != "" {
		t.Errorf("rejects (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]int{"ExploitativePurposes": 2}, p.Kept); diff != "" {
		t.Errorf("kept as text (-want +got):\n%s", diff)
	}
	victims, suspects := 0, 0
	for _, g := range p.Groups {
		for _, person := range g.Persons {
			switch person.Kind {
			case register.KindVictim:
				victims++
			case register.KindSuspect:
				suspects++
			}
		}
	}
	if victims != 53 || suspects < 160 {
		t.Errorf("%d victims and %d suspects; want the 53 cases with one victim, and nearly every case with a defendant", victims, suspects)
	}
}

func TestOneBadRowKeepsItsCaseBack(t *testing.T) {
	p := plan(t, mapping(t, small), smallHeader+
		"1,A,Erbil,labour,victim,no,3/2/1999,Cedar\n"+
		"2,A,Erbil,nonsense,victim,no,,Willow\n"+
		"3,B,Duhok,begging,ضَحِيّة,yes,2010,Amber\n")
	want := []register.Reject{
		{Line: 2, Reason: "held back with line 3 of the same case"},
		{Line: 3, Column: "forms", Reason: "no map reads this value as case.core.exploitation_forms"},
	}
	if diff := cmp.Diff(want, p.Rejects); diff != "" {
		t.Errorf("rejects (-want +got):\n%s", diff)
	}
	if len(p.Groups) != 1 || p.Groups[0].Case.ExternalID != "B" {
		t.Errorf("case B alone should go in; got %d cases", len(p.Groups))
	}
}

func TestNotStatedNeverBecomesNo(t *testing.T) {
	p := plan(t, mapping(t, small), smallHeader+
		"1,A,Erbil,,victim,-99,NA,Cedar\n"+
		"2,A,Erbil,,victim,,,Willow\n"+
		"3,A,Erbil,,victim,no,٣/٢/١٩٩٩,Amber\n")
	if len(p.Rejects) > 0 {
		t.Fatal(p.Rejects)
	}
	want := []jisrv1.Answer{jisrv1.Answer_ANSWER_UNSPECIFIED, jisrv1.Answer_ANSWER_UNSPECIFIED, jisrv1.Answer_ANSWER_NO}
	for i, person := range p.Groups[0].Persons {
		if got := victimOf(t, person).GetProfile().GetMinor(); got != want[i] {
			t.Errorf("row %d: minor is %v, want %v", i+1, got, want[i])
		}
	}
	if got := victimOf(t, p.Groups[0].Persons[2]).GetIdentity().GetBirthDate(); got != "1999-02-03" {
		t.Errorf("٣/٢/١٩٩٩ became %q", got)
	}
}

func TestRejectsNameLineAndColumnAndNeverTheValue(t *testing.T) {
	for _, tc := range []struct {
		name, rows string
		want       register.Reject
	}{
		{"a word no map reads", "1,A,Secretville,,victim,,,Cedar", register.Reject{Line: 2, Column: "place", Reason: "no map reads this value as case.governorate"}},
		{"a required field not stated", "1,A,NA,,victim,,,Cedar", register.Reject{Line: 2, Column: "place", Reason: "case.governorate: the contract requires it, and the row does not state it"}},
		{"a date that is none", "1,A,Erbil,,victim,,31/2/1999,Cedar", register.Reject{Line: 2, Column: "born", Reason: "no map reads this value as victim.identity.birth_date"}},
		{"nobody's row", "1,A,Erbil,,Secretville,,,Cedar", register.Reject{Line: 2, Column: "role", Reason: "the row tells neither of a victim nor of a suspect"}},
		{"a row without id", ",A,Erbil,,victim,,,Cedar", register.Reject{Line: 2, Column: "id", Reason: "the row has no id"}},
		{"a row without case", "1,,Erbil,,victim,,,Cedar", register.Reject{Line: 2, Column: "case", Reason: "the row does not say to which case it belongs"}},
		{"a name beyond the contract's length", "1,A,Erbil,,victim,,," + strings.Repeat("x", 301), register.Reject{Line: 2, Column: "name", Reason: "victim.identity.full_name.original: must be at most 300 characters"}},
		{"rows that disagree", "1,A,Erbil,,victim,,,Cedar\n2,A,Duhok,,victim,,,Amber", register.Reject{Line: 3, Column: "place", Reason: "the rows of one case disagree about case.governorate; line 2 states another value"}},
		{"two rows of one id", "1,A,Erbil,,victim,,,Cedar\n1,A,Erbil,,victim,,,Amber", register.Reject{Line: 3, Column: "id", Reason: "line 2 has the same id"}},
		{"a row that is too short", "1,A,Erbil", register.Reject{Line: 2, Reason: "the row has 3 cells and the header 8"}},
		{"a quote left open", `1,A,Erbil,,victim,,,"Cedar`, register.Reject{Line: 2, Reason: "a quoted cell is not closed, or goes on after its closing quote; lines after it may have been read into it"}},
		{"bytes of another encoding", "1,A,Erbil,,victim,,,\xc7\xe1", register.Reject{Line: 2, Column: "name", Reason: "the cell is not in UTF-8"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := plan(t, mapping(t, small), smallHeader+tc.rows+"\n")
			if len(p.Groups) != 0 {
				t.Errorf("%d cases would go in; want none", len(p.Groups))
			}
			if !cmp.Equal(p.Rejects, []register.Reject{tc.want}, cmpopts.IgnoreSliceElements(func(r register.Reject) bool { return r != tc.want })) {
				t.Errorf("rejects %+v; want %+v among them", p.Rejects, tc.want)
			}
			for _, r := range p.Rejects {
				if strings.Contains(r.Reason, "Secretville") || strings.Contains(r.Reason, "Cedar") || strings.Contains(r.Reason, "xxx") {
					t.Errorf("a reject repeats a value: %+v", r)
				}
			}
		})
	}
}

// A row that cannot be read may belong to any case, so where rows are grouped
// none is known to be whole.
func TestBrokenRowHoldsEveryGroupedCaseBack(t *testing.T) {
	p := plan(t, mapping(t, small), smallHeader+"1,A,Erbil,,victim,,,Cedar\n2,A,Erbil\n3,B,Duhok,,suspect,,,Amber\n")
	if len(p.Groups) != 0 || len(p.Rejects) != 3 {
		t.Errorf("%d cases, rejects %v; want no case and three rejects", len(p.Groups), p.Rejects)
	}
}

func TestRegisterMayHaveByteOrderMarkQuotedLinesAndMissingColumns(t *testing.T) {
	m := mapping(t, small)
	p := plan(t, m, "\ufeff"+smallHeader+"1,A,Erbil,,victim,,,\"Cedar\nIndigo\"\n2,A,Erbil,,victim,,,Amber\n")
	if len(p.Groups) != 1 || p.Groups[0].Persons[1].Line != 4 {
		t.Errorf("the second row begins on line 4; got %+v", p)
	}
	_, err := m.Plan(strings.NewReader("id,case,place,forms,role,minor,born,shoe size\n"))
	want := "column \"shoe size\" of the register is neither mapped nor under ignore\nline 18: the register has no column \"name\""
	if err == nil || err.Error() != want {
		t.Errorf("got:\n%v\nwant:\n%s", err, want)
	}
	_, err = m.Plan(strings.NewReader(strings.ReplaceAll(smallHeader, ",", ";")))
	if err == nil || !strings.Contains(err.Error(), "delimiter") || strings.Contains(err.Error(), "\n") {
		t.Errorf("cells that something else stands between should be named as such, and nothing beside; got %v", err)
	}
	if _, err := m.Plan(strings.NewReader("\xff\xfei\x00d\x00")); err == nil || !strings.Contains(err.Error(), "UTF-16") {
		t.Errorf("a register in UTF-16 should be named as such; got %v", err)
	}
}
