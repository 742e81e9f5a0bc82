package fault

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the texts of docs/errors.md anew")

const page = "../../docs/errors.md"

// marked returns a text as Markdown: what would be read as HTML is code, and
// outside of English every name of the contract is.
func marked(l Language, s string) string {
	names := technical
	if l == English {
		names = regexp.MustCompile(`\S*<\S*>`)
	}
	return names.ReplaceAllString(strings.ReplaceAll(s, "*", `\*`), "`$0`")
}

// textsPage are all errors in all languages, as Markdown.
func textsPage() string {
	var b strings.Builder
	for _, r := range Reasons() {
		fmt.Fprintf(&b, "\n### `%s`\n\n| | what happened | what to do |\n|---|---|---|\n", r)
		for _, l := range append([]Language{English}, Languages()...) {
			s := said{catalogue[r].message, catalogue[r].action}
			if l != English {
				s = texts[l][r]
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s |\n", l, marked(l, s.message), marked(l, s.action))
		}
	}
	return b.String() + "\n"
}

// rulesPage are all rules in all languages, as Markdown.
func rulesPage() string {
	var b strings.Builder
	b.WriteString("\n| English | Arabic | Sorani | Badini |\n|---|---|---|---|\n")
	for _, r := range rules {
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", strings.ReplaceAll(strings.ReplaceAll(r.en, "*", `\*`), "`{}`", "{}"), marked(Arabic, r.ar), marked(Sorani, r.ckb), marked(Badini, r.kmr))
	}
	return b.String() + "\n"
}

// between replaces what stands between a mark and its end.
func between(t *testing.T, text, mark, fresh string) string {
	t.Helper()
	start := "<!-- " + mark + " -->\n"
	before, rest, found := strings.Cut(text, start)
	_, after, ended := strings.Cut(rest, "<!-- end -->")
	if !found || !ended {
		t.Fatalf("%s has no part for %s", page, mark)
	}
	return before + start + fresh + "<!-- end -->" + after
}

func TestErrorsPageSaysWhatTheCatalogueSays(t *testing.T) {
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	want := between(t, between(t, string(text), "texts", textsPage()), "rules", rulesPage())
	if *update {
		if err := os.WriteFile(page, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, string(text)); diff != "" {
		t.Errorf("%s (-want +got; go test -update writes it anew):\n%s", page, diff)
	}
}

func TestErrorsPageSaysOfEachReasonWhenItComes(t *testing.T) {
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	rows := make(map[Reason]string)
	for _, row := range regexp.MustCompile("(?m)^\\| `([A-Z_]+)` \\| ([A-Z_]+) \\| (.+) \\|$").FindAllStringSubmatch(string(text), -1) {
		rows[Reason(row[1])] = row[2]
	}
	for _, r := range Reasons() {
		code, _, _ := Describe(r)
		if want := wireName(code.String()); rows[r] != want {
			t.Errorf("%s has the code %q on the page, want %s", r, rows[r], want)
		}
		delete(rows, r)
	}
	for r := range rows {
		t.Errorf("%s is on the page and not in the catalogue", r)
	}
}

// wireName writes a code as the specification of gRPC does: NotFound as NOT_FOUND, Canceled as CANCELLED.
func wireName(code string) string {
	if code == "Canceled" {
		return "CANCELLED"
	}
	return strings.ToUpper(regexp.MustCompile(`([a-z])([A-Z])`).ReplaceAllString(code, "${1}_$2"))
}
