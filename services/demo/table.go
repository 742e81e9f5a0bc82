package demo

import (
	"fmt"
	"strings"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/record"
)

const (
	labelWidth = 20
	cellWidth  = 6
)

// block is one record in the table.
type block struct {
	title string
	of    func(*view) kept
	kind  string
}

var blocks = []block{
	{"the case", func(v *view) kept { return v.matter }, "Case"},
	{"victim one", func(v *view) kept { return v.victim }, "Victim"},
	{"the suspect", func(v *view) kept { return v.suspect }, "Suspect"},
	{"the referral to the shelter", func(v *view) kept { return v.referral }, "Referral"},
}

// table prints who saw which class of the four records.
func (t *teller) table(views []*view) {
	t.line("")
	head := fmt.Sprintf("  %-*s", labelWidth, "")
	for _, v := range views {
		head += fmt.Sprintf("%-*s", cellWidth, v.heading)
	}
	t.line("%s", t.bold(head))
	used := make(map[jisrv1.Withholding_Reason]bool)
	for _, b := range blocks {
		t.line("  %s", t.bold(strings.ToUpper(b.title)))
		for class := range record.ByName(b.kind).Classes.All() {
			row := fmt.Sprintf("  %-*s", labelWidth, label(class))
			for _, v := range views {
				row += t.cell(b.of(v), class)
				used[b.of(v).withheld[class]] = true
			}
			t.line("%s", row)
		}
	}
	t.line("")
	t.line("  ✓ seen   ○ open, nothing written yet")
	t.line("  × may not ask for such a record   – is told that there is no such record")
	t.line("  · withheld:")
	for _, l := range letters {
		if used[l.reason] {
			t.line("     %s  %s", l.letter, l.says)
		}
	}
}

func (t *teller) cell(k kept, class jisrv1.DataClass) string {
	padded := func(s string, width int) string { return fmt.Sprintf("%-*s", width, s) }
	if k.barred {
		return t.dim(padded("×", cellWidth))
	}
	if k.msg == nil {
		return t.dim(padded("–", cellWidth))
	}
	if why, closed := k.withheld[class]; closed {
		return t.dim(padded("·"+letterOf(why), cellWidth))
	}
	if !k.filled(class) {
		return padded("○", cellWidth)
	}
	return t.green(padded("✓", cellWidth))
}
