package register_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/jisr-exchange/jisr/services/register"
)

// cellText favours what a spreadsheet may take for the beginning of a cell or a formula.
var cellText = rapid.StringOf(rapid.RuneFrom([]rune("=+-@'\t\r\n,;| \\ab١نێ\"＝")))

// What a spreadsheet cuts at whatever it takes for a separator begins no formula.
func TestGuardedCellBeginsNoFormulaWhereverASpreadsheetCutsIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cell := cellText.Draw(t, "cell")
		guarded := register.Guard(cell)
		for _, part := range strings.FieldsFunc(guarded, func(r rune) bool { return strings.ContainsRune(",;|\t\r\n", r) }) {
			if part = strings.TrimLeft(part, " "); part != "" && strings.ContainsRune("=+-@＝＋－＠", []rune(part)[0]) {
				t.Fatalf("%q, guarded as %q, begins a formula", cell, guarded)
			}
		}
		if strings.HasPrefix(guarded, "\t") || strings.HasPrefix(guarded, "\r") {
			t.Fatalf("%q begins with white space that a spreadsheet drops", guarded)
		}
		if got := register.Unguard(guarded); got != cell {
			t.Fatalf("%q came back from %q as %q", cell, guarded, got)
		}
	})
}

func TestGuardLeavesOrdinaryCellsAlone(t *testing.T) {
	for _, cell := range []string{"", "نرجس الرمان", "2+", "a-b", "x = y", "O'Brien", "2025-03-11", "a; b"} {
		if got := register.Guard(cell); got != cell {
			t.Errorf("%q became %q", cell, got)
		}
	}
	for cell, want := range map[string]string{"=1+1": "'=1+1", "+964": "'+964", "a;=1": "a;'=1", "'tis": "''tis", "  @x": "  '@x"} {
		if got := register.Guard(cell); got != want {
			t.Errorf("%q became %q, want %q", cell, got, want)
		}
	}
}
