package agreement

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/record"
)

// Rule is one line of the matrix in words: who sees and who tells one class.
type Rule struct {
	// Class is the data class without prefix.
	Class string `json:"class"`
	// Role is the role as callers write it.
	Role string `json:"role"`
	// Read are the conditions of which any opens the class for reading.
	Read []string `json:"read"`
	// Write are the conditions of which any lets the role tell it.
	Write []string `json:"write"`
	// Consent says that reading further needs the person's consent.
	Consent bool `json:"consent"`
	// Reasons are codes of the agreement's reasons.
	Reasons []int32 `json:"reasons"`
	// Fields are the contract's fields of the class, as "Victim.location".
	Fields []string `json:"fields"`
}

// Matrix returns the law as a plain table: one rule for each class and role,
// ascending by class, then role.
func Matrix(l *Law) []Rule {
	classes, roles := every[jisrv1.DataClass](), every[jisrv1.Role]()
	rules := make([]Rule, 0, len(classes)*len(roles))
	for _, class := range classes {
		fields := Fields(class)
		for _, role := range roles {
			cell := l.Cell(role, class)
			rules = append(rules, Rule{
				Class:   ClassName(class),
				Role:    RoleName(role),
				Read:    conditionNames(cell.Read),
				Write:   conditionNames(cell.Write),
				Consent: cell.Consent,
				Reasons: slices.Clone(cell.Reasons),
				Fields:  fields,
			})
		}
	}
	return rules
}

// Fields returns the contract's record fields of a class, as "Victim.location", sorted by record.
func Fields(class jisrv1.DataClass) []string {
	var names []string
	for _, t := range record.Types() {
		for _, f := range t.FieldsOf(class) {
			names = append(names, t.Path(f))
		}
	}
	return names
}

// InShort names a class's fields for people: what every record has is told once, as "*.name".
func InShort(fields []string) []string {
	per := make(map[string]int)
	for _, f := range fields {
		per[f[strings.Index(f, ".")+1:]]++
	}
	var short []string
	for _, f := range fields {
		name := f[strings.Index(f, ".")+1:]
		switch {
		case per[name] < len(record.Types()):
			short = append(short, f)
		case !slices.Contains(short, "*."+name):
			short = append(short, "*."+name)
		}
	}
	return short
}

// MatrixHeader names the columns of Rule.Columns.
func MatrixHeader() []string {
	return []string{"class", "role", "read", "write", "consent", "reasons", "fields"}
}

// Columns returns the rule as one row of a table.
func (r Rule) Columns() []string {
	reasons := make([]string, len(r.Reasons))
	for i, code := range r.Reasons {
		reasons[i] = strconv.Itoa(int(code))
	}
	consent := ""
	if r.Consent {
		consent = "consent"
	}
	return []string{
		r.Class, r.Role, strings.Join(r.Read, " "), strings.Join(r.Write, " "),
		consent, strings.Join(reasons, " "), strings.Join(r.Fields, " "),
	}
}

// WriteMatrix prints the rules for people: a heading with its fields for each
// class, then a line for each role. A class that nobody can open is printed
// like any other, since that is a decision too.
func WriteMatrix(w io.Writer, rules []Rule) error {
	var class string
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, r := range rules {
		if r.Class != class {
			if err := tw.Flush(); err != nil {
				return err
			}
			if class != "" {
				fmt.Fprintln(tw)
			}
			class = r.Class
			fmt.Fprintf(tw, "%s: %s\n", class, orNone(strings.Join(InShort(r.Fields), " ")))
		}
		row := r.Columns()
		fmt.Fprintf(tw, "  %s\tread %s\twrite %s\t%s\t%s\n", row[1], row[2], row[3], orNone(row[4]), row[5])
	}
	return tw.Flush()
}

func conditionNames(set ConditionSet) []string {
	names := make([]string, 0, 2)
	for _, c := range set.List() {
		names = append(names, ConditionName(c))
	}
	return names
}

func orNone(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
