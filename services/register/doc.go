// Package register carries an agency's own register, a CSV file, into the
// exchange. A mapping file says which column fills which field and which word
// stands for which code; nothing is guessed. A case goes in with all its
// persons or not at all: every record of it is built and checked against the
// contract before the first call, and each call carries a request id made from
// the row, so that a register imported twice has one effect.
//
// "Not stated" is kept apart from "no": a cell that the mapping lists as not
// stated, or an empty one, leaves its field unset.
package register

import (
	"fmt"
	"strings"
)

// Reject is a row that was not imported: where, and why. It never holds the
// value, so that the list can be passed on to whoever mends the register.
type Reject struct {
	// Line is where the row begins in the register, from 1.
	Line int
	// Column is the column at fault; empty where it is the row as a whole.
	Column string
	// Reason says what is wrong.
	Reason string
}

// Mistake is one thing wrong with a mapping, or between it and a register.
type Mistake struct {
	// Line is where it stands in the mapping, from 1; 0 where it stands nowhere.
	Line int
	// Text says what is wrong and what to do.
	Text string
}

// Mistakes are all mistakes found in one run; an import with one sends nothing.
type Mistakes []Mistake

// Error lists the mistakes, one a line.
func (ms Mistakes) Error() string {
	lines := make([]string, len(ms))
	for i, m := range ms {
		lines[i] = m.Text
		if m.Line > 0 {
			lines[i] = fmt.Sprintf("line %d: %s", m.Line, m.Text)
		}
	}
	return strings.Join(lines, "\n")
}
