package peer

import (
	"testing"

	"github.com/jisr-exchange/jisr/services/record"
)

func TestTheCeilingOpensSectionsAsLongAsThoseThatAreOpened(t *testing.T) {
	dir := t.TempDir()
	if err := Lay(dir, Files); err != nil {
		t.Fatal(err)
	}
	s, err := OpenShelf(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	all, err := s.rest(1, 1)
	if err != nil {
		t.Fatal(err)
	}
	lens, err := reading(s.law)
	if err != nil {
		t.Fatal(err)
	}
	e, err := record.LendWithin(all[0].envelope, record.ByName("Victim"), lens)
	if err != nil {
		t.Fatal(err)
	}
	f, err := newFilter()
	if err != nil {
		t.Fatal(err)
	}
	c, err := newCipher(random(keyBytes))
	if err != nil {
		t.Fatal(err)
	}
	sections := f.seal(c, 0, nil)
	if len(sections) != 6 || len(e.Sections) != 6 || len(all[0].name) != len(victimName) {
		t.Fatalf("%d sections beside %d of %d letters", len(sections), len(e.Sections), len(all[0].name))
	}
	for i, section := range e.Sections {
		if len(section.Sealed) != len(sections[i]) {
			t.Errorf("section %d has %d bytes and not %d", section.Number, len(section.Sealed), len(sections[i]))
		}
	}
}
