package store

import (
	"slices"
	"strconv"
	"strings"
)

// widths are how many keys one statement looks up. They are few, since a connection
// keeps every statement that it has prepared; the last is a whole page. Inserts have
// widths of their own (wide): a call has few rows of each table, and each statement
// counts.
var widths = [...]int{1, 4, 16, 32, 64, pageMax}

// inRoom are names as one statement takes them, in room for so many. Nothing has
// the name of what is left of it.
func inRoom(names []string) (room int, args []any) {
	at, _ := slices.BinarySearch(widths[:len(widths)-1], len(names))
	room = widths[at]
	args = make([]any, room)
	for i := range args {
		args[i] = ""
		if i < len(names) {
			args[i] = names[i]
		}
	}
	return room, args
}

// chunk is how many of n keys the next statement takes, with no room left.
func chunk(n int) int {
	for _, width := range slices.Backward(widths[:len(widths)-1]) {
		if n >= width {
			return width
		}
	}
	return 0
}

// placeholders returns n of them.
func placeholders(n int) string { return strings.TrimSuffix(strings.Repeat("?,", n), ",") }

// rows returns n rows of one placeholder.
func rows(n int) string { return strings.TrimSuffix(strings.Repeat("(?),", n), ",") }

// numberedRows returns n rows of a number and a placeholder.
func numberedRows(n int) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteByte('(')
		b.WriteString(strconv.Itoa(i))
		b.WriteString(",?)")
	}
	return b.String()
}
