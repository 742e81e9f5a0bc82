package keyring

import (
	"crypto/rand"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/jisr-exchange/jisr/services/record"
)

func aName(t testing.TB, s *Shelfmarks, typ, parent string, at time.Time) string {
	t.Helper()
	name, err := s.NewName(record.ByName(typ), parent, at, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return name
}

func TestMarksLieInTheOrderInWhichRecordsWereMadeAndNamesInNone(t *testing.T) {
	s := open(t, t.TempDir()).Shelfmarks()
	const made = 200
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	names, marks := make([]string, made), make([]string, made)
	for i := range made {
		// In steps that grow from a millisecond to years.
		at = at.Add(time.Millisecond << (i / 5))
		names[i] = aName(t, s, "Case", "", at)
		marks[i] = s.Of(names[i])
	}
	if !slices.IsSorted(marks) {
		t.Error("the marks do not lie in the order of their times")
	}
	if slices.IsSorted(names) {
		t.Error("the names lie in the order in which they were made")
	}
	// Nor do names that were made in one millisecond begin alike.
	begin := make(map[string]bool)
	for range made {
		begin[aName(t, s, "Case", "", at)[:len("cases/")+4]] = true
	}
	if len(begin) < made/2 {
		t.Errorf("of %d names of a millisecond only %d begin otherwise than others", made, len(begin))
	}
}

func TestEveryNameHasAMarkThatLeadsBackToItAndIsNoName(t *testing.T) {
	s := open(t, t.TempDir()).Shelfmarks()
	rapid.Check(t, func(t *rapid.T) {
		id := func(label string) string {
			var id record.ID
			copy(id[:], rapid.SliceOfN(rapid.Byte(), len(id), len(id)).Draw(t, label))
			return record.EncodeID(id)
		}
		name := rapid.SampledFrom([]string{
			"cases/" + id("case"), "cases/" + id("case") + "/victims/" + id("victim") + "/consents/" + id("consent"),
			"notifications/" + id("notification"), "agencies/kri-dcoc/deliveries/" + id("delivery"),
		}).Draw(t, "name")
		if _, ok := record.ParseName(name); !ok {
			t.Fatalf("%s is no name, and proves nothing", name)
		}
		mark := s.Of(name)
		if _, ok := record.ParseName(mark); ok || len(mark) != len(name) {
			t.Errorf("the mark of %s is %s", name, mark)
		}
		if back := s.Name(mark); back != name {
			t.Errorf("%s leads to %s and not to %s", mark, back, name)
		}
		if s.Of(mark) != mark || s.Name(name) != name {
			t.Errorf("a mark has a mark, or a name a name: %s, %s", s.Of(mark), s.Name(name))
		}
	})
}

func TestWhatIsNoNameOfARecordHasNoMark(t *testing.T) {
	s := open(t, t.TempDir()).Shelfmarks()
	id := record.EncodeID(record.ID{1})
	for _, text := range []string{
		"", "~", "a:molsa", "t:1:IQG15", "Victim", "cases/-", "cases/x", "logEntries/" + id, "agencies/" + id, id,
		strings.Repeat("0", 64), "cases/" + id[1:], "cases/" + strings.ToUpper(id),
	} {
		if mark := s.Of(text); mark != text {
			t.Errorf("%q has the mark %q", text, mark)
		}
	}
}

func TestEachExchangeHasMarksOfItsOwn(t *testing.T) {
	one, other := open(t, t.TempDir()).Shelfmarks(), open(t, t.TempDir()).Shelfmarks()
	name := aName(t, one, "Case", "", time.Now())
	if one.Of(name) == other.Of(name) || other.Name(one.Of(name)) == name {
		t.Error("by another keyring a record lies under the same mark")
	}
}
