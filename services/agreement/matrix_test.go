package agreement

import (
	"bytes"
	"flag"
	"os"
	"slices"
	"strings"
	"testing"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
)

var update = flag.Bool("update", false, "write the golden files anew")

const golden = "testdata/matrix.golden"

// TestMatrixIsTheOneThatWasAgreed pins who sees and tells which field. A change
// of the contract or of the agreement fails here; where somebody sees more, the
// failure says who. If that was decided, run the test with -update and let the
// reviewers read the difference.
func TestMatrixIsTheOneThatWasAgreed(t *testing.T) {
	var now bytes.Buffer
	if err := WriteMatrix(&now, Matrix(shippedLaw(t))); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(golden, now.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	agreed, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(now.Bytes(), agreed) {
		return
	}
	t.Errorf("the matrix is not the one in %s", golden)
	for _, line := range seesMore(lines(agreed), lines(now.Bytes())) {
		t.Error(line)
	}
}

// line is one role's line of a printed matrix.
type line struct {
	class, role         string
	read, write, fields []string
	consent             bool
	text                string
}

func lines(printed []byte) map[string]line {
	found := make(map[string]line)
	var class string
	var fields []string
	for text := range strings.Lines(string(printed)) {
		words := strings.Fields(text)
		switch {
		case len(words) == 0:
		case !strings.HasPrefix(text, " "):
			class, fields = strings.TrimSuffix(words[0], ":"), words[1:]
		default:
			read, write := slices.Index(words, "read"), slices.Index(words, "write")
			l := line{class: class, role: words[0], read: words[read+1 : write], fields: fields, text: strings.Join(words, " ")}
			rest := words[write+1:]
			end := slices.IndexFunc(rest, func(w string) bool { return w == "consent" || w == "-" })
			l.write, l.consent = rest[:end], rest[end] == "consent"
			found[class+" "+l.role] = l
		}
	}
	return found
}

// seesMore says what a matrix shows or lets tell beyond another, and what else differs.
func seesMore(before, after map[string]line) []string {
	var said []string
	gains := func(was, is []string) bool {
		return slices.ContainsFunc(is, func(c string) bool { return c != "NEVER" && !slices.Contains(was, c) })
	}
	for key, is := range after {
		was := before[key]
		switch {
		case gains(was.read, is.read), was.consent && !is.consent:
			said = append(said, is.role+" SEES MORE of "+is.class+": was "+was.text+"; is "+is.text)
		case gains(was.write, is.write):
			said = append(said, is.role+" TELLS MORE of "+is.class+": was "+was.text+"; is "+is.text)
		case gains(was.fields, is.fields) && !slices.Equal(is.read, []string{"NEVER"}):
			said = append(said, is.role+" SEES MORE by "+is.class+": fields were "+strings.Join(was.fields, " ")+"; are "+strings.Join(is.fields, " "))
		case was.text != is.text || !slices.Equal(was.fields, is.fields):
			said = append(said, is.role+" differs in "+is.class+": was "+was.text+"; is "+is.text)
		}
	}
	slices.Sort(said)
	return said
}

// The control: every widening of a cell is noticed and blamed on the right role.
func TestWideningIsNoticed(t *testing.T) {
	print := func(msg *jisrv1.Agreement) map[string]line {
		l, err := read(msg, nil)
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := WriteMatrix(&b, Matrix(l)); err != nil {
			t.Fatal(err)
		}
		return lines(b.Bytes())
	}
	before := print(shippedMessage(t))
	always := []jisrv1.Condition{jisrv1.Condition_CONDITION_ALWAYS}
	for name, widen := range map[string]func(*jisrv1.ClassCell){
		"SEES MORE":  func(c *jisrv1.ClassCell) { c.SetRead(always) },
		"TELLS MORE": func(c *jisrv1.ClassCell) { c.SetWrite(always) },
	} {
		for _, class := range []string{"VICTIM_LOCATION", "CASE_CORE", "COURT_SEALED"} {
			msg := shippedMessage(t)
			for _, terms := range msg.GetClasses() {
				if ClassName(terms.GetDataClass()) != class {
					continue
				}
				for _, c := range terms.GetCells() {
					if RoleName(c.GetRole()) == "asayish" {
						widen(c)
					}
				}
			}
			said := seesMore(before, print(msg))
			if len(said) != 1 || !strings.HasPrefix(said[0], "asayish "+name+" of "+class) {
				t.Errorf("widening %s: %q", class, said)
			}
		}
	}
	msg := shippedMessage(t)
	for _, terms := range msg.GetClasses() {
		for _, c := range terms.GetCells() {
			c.SetConsent(false)
		}
	}
	if said := seesMore(before, print(msg)); len(said) == 0 {
		t.Error("dropping every consent goes unnoticed")
	}
}

func TestMatrixRows(t *testing.T) {
	rules := Matrix(shippedLaw(t))
	if want := len(every[jisrv1.Role]()) * len(every[jisrv1.DataClass]()); len(rules) != want {
		t.Fatalf("%d rules, want %d", len(rules), want)
	}
	for _, r := range rules {
		if got, want := len(r.Columns()), len(MatrixHeader()); got != want {
			t.Fatalf("%d columns under %d headings", got, want)
		}
		if r.Class == "VICTIM_LOCATION" && !slices.Equal(r.Fields, []string{"Victim.location"}) {
			t.Errorf("VICTIM_LOCATION has the fields %v", r.Fields)
		}
	}
}
