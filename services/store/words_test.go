package store

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestAMessageFitsWhateverHasMoved(t *testing.T) {
	w := newWakes(nil)
	if got := w.message(); got != "" {
		t.Errorf("where nothing was written %q is said", got)
	}
	name := func(n int) string { return fmt.Sprintf("cases/%026d", n) }
	w.adopted()
	w.moved(name(1), name(2), name(1))
	w.moved()
	got := strings.Fields(w.message())
	slices.Sort(got)
	if !slices.Equal(got, []string{name(1), name(2), "law"}) {
		t.Errorf("of an agreement and two cases is said %q", got)
	}
	if got := w.message(); got != "" {
		t.Errorf("what was said is said again: %q", got)
	}
	longest := 0
	for n := 0; ; n++ {
		w.adopted()
		for i := range n {
			w.moved(name(i))
		}
		message := w.message()
		if len(message) > wakeBytes {
			t.Fatalf("a message of %d cases has %d bytes", n, len(message))
		}
		if message == "law all" {
			break
		}
		longest = max(longest, len(message))
	}
	if longest < wakeBytes-len(name(1)) {
		t.Errorf("the longest message has %d bytes", longest)
	}
	w.moved(name(1))
	if got := w.message(); got != name(1) {
		t.Errorf("after too much is said %q", got)
	}
	// On a file nobody is told.
	var nobody *wakes
	nobody.adopted()
	nobody.moved(name(1))
}
