package register_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/register"
)

func TestEveryMistakeOfAMappingIsNamedWithItsLineInOneRun(t *testing.T) {
	_, err := register.ReadMapping(strings.NewReader(`register: Has Spaces
delimiter: "::"
colour: blue
constants:
  case.governorate: IQG11
  case.crime_type: LARCENY
fields:
  - {from: a, to: case.governorate}
  - {from: b, to: case.state}
  - {from: c, to: victim.shoe_size}
  - from: d
    to: victim.profile.sex
    values:
      أنثى: FEMALE
      انثى: MALE
      ?: OTHER
    not_stated: ["?"]
    otherwise: text
  - {from: e, to: case.core}
  - {from: f, to: suspect.endangers}
  - {from: g, to: victim.immigration_hold.do_not_remove}
  - {from: h, to: case.core.period_start, date: [MM]}
  - {from: [i, j], to: victim.identity.full_name.original, split: ";"}
  - {from: k, to: victim.nationality.countries, read: planet, split: [" "]}
  - {from: [], to: victim.person_role}
format: xml
missing: perhaps
persons:
  victim: {columns: [l]}
`))
	want := []string{
		`line 1: register must name the register in lower-case letters, digits, dots and dashes; it stands in every request id, so never change it`,
		`line 1: id must name the column that identifies a row; where there is none, say numbered: true`,
		`line 2: delimiter must be a comma, a semicolon, a tab or a bar`,
		`line 3: unknown key "colour"`,
		`line 5: case.governorate is filled by a column; a constant beside it would state what the register does not`,
		`line 6: CrimeType has no value "LARCENY"; it has TRAFFICKING_IN_PERSONS, SMUGGLING_OF_MIGRANTS`,
		`line 9: "case.state": the exchange fills this field`,
		`line 10: "victim.shoe_size" names no field: victim has no "shoe_size"; it has person_role, profile, nationality, alias, identity, documents, location, district, liaison, risk, protection, return_risk, health, care, forensic_report, immigration, immigration_hold, consular, screening, non_punishment`,
		`line 15: "أنثى" and "انثى" are the same word when compared, and have two codes`,
		`line 16: "?" has a code and is listed as not stated`,
		`line 18: victim.profile.sex does not take words, so an unread one cannot be kept there; name a field of words, or reject`,
		`line 19: "case.core" is not a single field; inside it are exploitation_forms, sectors, period_start, period_end, urgent, reach, victim_count`,
		`line 20: "suspect.endangers": it links to other records, which a register cannot name`,
		`line 21: victim.immigration_hold.do_not_remove is true or false: say under values which word means which`,
		`line 22: date layout "MM" has no year; write it with YYYY or YY, MM or M, DD or D`,
		`line 23: several columns are joined to words as they are: leave out values, split, date and read`,
		`line 24: split must be a character that stands between values, and space is none`,
		`line 24: read must be one of country, language`,
		`line 25: from must name the column`,
		`line 26: format must be csv or json`,
		`line 27: missing must be refuse or not_stated`,
		`line 29: persons.victim needs columns and the words under is, or columns under stated`,
	}
	if err == nil {
		t.Fatal("the mapping was taken")
	}
	if diff := cmp.Diff(want, strings.Split(err.Error(), "\n")); diff != "" {
		t.Errorf("mistakes (-want +got):\n%s", diff)
	}
}

func TestMappingThatIsNotYAMLIsRefusedWithItsLine(t *testing.T) {
	for text, want := range map[string]string{
		"":                              "the mapping is empty",
		"register: a\nfields: {":        "line 2: ",
		"register: a\nregister: b\n":    "line 2: ",
		"register: [a]\nfields: nine\n": "line 1: ",
	} {
		_, err := register.ReadMapping(strings.NewReader(text))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", text, err, want)
		}
	}
}

func TestMappingTellsWhichClassesItFills(t *testing.T) {
	want := []register.Told{
		{Class: jisrv1.DataClass_DATA_CLASS_CASE_CORE, Fields: []string{"case.administering_authority", "case.crime_type", "case.governorate", "case.core.exploitation_forms"}},
		{Class: jisrv1.DataClass_DATA_CLASS_VICTIM_PROFILE, Fields: []string{"victim.person_role", "victim.profile.minor"}},
		{Class: jisrv1.DataClass_DATA_CLASS_VICTIM_IDENTITY, Fields: []string{"victim.identity.birth_date", "victim.identity.full_name.original"}},
		{Class: jisrv1.DataClass_DATA_CLASS_SUSPECT_IDENTITY, Fields: []string{"suspect.identity.full_name.original"}},
	}
	if diff := cmp.Diff(want, mapping(t, small).Classes()); diff != "" {
		t.Errorf("classes (-want +got):\n%s", diff)
	}
}

func TestRowsFillElementsOfTheirOwn(t *testing.T) {
	m := mapping(t, small+"  - {from: article, to: case.legal_bases.article}\n  - {from: said, to: case.legal_bases.propose_time, date: [YYYY-MM-DD]}\n")
	p := plan(t, m, strings.TrimSpace(smallHeader)+",article,said\n"+
		"1,A,Erbil,,victim,,,Cedar,TIP.28-2012.6-1,2025-03-01\n"+
		"2,A,Erbil,,victim,,,Amber,PROST.8-1988.4,2025-04-01\n"+
		"3,A,Erbil,,suspect,,,Willow,TIP.28-2012.6-1,2025-03-01\n")
	if len(p.Rejects) > 0 {
		t.Fatal(p.Rejects)
	}
	var got []string
	for _, basis := range p.Groups[0].Case.Request.(*jisrv1.CreateCaseRequest).GetCase().GetLegalBases() {
		got = append(got, basis.GetArticle()+" "+basis.GetProposeTime().AsTime().Format("2006-01-02T15:04Z"))
	}
	want := []string{"TIP.28-2012.6-1 2025-02-28T21:00Z", "PROST.8-1988.4 2025-03-31T21:00Z"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("legal bases (-want +got):\n%s", diff)
	}
}
