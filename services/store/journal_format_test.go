package store

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/quick"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/audit"
)

// What finds an entry is read from its leaf without building that, and is what it says.
func TestWhatFindsAnEntryIsWhatItsLeafSays(t *testing.T) {
	property := func(time int64, agency, refusal string, records []string, classes []int32, via []string) bool {
		leaf := &jisrv1.LogLeaf{}
		leaf.SetTimeMicros(time)
		leaf.SetAgency(strings.ToValidUTF8(agency, ""))
		leaf.SetRefusal(strings.ToValidUTF8(refusal, ""))
		var want []find
		for _, r := range records {
			s := &jisrv1.LogSubject{}
			s.SetRecord(strings.ToValidUTF8(r, ""))
			for _, v := range via {
				s.SetVia(append(s.GetVia(), strings.ToValidUTF8(v, "")))
			}
			for _, c := range classes {
				s.SetDataClasses(append(s.GetDataClasses(), jisrv1.DataClass(c)))
			}
			leaf.SetSubjects(append(leaf.GetSubjects(), s))
			want = append(want, find{ownBox(s.GetRecord()), time, 0})
		}
		encoded, err := audit.Encode(leaf)
		must(t, err)
		var k kept
		n, err := k.consume(appendEntry(nil, &entry{name: "logEntries/x", leaf: encoded}))
		must(t, err)
		return n > 0 && k.entries[0].time == time && slices.Equal(k.finds, want)
	}
	must(t, quick.Check(property, nil))
	for cut := range 10 { // one that cannot be read is not passed over
		encoded := readOnce(t, 1, 1, 1).leaf
		var k kept
		if _, err := k.consume(appendEntry(nil, &entry{name: "logEntries/x", leaf: encoded[:len(encoded)-1-cut]})); !errors.Is(err, errFrame) {
			t.Errorf("a leaf that lacks %d bytes is read: %v", cut+1, err)
		}
	}
}

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
		k, end, err := keptIn(b, generation)
		if end > int64(len(b)) {
			t.Errorf("%d of %d bytes were read", end, len(b))
		}
		if err != nil {
			return
		}
		for _, e := range k.entries {
			var again kept
			n, err := again.consume(appendEntry(nil, &entry{name: string(e.name), salt: e.salt, commitment: e.commitment, leaf: e.leaf}))
			if err != nil || string(again.entries[0].name) != string(e.name) || string(again.entries[0].leaf) != string(e.leaf) || n == 0 {
				t.Errorf("an entry that was read cannot be written and read again: %v", err)
			}
		}
	})
}
