package matrix

import (
	"flag"
	"os"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/prototext"

	"github.com/jisr-exchange/jisr"
	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/agreement"
)

var update = flag.Bool("update", false, "write the golden files anew")

const golden = "testdata/matrix.golden"

// TestNobodySeesMoreThanWasAgreed pins who reads and tells which field, by which
// condition, and all that decides it. A change of the contract or of the
// agreement fails here and says in words who would see more. If that was
// decided, run the test with -update and let the reviewers read the difference.
func TestNobodySeesMoreThanWasAgreed(t *testing.T) {
	now := printed(t, shipped(t, nil))
	if *update {
		if err := os.WriteFile(golden, []byte(now), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	agreed, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	for _, complaint := range complaints(t, string(agreed), now) {
		t.Error(complaint)
	}
}

// complaints says what a printed sheet has beyond the one that was agreed.
func complaints(t *testing.T, agreed, now string) []string {
	t.Helper()
	if agreed == now {
		return nil
	}
	former, err := ReadSheet(agreed)
	if err != nil {
		t.Fatalf("%s: %v", golden, err)
	}
	current, err := ReadSheet(now)
	if err != nil {
		t.Fatal(err)
	}
	said := []string{golden + " is not what agreement.txtpb and proto/ say; -update writes it anew, in the commit that decides it"}
	for _, c := range Compare(former, current) {
		said = append(said, string(c.Effect)+": "+c.Text)
	}
	return said
}

// mustText is the agreement that ships, with a change.
func mustText(t *testing.T, change func(*jisrv1.Agreement)) []byte {
	t.Helper()
	msg := &jisrv1.Agreement{}
	if err := prototext.Unmarshal(jisr.Agreement, msg); err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(msg)
	}
	text, err := prototext.Marshal(msg)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func shipped(t *testing.T, change func(*jisrv1.Agreement)) Sheet {
	t.Helper()
	law, err := agreement.Parse(mustText(t, change))
	if err != nil {
		t.Fatal(err)
	}
	return NewSheet(law, Current())
}

func printed(t *testing.T, s Sheet) string {
	t.Helper()
	var b strings.Builder
	if err := s.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestASheetIsReadAsItWasPrinted(t *testing.T) {
	s := shipped(t, nil)
	again, err := ReadSheet(printed(t, s))
	if err != nil {
		t.Fatal(err)
	}
	if len(again) != len(s) || len(Compare(s, again)) != 0 {
		t.Errorf("%d lines were printed, %d read, and they differ: %v", len(s), len(again), Compare(s, again))
	}
	for _, wrong := range []string{"nonsense", "cell VICTIM_LOCATION: read NEVER", "field a b: C", "\n\nfield x"} {
		if _, err := ReadSheet(wrong); err == nil {
			t.Errorf("%q was read", wrong)
		}
	}
}

// Every field of every record stands in the sheet, and with every role: role by field.
func TestTheSheetDecidesEachFieldForEachRole(t *testing.T) {
	b := openBook(shipped(t, nil))
	if len(b.paths) < 200 {
		t.Fatalf("only %d fields", len(b.paths))
	}
	decided := 0
	for _, path := range b.paths {
		for role := range values[jisrv1.Role]() {
			if c := b.cell(b.class(path), agreement.RoleName(role)); len(c.read) == 0 || len(c.tell) == 0 || len(c.because) == 0 {
				t.Errorf("%s is not decided for %v", path, role)
			}
			decided++
		}
	}
	if !slices.Contains(b.paths, "Victim.location.address") {
		t.Error("what lies inside a section is missing")
	}
	t.Logf("%d fields by role", decided)
}
