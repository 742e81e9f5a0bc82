package oracle

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
)

func matrix() []row { return slices.Concat(caseRows, victimRows, courtRows, dealingRows) }

func TestEveryRoleHasACellForEveryClass(t *testing.T) {
	if errTable != nil {
		t.Fatal(errTable)
	}
	for _, role := range Roles() {
		for _, class := range Classes() {
			cell := table[role][class]
			if cell.Text == "" || strings.Trim(cell.Text, "FPMX-wtcjo") != "" {
				t.Errorf("%s, %s: cell %q", role, class, cell.Text)
			}
		}
	}
}

func TestATableWithAGapIsRefused(t *testing.T) {
	broken := map[string]func([]row){
		"a class is missing":          func(rs []row) { edit(rs, 7, "VICTIM_STATEMENT", "matrix") },
		"a class is there twice":      func(rs []row) { edit(rs, 7, "VICTIM_STATEMENT", "EVIDENCE") },
		"a class is not of ours":      func(rs []row) { edit(rs, 7, "VICTIM_STATEMENT", "VICTIM_STATEMENTS") },
		"a cell is missing":           func(rs []row) { edit(rs, 14, "CONSENT_RECORD -", "CONSENT_RECORD") },
		"the columns are in disarray": func(rs []row) { edit(rs, 14, "CP   CT", "CT   CP") },
	}
	for name, damage := range broken {
		rows := matrix()
		damage(rows)
		if _, err := assemble(rows); err == nil {
			t.Errorf("accepted although %s", name)
		}
	}
}

func edit(rows []row, number int, from, to string) {
	i := slices.IndexFunc(rows, func(r row) bool { return r.number == number })
	rows[i].table = strings.Replace(rows[i].table, from, to, 1)
}

// departures are the cells that are neither the matrix's, nor that with the
// letter of territory (where the matrix has none for counter-trafficking police
// and w for the organised-crime directorate, both), nor shut.
var departures = map[string]string{
	"PROGRESS CP P":           "reads the three-value status (correction)",
	"VICTIM_NATIONALITY FA P": "without consent (correction)",
	"REFERRAL_PARTIES PP Pw":  "as a party only (reason 24)",
	"REFERRAL_OUTCOME PP Pw":  "as a party only (reason 24)",
	"REFERRAL_REQUEST PP Pw":  "as a party only (reason 24)",
	"VICTIM_HEALTH VAW o":     "rereads its own (correction)",
	"VICTIM_HEALTH LSA o":     "rereads its own (correction)",
	"VICTIM_HEALTH NGO o":     "rereads its own (correction)",
	"FORENSIC_REPORT MOH o":   "goes to the judge; its writer keeps it (correction)",
	"FORENSIC_REPORT IJ Ft":   "goes to the judge (correction)",

	// Whoever wrote something keeps sight of its own words (9.8; part: the agency's own step).
	"CASE_NARRATIVE ASY o":     "its own words",
	"CASE_NARRATIVE VAW o":     "its own words",
	"CASE_NARRATIVE LSA o":     "its own words",
	"CASE_NARRATIVE NGO o":     "its own words",
	"SCREENING VAW o":          "its own words",
	"SCREENING LSA o":          "its own words",
	"SCREENING NGO o":          "its own words",
	"REFERRAL_LOGISTICS RES o": "its own step",
	"REFERRAL_LOGISTICS PP o":  "its own step",
	"REFERRAL_LOGISTICS FA o":  "its own step",
	"REFERRAL_LOGISTICS MOH o": "its own step",
	"REFERRAL_LOGISTICS MMD o": "its own step",
	"CONSENT_RECORD CT o":      "the collector sees the whole (reason 25)",
	"CONSENT_RECORD DCOC o":    "the collector sees the whole (reason 25)",
	"CONSENT_RECORD VAW o":     "the collector sees the whole (reason 25)",
}

func TestACellDepartsFromTheMatrixOnlyWhereItIsListed(t *testing.T) {
	territorial := map[string]bool{"CT": true, "DCOC": true, "PP": true, "IJ": true, "TC": true}
	seen := make(map[string]bool)
	for _, r := range matrix() {
		lines, err := r.lines()
		if err != nil {
			t.Fatal(err)
		}
		source, inMatrix := lines[uncorrected]
		delete(lines, uncorrected)
		for class, cells := range lines {
			for i, cell := range cells {
				if !inMatrix || cell == "-" || cell == source[i] || territorial[header[i]] && cell == bare(source, i)+"t" {
					continue
				}
				departure := strings.Join([]string{class, header[i], cell}, " ")
				seen[departure] = true
				if departures[departure] == "" {
					t.Errorf("row %d: %s, where the matrix has %q", r.number, departure, source[i])
				}
			}
		}
	}
	for departure := range departures {
		if !seen[departure] {
			t.Errorf("%s is listed and does not occur", departure)
		}
	}
}

// bare is the cell that the letter of territory is added to.
func bare(source []string, i int) string {
	police := slices.Index(header, "CT")
	if header[i] == "DCOC" && !strings.HasSuffix(source[police], "w") {
		return strings.TrimSuffix(source[i], "w")
	}
	return source[i]
}

func TestEveryCellOfTheMatrixOpensSomething(t *testing.T) {
	// Existence alone (RES, MOH in row 1), a clinic's place (MOH in row 3) and a
	// monitor's empty rows have no class here.
	none := map[string]bool{"1 RES": true, "1 MOH": true, "3 MOH": true, "4 HC": true, "11 HC": true, "11 CC": true}
	for _, r := range matrix() {
		lines, err := r.lines()
		if err != nil {
			t.Fatal(err)
		}
		source, inMatrix := lines[uncorrected]
		delete(lines, uncorrected)
		if !inMatrix {
			continue
		}
		for i := range header {
			opened := 0
			for _, cells := range lines {
				if cells[i] != "-" {
					opened++
				}
			}
			where := fmt.Sprintf("%d %s", r.number, header[i])
			if want := source[i] != "-" && !none[where]; want != (opened > 0) {
				t.Errorf("%s: the matrix has %q and %d classes are open", where, source[i], opened)
			}
		}
	}
}

func TestOperationsHasNoClass(t *testing.T) {
	for _, class := range Classes() {
		if !CellOf(jisrv1.Role_ROLE_OPERATIONS, class).None() {
			t.Errorf("operations has %s", class)
		}
	}
}

func TestTheNeverShareListHolds(t *testing.T) {
	never := map[string]string{
		"VICTIM_HEALTH CARE_INSTRUCTIONS": "CP CT DCOC ASY RES PP FA CC",
		"VICTIM_LOCATION":                 "FA CP RES ASY CC HC CT DCOC TC MOH MMD",
		"VICTIM_IDENTITY":                 "CP CC",
		"INVESTIGATION_SOURCES":           "CP ASY VAW RES PP TC LSA FA MOH MMD NGO HC CC",
		"VICTIM_IMMIGRATION":              "FA RES",
		"NON_PUNISHMENT":                  "CP CT DCOC ASY VAW RES LSA FA MOH MMD NGO HC CC",
		"REFERRAL_PARTIES REFERRAL_REQUEST REFERRAL_LOGISTICS": "TC HC CC",
	}
	for classes, roles := range never {
		for class := range strings.FieldsSeq(classes) {
			for role := range strings.FieldsSeq(roles) {
				cell := CellOf(columns[slices.Index(header, role)], jisrv1.DataClass(jisrv1.DataClass_value["DATA_CLASS_"+class]))
				if !cell.None() {
					t.Errorf("%s: %s has %q", class, role, cell.Text)
				}
			}
		}
	}
}
