package agreement

import (
	"slices"
	"testing"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
)

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
