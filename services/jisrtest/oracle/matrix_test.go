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
