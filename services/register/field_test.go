package register_test

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/jisr-exchange/jisr/examples"
	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/register"
)

// fromTheField reads a file of the field's data, which does not come with the project.
func fromTheField(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "..", "shared", "data", name))
	if err != nil {
		t.Skip("the field's data is not beside this checkout: ", name)
	}
	return data
}

func planOf(t *testing.T, mappingText, data []byte) *register.Plan {
	t.Helper()
	return plan(t, mapping(t, string(mappingText)), string(data))
}

func caseOf(g register.Group) *jisrv1.Case {
	return g.Case.Request.(*jisrv1.CreateCaseRequest).GetCase()
}

// unstated reads CTDC's table without the mapping, by the words of its codebook
// alone, and says where a record states what the table does not, or lacks what
// the table states.
func unstated(t *testing.T, data []byte, p *register.Plan) []string {
	t.Helper()
	table, err := csv.NewReader(bytes.NewReader(data)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	column := make(map[string]int)
	for i, name := range table[0] {
		column[name] = i
	}
	if len(p.Groups) != len(table)-1 {
		t.Fatalf("%d cases of %d rows", len(p.Groups), len(table)-1)
	}
	var faults []string
	for i, line := range table[1:] {
		v := victimOf(t, p.Groups[i].Persons[0])
		for name, stated := range map[string]bool{
			"gender":            v.GetProfile().GetSex() != 0,
			"ageCategories":     v.GetProfile().GetAgeBand() != "" && v.GetProfile().GetMinor() != 0,
			"citizenship":       len(v.GetNationality().GetCountries()) > 0 || v.GetNationality().GetStateless() != 0,
			"isForcedLabour":    v.GetScreening().GetNote() != "",
			"ControlCategory":   len(v.GetScreening().GetMethodsOfControl()) > 0,
			"RecruiterCategory": len(v.GetScreening().GetRecruiterRelations()) > 0,
			"ExploitType":       len(v.GetProfile().GetExploitationForms()) > 0,
			"Labor_Type":        len(v.GetProfile().GetSectors()) > 0,
		} {
			word := line[column[name]]
			says := !slices.Contains([]string{"", "-99", "Unknown", "Not Specified"}, word) && (name != "citizenship" || word != "0")
			if says != stated {
				faults = append(faults, fmt.Sprintf("row %d: %s is stated in the table: %v; in the record: %v", i+1, name, says, stated))
			}
		}
	}
	return faults
}

func TestInVictimProfilesOfCTDCNotStatedNeverBecomesNo(t *testing.T) {
	data := fromTheField(t, "ctdc_derived_eda5b.csv")
	p := planOf(t, examples.CTDCMapping, data)
	if p.Rows != 14299 || len(p.Rejects) > 0 {
		t.Fatalf("%d rows, rejects %v; want 14299 and none", p.Rows, p.Rejects)
	}
	if faults := unstated(t, data, p); len(faults) > 0 {
		t.Errorf("%d faults, the first: %s", len(faults), faults[0])
	}
	forced, countries := 0, make(map[string]int)
	for _, g := range p.Groups {
		v := victimOf(t, g.Persons[0])
		for _, c := range v.GetNationality().GetCountries() {
			countries[c]++
		}
		if strings.HasSuffix(v.GetScreening().GetNote(), ": no") {
			forced++
		}
	}
	if forced != 11923 || countries["USA"] != 3590 || countries["LKA"] != 73 || len(countries) != 21 {
		t.Errorf("%d said no to forced labour, citizenships %v; want 11923, and 21 countries as in the table", forced, countries)
	}
	t.Run("and a mapping that takes it for a no is noticed", func(t *testing.T) {
		few := bytes.Join(slices.DeleteFunc(bytes.SplitAfter(data, []byte("\n")), func(line []byte) bool {
			return !bytes.HasPrefix(line, []byte("year")) && !bytes.Contains(line, []byte("-99")) &&
				!bytes.Contains(line, []byte(",LK,")) && !bytes.Contains(line, []byte(",0,0,Survival"))
		}), nil)
		if faults := unstated(t, few, planOf(t, examples.CTDCMapping, few)); len(faults) > 0 {
			t.Fatal(faults)
		}
		for name, change := range map[string][]string{
			"-99 as no":              {`not_stated: ["-99", `, `not_stated: [`, `"0": "no"}`, `"0": "no", "-99": "no"}`},
			"0 as a country":         {`not_stated: ["0"]`, `values: {"0": IRQ}`},
			"unknown as a sector":    {`Not Specified, Unknown]`, `Not Specified]`},
			"a word that is dropped": {`not_stated: ["0"]`, `not_stated: ["0", LK]`},
		} {
			wrong := strings.NewReplacer(change...).Replace(string(examples.CTDCMapping))
			if len(unstated(t, few, planOf(t, []byte(wrong), few))) == 0 {
				t.Errorf("%s: nothing was noticed", name)
			}
		}
	})
}

func TestHTCDSMappingKnowsEveryFieldOfTheStandard(t *testing.T) {
	table, err := csv.NewReader(bytes.NewReader(fromTheField(t, "htcds_fields_v2.csv"))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, line := range table[1:] {
		if prefix, name := line[3], line[4]; name != "" && prefix != "N/A" {
			names = append(names, prefix+name)
		}
	}
	if len(names) < 80 {
		t.Fatalf("only %d fields were read", len(names))
	}
	m := mapping(t, string(examples.HTCDSMapping))
	// An empty file says of each column whether the mapping knows it.
	if _, err := m.Plan(strings.NewReader(strings.Join(names, ",") + "\n")); err != nil {
		t.Error(err)
	}
	if _, err := m.Plan(strings.NewReader(strings.Join(names, ",") + ",prs_ShoeSize\n")); err == nil {
		t.Error("a column that the standard does not have was taken")
	}
}

func TestFileInHTCDSIsReadAsItIs(t *testing.T) {
	p := planOf(t, examples.HTCDSMapping, examples.HTCDS)
	if p.Rows != 6 || len(p.Groups) != 6 {
		t.Fatalf("%d rows, %d cases, rejects %v", p.Rows, len(p.Groups), p.Rejects)
	}
	first, second := victimOf(t, p.Groups[0].Persons[0]), victimOf(t, p.Groups[1].Persons[0])
	if got := first.GetIdentity().GetFullName().GetOriginal(); got != "Amber Lantern" {
		t.Errorf("the name became %q", got)
	}
	if got := second.GetIdentity().GetFullName().GetOriginal(); got != "نرجس الرمان الفضي" {
		t.Errorf("the Arabic name became %q", got)
	}
	if diff := cmp.Diff([]string{"am", "en"}, first.GetProfile().GetLanguages()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"IRQ", "SYR"}, second.GetNationality().GetCountries()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"PhysicalThreats", "FalsePromises"}, second.GetScreening().GetMethodsOfControl()); diff != "" {
		t.Error(diff)
	}
	forms := []jisrv1.ExploitationForm{jisrv1.ExploitationForm_EXPLOITATION_FORM_SEXUAL_EXPLOITATION, jisrv1.ExploitationForm_EXPLOITATION_FORM_FORCED_MARRIAGE}
	if diff := cmp.Diff(forms, caseOf(p.Groups[1]).GetCore().GetExploitationForms()); diff != "" {
		t.Error(diff)
	}
	if first.GetDocuments().GetWithheldByAnother() != jisrv1.Answer_ANSWER_YES || second.GetDocuments().GetWithheldByAnother() != 0 {
		t.Error("other methods of control do not say that nobody holds the papers")
	}
	if second.GetProfile().GetSex() != 0 || strings.Contains(second.GetScreening().GetNote(), "Deceased") || !strings.Contains(second.GetScreening().GetNote(), "Children: 0") {
		t.Errorf("a gender not specified, a box not ticked, or a number of children became something else: %q", second.GetScreening().GetNote())
	}
	for i, want := range []string{"IQG08", "IQG15", "IQG13", "IQG02", "IQG08", "IQG02"} {
		if got := caseOf(p.Groups[i]).GetGovernorate(); got != want {
			t.Errorf("row %d is in %s, want %s", i+1, got, want)
		}
	}
	kinds := make([]string, len(p.Groups))
	for i, g := range p.Groups {
		for _, person := range g.Persons {
			kinds[i] += person.Kind.String() + " "
		}
	}
	if diff := cmp.Diff([]string{"victim ", "victim ", "victim ", "victim ", "suspect ", "victim suspect "}, kinds); diff != "" {
		t.Errorf("persons (-want +got):\n%s", diff)
	}
}

