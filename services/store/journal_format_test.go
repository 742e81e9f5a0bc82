package store

import (
	"testing"
)

func FuzzJournal(f *testing.F) {
	e := &entry{name: "logEntries/x", leaf: []byte{}, salt: []byte("salt"), commitment: []byte("commitment")}
	frame := appendEntry(make([]byte, frameHead), e)
	seal(frame, 7)
	f.Add(append(header(7), frame...), int64(7))
	f.Add(header(7), int64(8))
	f.Fuzz(func(t *testing.T, b []byte, generation int64) {
		if generationOf(b) == 0 {
			b = append(header(generation), b...)
		}
		if got := generationOf(b); got != 0 && string(header(got)) != string(b[:headerBytes]) {
			t.Errorf("a header reads as generation %d", got)
		}
		entries, end, err := entriesIn(b, generation)
		if end > int64(len(b)) {
			t.Errorf("%d of %d bytes were read", end, len(b))
		}
		if err != nil {
			return
		}
		for _, e := range entries {
			again, n, err := consumeEntry(appendEntry(nil, e))
			if err != nil || again.name != e.name || string(again.leaf) != string(e.leaf) || n == 0 {
				t.Errorf("an entry that was read cannot be written and read again: %v", err)
			}
		}
	})
}
