package register_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/register"
)

// form is a mapping of a register of JSON objects.
const form = `register: form
format: json
id: ref
not_stated: [unknown]
constants:
  case.crime_type: TRAFFICKING_IN_PERSONS
  case.governorate: IQG08
  case.administering_authority: FEDERAL
  victim.person_role: VICTIM
fields:
  - {from: [person.first, person.last], to: victim.identity.full_name.original}
  - {from: person.minor, to: victim.profile.minor, values: {"true": "YES", "false": "NO"}}
  - {from: person.from, to: victim.nationality.countries, split: ",", read: country}
  - {from: hearings.1.court, to: case.core.sectors}
  - {from: hearings.2.court, to: case.core.sectors}
`

func TestRegisterOfJSONIsReadInEachOfItsForms(t *testing.T) {
	first := `{"ref": 7, "person": {"first": "Amber", "last": "Lantern", "minor": false, "from": ["ET", "", null, "irq"]}, "hearings": [{"court": "a"}, {"court": "b"}]}`
	second := `{"ref": "8", "person": {"first": "نرجس", "minor": null, "from": "PH, LK"}}`
	for name, text := range map[string]string{
		"one a line":             first + "\n\n" + second + "\n",
		"one a line, with CR LF": first + "\r\n" + second,
		"an array":               "\ufeff[" + first + ",\n" + second + "]\n",
		"one after another":      strings.ReplaceAll(first, `, "`, ",\n  \"") + "\n" + second,
	} {
		t.Run(name, func(t *testing.T) {
			p := plan(t, mapping(t, form), text)
			if len(p.Rejects) > 0 || len(p.Groups) != 2 {
				t.Fatalf("%d cases, rejects %v", len(p.Groups), p.Rejects)
			}
			amber, narjis := victimOf(t, p.Groups[0].Persons[0]), victimOf(t, p.Groups[1].Persons[0])
			if p.Groups[0].Case.ExternalID != "7" || amber.GetIdentity().GetFullName().GetOriginal() != "Amber Lantern" || amber.GetProfile().GetMinor() != jisrv1.Answer_ANSWER_NO {
				t.Errorf("the first row became %v", amber)
			}
			if diff := cmp.Diff([]string{"ETH", "IRQ"}, amber.GetNationality().GetCountries()); diff != "" {
				t.Error(diff)
			}
			if narjis.GetIdentity().GetFullName().GetOriginal() != "نرجس" || narjis.GetProfile().GetMinor() != jisrv1.Answer_ANSWER_UNSPECIFIED {
				t.Errorf("the second row became %v", narjis)
			}
			if diff := cmp.Diff([]string{"PHL", "LKA"}, narjis.GetNationality().GetCountries()); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff([]string{"a", "b"}, p.Groups[0].Case.Request.(*jisrv1.CreateCaseRequest).GetCase().GetCore().GetSectors()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestRowOfJSONThatCannotBeReadIsRejectedAlone(t *testing.T) {
	for _, tc := range []struct{ name, row, column, reason string }{
		{"no JSON", `{"ref": "1", "person": {"first": Secretville}}`, "", "the line is not JSON"},
		{"cut off", `{"ref": "1", "person": {"first": "Secretv`, "", "the line is not JSON"},
		{"a field twice", `{"ref": "1", "ref": "Secretville"}`, "ref", "the row states this twice"},
		{"a field twice by its path", `{"ref": "1", "person.first": "Secretville", "person": {"first": "b"}}`, "person.first", "the row states this twice"},
		{"an array in an array", `{"ref": "1", "person": {"from": [["Secretville"]]}}`, "person.from", "an array lies in an array"},
		{"objects beside values", `{"ref": "1", "hearings": ["Secretville", {"court": "a"}]}`, "hearings", "objects and plain values stand in one array"},
		{"values beside objects", `{"ref": "1", "hearings": [{"court": "a"}, "Secretville"]}`, "hearings", "objects and plain values stand in one array"},
		{"half a character", `{"ref": "1", "person": {"first": "Secretville \ud800"}}`, "person.first", "the cell holds a character that was lost before it came here (U+FFFD)"},
		{"NUL", `{"ref": "1", "person": {"first": "Secretville\u0000"}}`, "person.first", "the cell holds a NUL character"},
		{"another encoding", "{\"ref\": \"1\", \"person\": {\"first\": \"Secretville\xc7\"}}", "", "the row is not in UTF-8"},
		{"too deep", `{"ref":` + strings.Repeat(`{"a":`, 20) + `"Secretville"` + strings.Repeat("}", 21), strings.TrimSuffix("ref."+strings.Repeat("a.", 16), "."), "objects lie too deep in each other"},
		{"no id", `{"person": {"first": "Secretville"}}`, "ref", "the row has no id"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := plan(t, mapping(t, form), `{"ref": "0", "person": {"first": "Amber"}}`+"\n"+tc.row+"\n"+`{"ref": "2", "person": {"first": "Cedar"}}`+"\n")
			want := []register.Reject{{Line: 2, Column: tc.column, Reason: tc.reason}}
			if diff := cmp.Diff(want, p.Rejects); diff != "" {
				t.Errorf("rejects (-want +got):\n%s", diff)
			}
			if len(p.Groups) != 2 || p.Rows != 3 {
				t.Errorf("%d cases of %d rows; want the two sound ones of three", len(p.Groups), p.Rows)
			}
		})
	}
}

func TestJSONThatIsNoneIsRefusedWholeWithItsLineAndNoValue(t *testing.T) {
	for name, tc := range map[string]struct{ text, want string }{
		"nothing":              {"\n", "the register is empty: not even one object"},
		"a bracket left open":  {"[{\"ref\": \"1\"},\n{\"ref\": \"Secretville\"}", "the register is not JSON: see line 2"},
		"a word":               {"[\n{\"ref\": \"1\"},\nSecretville]", "the register is not JSON: see line 3"},
		"more after the array": {"[{\"ref\": \"1\"}]\nSecretville", "the register is not JSON: see line 2"},
		"CSV":                  {"ref,person\n1,Secretville\n", "the register is not JSON: see line 1"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := mapping(t, form).Plan(strings.NewReader(tc.text)); err == nil || err.Error() != tc.want {
				t.Errorf("%v; want %s", err, tc.want)
			}
		})
	}
	_, err := mapping(t, form).Plan(strings.NewReader(`{"ref": "1", "person": {"shoe": "9"}}`))
	if want := `column "person.shoe" of the register is neither mapped nor under ignore`; err == nil || err.Error() != want {
		t.Errorf("%v; want %s", err, want)
	}
}

// Whatever bytes come as a register, each row is read or rejected with its line and a reason.
func FuzzRegisterOfAnyBytesIsReadOrRejected(f *testing.F) {
	for _, text := range []string{`{"ref": "1"}`, `[{"ref": "1", "person": {"from": [1, null]}}, 7]`, "{\n}{\n}", `{"ref": ["a", {"b": []}]}`, "ref\n\"a\"b\n1\n", "[", "\xef\xbb\xbf"} {
		f.Add([]byte(text))
	}
	asJSON, err := register.ReadMapping(strings.NewReader(strings.Replace(form, "id: ref", "id: ref\nignore: [a, b]", 1)))
	if err != nil {
		f.Fatal(err)
	}
	asCSV, err := register.ReadMapping(strings.NewReader(strings.NewReplacer("format: json", "exported: true\nmissing: not_stated", "id: ref", "numbered: true\nignore: [ref]").Replace(form)))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, m := range []*register.Mapping{asJSON, asCSV} {
			p, err := m.Plan(bytes.NewReader(data))
			if err != nil {
				continue
			}
			lines := make(map[int]bool)
			for _, r := range p.Rejects {
				lines[r.Line] = true
				if r.Line < 1 || r.Reason == "" {
					t.Errorf("a reject without line or reason: %+v", r)
				}
			}
			if len(p.Groups)+len(lines) > p.Rows || len(p.Groups)+len(p.Rejects) < p.Rows {
				t.Errorf("%d cases and %d rejects of %d rows", len(p.Groups), len(p.Rejects), p.Rows)
			}
		}
	})
}