func TestReferralOfTheBritishFormIsRead(t *testing.T) {
	p := planOf(t, examples.NRMMapping, fromTheField(t, "uk_nrm_example_payload.json"))
	if len(p.Groups) != 1 || len(p.Groups[0].Persons) != 2 {
		t.Fatalf("%d cases, rejects %v", len(p.Groups), p.Rejects)
	}
	c, v := caseOf(p.Groups[0]), victimOf(t, p.Groups[0].Persons[0])
	if p.Groups[0].Case.ExternalID != "f901a2e4-33cd-4712-b6e3-0b7ac54c4c23" || c.GetCore().GetUrgent() != 0 {
		t.Errorf("the case became %s, %v; fear of more exploitation is not danger now", p.Groups[0].Case.ExternalID, c.GetCore())
	}
	if v.GetIdentity().GetFullName().GetOriginal() != "TestFirstname TestSurname" || v.GetProfile().GetSex() != jisrv1.Sex_SEX_MALE || v.GetProfile().GetMinor() != jisrv1.Answer_ANSWER_NO {
		t.Errorf("the person became %v", v)
	}
	if diff := cmp.Diff([]string{"AUS"}, v.GetNationality().GetCountries()); diff != "" {
		t.Error(diff)
	}
	if v.HasLocation() || v.HasAlias() {
		t.Error("an empty alias or an address came through")
	}
	// What the form says in words is somewhere in the records.
	for _, words := range []string{"journey details", "treatment details", "reason they left", "last contact details", "dishonesty details", "interview details", "current location information", "exploiter details", "documents or evidence", "co-operation details", "Cousin"} {
		if !strings.Contains(fmt.Sprint(p.Groups[0].Case.Request, p.Groups[0].Persons[0].Request, p.Groups[0].Persons[1].Request), words) {
			t.Errorf("%q was lost", words)
		}
	}
}

