// Package oracle is the slow, plain reading of who may see what, for tests to
// hold the fast one against. Its table is transcribed by hand from the domain's
// matrix (rows 1 to 14, the meaning of each part, and the corrections that hold
// over both), not from the agreement: two transcriptions that agree are worth
// more than one that is consulted twice.
//
// Where the matrix leaves a choice, the narrower reading stands here, and the
// comment above the row says "Choice".
//
// Three things are outside a table of role by class and so outside this
// package: whether a record is on the shelf at all (sealed matters, row scope),
// statistics (row 15: counts, no class), and emergency access.
package oracle

import (
	"fmt"
	"slices"
	"strings"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
)

// A cell is access, then conditions, in the domain's letters.
//
//	F full   P part   M under a pseudonym   X existence or flag only   - none
//	w only by a working link           t in the own territory, or by a working link
//	c only with consent in force       j only by a judge's order
//	o only what the agency wrote itself
//
// A part is a class of its own, so that a class is open or shut and never
// blurred: the letters F, P, M and X say which part of the row the class is.

// Cell is what a role may see of a class, and where that stands in the matrix.
type Cell struct {
	// Text is the cell in the domain's letters, such as "Fwc".
	Text string
	// Row is the row of the matrix, or 0 for classes that the matrix does not know.
	Row int
}

// None reports whether the cell gives nothing under any condition.
func (c Cell) None() bool { return c.Text == "-" }

// Under reports whether the cell bears that condition letter.
func (c Cell) Under(condition string) bool { return strings.Contains(c.Text, condition) }

// Of reports whether the cell's access is one of those letters.
func (c Cell) Of(access string) bool { return strings.ContainsAny(c.Text[:1], access) }

// row is one row of the matrix, taken apart into the classes that it covers.
type row struct {
	number int
	title  string
	// table has the columns' names, the row as the matrix has it before
	// corrections (where the matrix has one), and a line for each class.
	table string
}

// header is the first line of every row's table.
var header = strings.Fields("CP CT DCOC ASY VAW RES PP IJ TC LSA FA MOH MMD NGO HC CC")

// uncorrected names the line that holds the row as the matrix has it.
const uncorrected = "matrix"

// columns are the roles of the header.
var columns = []jisrv1.Role{
	jisrv1.Role_ROLE_COMMUNITY_POLICE,
	jisrv1.Role_ROLE_COUNTER_TRAFFICKING,
	jisrv1.Role_ROLE_ORGANISED_CRIME,
	jisrv1.Role_ROLE_ASAYISH,
	jisrv1.Role_ROLE_VIOLENCE_AGAINST_WOMEN,
	jisrv1.Role_ROLE_RESIDENCY,
	jisrv1.Role_ROLE_PROSECUTOR,
	jisrv1.Role_ROLE_INVESTIGATING_JUDGE,
	jisrv1.Role_ROLE_TRIAL_COURT,
	jisrv1.Role_ROLE_SOCIAL_AFFAIRS,
	jisrv1.Role_ROLE_FOREIGN_AFFAIRS,
	jisrv1.Role_ROLE_HEALTH,
	jisrv1.Role_ROLE_MIGRATION,
	jisrv1.Role_ROLE_NGO,
	jisrv1.Role_ROLE_HUMAN_RIGHTS,
	jisrv1.Role_ROLE_COMMITTEE,
}

// table is the whole matrix; errTable says what is missing from it.
var table, errTable = assemble(slices.Concat(caseRows, victimRows, courtRows, dealingRows))

// CellOf returns what a role may see of a class; a cell that is not written down gives nothing.
func CellOf(role jisrv1.Role, class jisrv1.DataClass) Cell {
	if cell, ok := table[role][class]; ok {
		return cell
	}
	return Cell{Text: "-"}
}

// Roles returns every role of the contract, in its order.
func Roles() []jisrv1.Role {
	return named[jisrv1.Role](jisrv1.Role_name)
}

// Classes returns every data class of the contract, in its order.
func Classes() []jisrv1.DataClass {
	return named[jisrv1.DataClass](jisrv1.DataClass_name)
}

// Purposes returns every purpose of the contract, in its order.
func Purposes() []jisrv1.Purpose {
	return named[jisrv1.Purpose](jisrv1.Purpose_name)
}

func named[E ~int32](names map[int32]string) []E {
	var all []E
	for n := range names {
		if n != 0 {
			all = append(all, E(n))
		}
	}
	slices.Sort(all)
	return all
}

// lines yields the lines of a row: a class (or "matrix") and a cell for each column.
func (r row) lines() (map[string][]string, error) {
	text := strings.Split(strings.Trim(r.table, "\n"), "\n")
	if !slices.Equal(strings.Fields(text[0]), header) {
		return nil, fmt.Errorf("row %d (%s): the columns are not those of the matrix", r.number, r.title)
	}
	lines := make(map[string][]string)
	for _, l := range text[1:] {
		cells := strings.Fields(l)
		if len(cells) != 1+len(header) {
			return nil, fmt.Errorf("row %d, %s: %d cells for %d columns", r.number, cells[0], len(cells)-1, len(header))
		}
		if _, twice := lines[cells[0]]; twice {
			return nil, fmt.Errorf("row %d: %s is in the table twice", r.number, cells[0])
		}
		lines[cells[0]] = cells[1:]
	}
	return lines, nil
}

// assemble builds role by class, adds the three roles that have no column, and refuses a gap.
func assemble(rows []row) (map[jisrv1.Role]map[jisrv1.DataClass]Cell, error) {
	built := make(map[jisrv1.Role]map[jisrv1.DataClass]Cell)
	for _, role := range Roles() {
		built[role] = make(map[jisrv1.DataClass]Cell)
	}
	for _, r := range rows {
		lines, err := r.lines()
		if err != nil {
			return nil, err
		}
		delete(lines, uncorrected)
		for name, cells := range lines {
			class := jisrv1.DataClass(jisrv1.DataClass_value["DATA_CLASS_"+name])
			if class == 0 {
				return nil, fmt.Errorf("row %d: no such class %q", r.number, name)
			}
			if _, twice := built[columns[0]][class]; twice {
				return nil, fmt.Errorf("row %d: %s is in the table twice", r.number, name)
			}
			for i, role := range columns {
				built[role][class] = Cell{Text: cells[i], Row: r.number}
			}
			addDerived(built, class)
		}
	}
	for _, role := range Roles() {
		for _, class := range Classes() {
			if _, ok := built[role][class]; !ok {
				return nil, fmt.Errorf("%s has no cell for %s", role, class)
			}
		}
	}
	return built, nil
}

// addDerived writes the cells of the roles that the corrections describe by another.
func addDerived(built map[jisrv1.Role]map[jisrv1.DataClass]Cell, class jisrv1.DataClass) {
	judge := built[jisrv1.Role_ROLE_INVESTIGATING_JUDGE][class]
	court := built[jisrv1.Role_ROLE_TRIAL_COURT][class]
	// The judicial investigator reads as the judge of the case.
	built[jisrv1.Role_ROLE_JUDICIAL_INVESTIGATOR][class] = judge
	// The Court of Cassation reads as a trial court, for cases before it: never by territory.
	built[jisrv1.Role_ROLE_CASSATION_COURT][class] = Cell{Text: strings.ReplaceAll(court.Text, "t", "w"), Row: court.Row}
	// Operations sees no class at all.
	built[jisrv1.Role_ROLE_OPERATIONS][class] = Cell{Text: "-", Row: court.Row}
}
