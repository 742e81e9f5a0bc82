package demo

import (
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/bidi"
)

// width is what lines are kept to: a terminal as it opens.
const width = 80

// teller prints the story. After a failed write it prints nothing more, and the
// failure is what the demonstration ends with.
type teller struct {
	w      io.Writer
	colour bool
	ended  bool
	err    error
}

func (t *teller) line(format string, args ...any) {
	if t.ended || t.err != nil {
		return
	}
	_, t.err = fmt.Fprintln(t.w, strings.TrimRight(fmt.Sprintf(format, args...), " "))
}

func (t *teller) paint(code, s string) string {
	if !t.colour {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

func (t *teller) bold(s string) string  { return t.paint("1", s) }
func (t *teller) green(s string) string { return t.paint("32", s) }
func (t *teller) dim(s string) string   { return t.paint("2", s) }

// chapter opens a part of the story.
func (t *teller) chapter(title string) { t.line("\n%s", t.bold(title)) }

// did says who did what. Words in Arabic script may only end the line.
func (t *teller) did(who, what string) { t.line("  %s %-6s %s", t.green("✓"), who, what) }

// note explains, below a step or a table.
func (t *teller) note(format string, args ...any) {
	for _, l := range wrap(fmt.Sprintf(format, args...), width-11) {
		t.line("%11s%s", "", l)
	}
}

// paragraph says something over the whole width.
func (t *teller) paragraph(format string, args ...any) {
	for _, l := range wrap(fmt.Sprintf(format, args...), width-2) {
		t.line("  %s", l)
	}
}

// isolate keeps words of another direction from turning what stands around them
// (Unicode UAX 9, first strong isolate). It shapes and reorders nothing: that is
// the terminal's affair.
func isolate(s string) string {
	if strings.IndexFunc(s, rightToLeft) < 0 {
		return s
	}
	const firstStrong, pop = "\u2068", "\u2069"
	return firstStrong + s + pop
}

func rightToLeft(r rune) bool {
	p, _ := bidi.LookupRune(r)
	return p.Class() == bidi.R || p.Class() == bidi.AL
}

// wrap breaks text at spaces into lines of at most n characters.
func wrap(text string, n int) (lines []string) {
	line := ""
	for _, word := range strings.FieldsFunc(text, unicode.IsSpace) {
		switch {
		case line == "":
			line = word
		case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) <= n:
			line += " " + word
		default:
			lines = append(lines, line)
			line = word
		}
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}

// counted says "1 row" and "2 rows".
func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