func TestEveryCountryOfISO3166IsReadByBothItsCodes(t *testing.T) {
	table, err := csv.NewReader(bytes.NewReader(fromTheField(t, "iso3166_1_countries.csv"))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	// NA is Namibia, and must not be a word for "not stated" beside such a column.
	m := mapping(t, strings.NewReplacer("fields:\n", "fields:\n  - {from: from, to: victim.nationality.countries, read: country}\n", `not_stated: ["-99", NA]`, `not_stated: ["-99"]`).Replace(small))
	for _, line := range table[1:] {
		for _, code := range []string{line[0], line[1], strings.ToLower(line[1])} {
			p := plan(t, m, strings.TrimSpace(smallHeader)+",from\n1,A,Erbil,,victim,,,Cedar,"+code+"\n")
			if len(p.Groups) != 1 || !slices.Equal(victimOf(t, p.Groups[0].Persons[0]).GetNationality().GetCountries(), []string{line[1]}) {
				t.Errorf("%s is not read as %s: %v", code, line[1], p.Rejects)
			}
		}
	}
	for _, word := range []string{"0", "100", "XX", "ZZ", "Iraq", "EU", "419", "en-US"} {
		if p := plan(t, m, strings.TrimSpace(smallHeader)+",from\n1,A,Erbil,,victim,,,Cedar,"+word+"\n"); len(p.Rejects) != 1 {
			t.Errorf("%s was read as a country", word)
		}
	}
}

// A register without an id: equal rows are two, the place is the id, and where
// a quote gone wrong makes places uncertain, nothing after it goes in.
func TestNumberedRowsAreTheirPlaceAndNeverAnotherRowsPlace(t *testing.T) {
	m := mapping(t, strings.NewReplacer("id: id\ncase: case\n", "numbered: true\nignore: [id, case]\n").Replace(small))
	rows := smallHeader + ",,Erbil,,victim,,,Cedar\n,,Erbil,,victim,,,Cedar\nshort\n,,Duhok,,victim,,,Amber\n"
	p := plan(t, m, rows)
	var ids []string
	for _, g := range p.Groups {
		ids = append(ids, g.Case.ExternalID)
	}
	if diff := cmp.Diff([]string{"1", "2", "4"}, ids); diff != "" {
		t.Errorf("ids (-want +got):\n%s", diff)
	}
	p = plan(t, m, strings.Replace(rows, "short", `"a"b,,Erbil,,victim,,,Willow`, 1))
	want := []register.Reject{
		{Line: 4, Reason: "a quoted cell is not closed, or goes on after its closing quote; lines after it may have been read into it"},
		{Line: 5, Reason: "held back: line 4 cannot be read, so the numbers of the rows after it are not certain"},
	}
	if diff := cmp.Diff(want, p.Rejects); diff != "" || len(p.Groups) != 2 {
		t.Errorf("%d cases, rejects (-want +got):\n%s", len(p.Groups), diff)
	}
	// Here a quote joins two rows to one of too many cells, and the last comes a place early.
	p = plan(t, m, strings.Replace(rows, "short", ",,Erbil,,victim,,,\"Willow\n,,Erbil\",,victim,,,Oak", 1))
	if len(p.Groups) != 2 || len(p.Rejects) != 2 || p.Rejects[1].Line != 6 {
		t.Errorf("%d cases, rejects %v; want the two before it alone", len(p.Groups), p.Rejects)
	}
}
