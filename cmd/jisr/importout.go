package main

import (
	"fmt"
	"strings"

	"github.com/jisr-exchange/jisr/services/register"
)

// shownRejects is how many rejects are printed; all are in the file of --rejects.
const shownRejects = 20

// importReport is the outcome of an import, for --json.
type importReport struct {
	Register     string         `json:"register"`
	Checked      bool           `json:"checked_only"`
	Rows         int            `json:"rows"`
	Imported     int            `json:"imported"`
	AlreadyThere int            `json:"already_there"`
	Rejected     int            `json:"rejected"`
	NotReached   int            `json:"not_reached"`
	Cases        int            `json:"cases"` // made; of a check: that would be
	Victims      int            `json:"victims"`
	Suspects     int            `json:"suspects"`
	KeptAsText   map[string]int `json:"kept_as_text"`
	Rejects      []rejectReport `json:"rejects"`
}

type rejectReport struct {
	Line   int    `json:"line"`
	Column string `json:"column"`
	Reason string `json:"reason"`
}

// printImport prints the summary to stdout, and the first rejects.
func (a *app) printImport(f *importFlags, plan *register.Plan, s register.Summary, rejects []register.Reject) error {
	if a.flags.json {
		report := importReport{
			Register: plan.Register, Checked: f.check, Rows: s.Rows, Imported: s.Imported, AlreadyThere: s.AlreadyThere, Rejected: s.Rejected,
			NotReached: s.NotReached, Cases: s.Cases, Victims: s.Victims, Suspects: s.Suspects, KeptAsText: plan.Kept, Rejects: []rejectReport{},
		}
		if f.check {
			report.Cases, report.Victims, report.Suspects = wouldMake(plan)
		}
		for _, r := range rejects {
			report.Rejects = append(report.Rejects, rejectReport(r))
		}
		return a.printValue(report)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s read\n", count(s.Rows, "row"))
	if f.check {
		fmt.Fprintf(&b, "  %d sound, in %s (nothing was sent)\n", s.Rows-s.Rejected, count(len(plan.Groups), "case"))
	} else {
		fmt.Fprintf(&b, "  %d imported: %s, %s, %s\n", s.Imported, count(s.Cases, "case"), count(s.Victims, "victim"), count(s.Suspects, "suspect"))
		fmt.Fprintf(&b, "  %d already there\n", s.AlreadyThere)
	}
	fmt.Fprintf(&b, "  %d rejected\n", s.Rejected)
	if s.NotReached > 0 {
		fmt.Fprintf(&b, "  %d not reached: import again to go on\n", s.NotReached)
	}
	for _, column := range sortedKeys(plan.Kept) {
		fmt.Fprintf(&b, "  %s of column %s that no map reads, kept as text\n", count(plan.Kept[column], "value"), quoted(column))
	}
	for i, r := range rejects {
		if i == shownRejects {
			fmt.Fprintf(&b, "and %d more\n", len(rejects)-i)
			break
		}
		column := ""
		if r.Column != "" {
			column = ", column " + quoted(r.Column)
		}
		fmt.Fprintf(&b, "line %d%s: %s\n", r.Line, column, visible(r.Reason))
	}
	_, err := fmt.Fprint(a.stdout, b.String())
	return written(err)
}

// rejectedRows counts the rows among rejects, which may name one row several times.
func rejectedRows(rejects []register.Reject) int {
	lines := make(map[int]bool)
	for _, r := range rejects {
		lines[r.Line] = true
	}
	return len(lines)
}

// wouldMake counts what a plan would make, were it sent.
func wouldMake(plan *register.Plan) (cases, victims, suspects int) {
	for _, g := range plan.Groups {
		for _, p := range g.Persons {
			if p.Kind == register.KindVictim {
				victims++
			} else {
				suspects++
			}
		}
	}
	return len(plan.Groups), victims, suspects
}
