package store

import (
	"slices"
	"strings"
	"testing"
)

// However many keys are looked up, all are, once, by statements of a few widths.
func TestWhateverIsLookedUpIsSoByStatementsOfAFewWidths(t *testing.T) {
	const most = 2*group + 1
	for n := range most {
		left, statements := n, 0
		for left > 0 {
			width := chunk(left)
			if !slices.Contains(widths[:], width) || width > left {
				t.Fatalf("of %d keys a statement takes %d", left, width)
			}
			left, statements = left-width, statements+1
		}
		if statements > n/64+9 {
			t.Errorf("%d keys are looked up by %d statements", n, statements)
		}
	}
	for n := range pageMax + 1 {
		names := strings.Split(strings.Repeat("cases/x,", n), ",")[:n]
		room, args := inRoom(names)
		empty := len(slices.DeleteFunc(slices.Clone(args), func(a any) bool { return a != "" }))
		if !slices.Contains(widths[:], room) || len(args) != room || empty != room-n || n > 16 && room >= 2*n {
			t.Errorf("%d names lie in room for %d", n, room)
		}
	}
	if chunk(0) != 0 {
		t.Error("a statement takes a key where there is none")
	}
}
