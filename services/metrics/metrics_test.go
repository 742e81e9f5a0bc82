package metrics

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/budget"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/identity"
)

var update = flag.Bool("update", false, "write the golden file")

// What can stand in a metric is read line by line in review: a label that takes a
// caller's text, or a value that names a record, would be a line here.
func TestEveryMetricLabelAndValueIsOnTheList(t *testing.T) {
	var b strings.Builder
	for _, f := range families {
		fmt.Fprintf(&b, "%s{%s}\n    %s\n", f.name, strings.Join(f.labels, ","), f.help)
	}
	closed := Closed()
	closed["agency"] = []string{"(those of the agreement in force)"}
	closed["agreement"] = []string{"(the hash of the one in force)"}
	closed["version"] = []string{"(of the program)"}
	for _, label := range slices.Sorted(maps.Keys(closed)) {
		values := slices.Compact(slices.Sorted(slices.Values(closed[label])))
		fmt.Fprintf(&b, "\n%s:\n    %s\n", label, strings.Join(values, "\n    "))
	}
	const golden = "testdata/labels.golden"
	if *update {
		if err := os.WriteFile(golden, []byte(b.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want) {
		t.Errorf("what stands in metrics has changed; read the difference after go test ./services/metrics -update:\n%s", b.String())
	}
	for _, f := range families {
		for _, l := range f.labels {
			if len(closed[l]) == 0 {
				t.Errorf("%s has the label %s, whose values are on no list", f.name, l)
			}
		}
	}
}

// whatever gives a set all that a caller could make up.
func whatever(m *Set, text string) {
	m.Called("/"+text, codes.OK, true, time.Second)
	m.Called("/jisr.v1.CaseService/"+text, codes.Code(4711), false, time.Second)
	m.Refused(fault.Reason(text))
	m.HandshakeRefused(identity.RefusalReason(text))
	m.ConnectionCut(budget.Reason(text))
	m.Committed(1, []jisrv1.LogEntry_Kind{jisrv1.LogEntry_Kind(len(text) + 1000)}, time.Second)
	m.Watch(Readings{
		Agreement:   func() (string, []string) { return "hash", []string{"molsa"} },
		InFlight:    func() map[string]int { return map[string]int{text: 3, "molsa": 2} },
		Deliveries:  func(context.Context, string, jisrv1.Delivery_State) (int64, error) { return 0, errors.New(text) },
		Keyring:     func() (int, int) { return 0, 0 },
		Lists:       func() (time.Time, time.Time) { return time.Time{}, time.Time{} },
		Certificate: func() time.Time { return time.Time{} },
		Files:       func() map[string]int64 { return map[string]int64{text: 1} },
		Health:      func() map[string]bool { return map[string]bool{text: true} },
	})
}

func TestNoTextOfACallerBecomesALabel(t *testing.T) {
	const text = "canary-in-a-label"
	m := New("test")
	whatever(m, text)
	before := series(t, m, text)
	for i := range 1000 {
		m.Called(fmt.Sprintf("/%s/%d", text, i), codes.Unimplemented, false, 0)
	}
	if after := series(t, m, text); after > before+1 {
		t.Errorf("a thousand methods made up by a caller made %d series", after-before)
	}
	// The control: a label with the text is found.
	m.calls.WithLabelValues(text, "OK").Inc()
	found := false
	gathered, err := m.Gatherer().Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range gathered {
		found = found || strings.Contains(f.String(), text)
	}
	if !found {
		t.Error("a label that was planted is not found: the search proves nothing")
	}
}

// series counts the series of a set, none of which may hold the text.
func series(t *testing.T, m *Set, text string) (n int) {
	t.Helper()
	gathered, err := m.Gatherer().Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range gathered {
		n += len(f.GetMetric())
		if strings.Contains(f.String(), text) {
			t.Errorf("a caller's text stands in %s", f.GetName())
		}
	}
	return n
}

func TestASetThatIsNotThereMeasuresNothing(*testing.T) {
	var none *Set
	whatever(none, "text")
	none.Incident()
	none.Reread()
	none.Appended(0)
	none.Queued(0)
	none.Moved("share", nil)
	none.TermsRun(time.Time{})
	none.RefreshFailed("certificate")
	none.ExportFailed()
}
