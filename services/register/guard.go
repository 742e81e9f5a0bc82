package register

import "strings"

// A spreadsheet runs a cell that begins with one of these as a formula, and
// where its list separator is another than the file's it begins cells after
// separators inside a text too. jisr export puts an apostrophe before such a
// beginning, and before an apostrophe that stands there, so that taking off
// one gives back what was exported.
const (
	formulas   = "=+-@＝＋－＠\t\r'"
	separators = ",;|\t\n\r"
)

// Guard makes a cell harmless in a spreadsheet.
func Guard(cell string) string {
	var b strings.Builder
	begins := true
	for _, r := range cell {
		if begins && strings.ContainsRune(formulas, r) {
			b.WriteByte('\'')
		}
		begins = strings.ContainsRune(separators, r) || begins && r == ' '
		b.WriteRune(r)
	}
	return b.String()
}

// Unguard undoes Guard.
func Unguard(cell string) string {
	var b strings.Builder
	begins := true
	for _, r := range cell {
		if begins && r == '\'' {
			begins = false // what follows is the guarded character itself
			continue
		}
		begins = strings.ContainsRune(separators, r) || begins && r == ' '
		b.WriteRune(r)
	}
	return b.String()
}

// listSeparator stands between several values of one exported cell.
const listSeparator = "; "

var listEscape = strings.NewReplacer(`\`, `\\`, `;`, `\;`)

// JoinList writes several values into one cell.
func JoinList(values []string) string {
	escaped := make([]string, len(values))
	for i, v := range values {
		escaped[i] = listEscape.Replace(v)
	}
	return strings.Join(escaped, listSeparator)
}

// splitList reads what JoinList wrote.
func splitList(cell string) []string {
	var values []string
	var b strings.Builder
	for i := 0; i < len(cell); i++ {
		switch {
		case cell[i] == '\\' && i+1 < len(cell):
			i++
			b.WriteByte(cell[i])
		case strings.HasPrefix(cell[i:], listSeparator):
			values = append(values, b.String())
			b.Reset()
			i += len(listSeparator) - 1
		default:
			b.WriteByte(cell[i])
		}
	}
	return append(values, b.String())
}
