package matrix

import (
	"slices"
	"strings"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/agreement"
)

// sight is by what a role reads or tells a field, and for what.
type sight struct {
	links agreement.LinkSet
	// own: what it wrote itself; order: what a judge discloses to it.
	own, order bool
	// consent closes all but order, unless the person consents.
	consent  bool
	purposes []string
}

func (s sight) none() bool { return s.links == 0 && !s.own && !s.order || len(s.purposes) == 0 }

// beyond reports whether s opens what other does not.
func (s sight) beyond(other sight) bool {
	switch {
	case s.none():
		return false
	case other.none():
		return true
	}
	freed := other.consent && !s.consent && (s.links != 0 || s.own)
	return s.links&^other.links != 0 || s.own && !other.own || s.order && !other.order || freed || s.longer(other)
}

// longer reports whether s serves a purpose that other does not.
func (s sight) longer(other sight) bool {
	return slices.ContainsFunc(s.purposes, func(p string) bool { return !slices.Contains(other.purposes, p) })
}

// book is a sheet to look things up in.
type book struct {
	paths []string
	words map[subject][]string
	seen  map[[3]string][2]sight // what sights has worked out
}

// subject is what a line is about.
type subject struct{ kind, about string }

func openBook(s Sheet) *book {
	b := &book{words: make(map[subject][]string, len(s)), seen: make(map[[3]string][2]sight)}
	for _, line := range s {
		b.words[subject{line.Kind, line.About}] = line.Words
		if line.Kind == kindField {
			b.paths = append(b.paths, line.About)
		}
	}
	return b
}

func (b *book) of(kind, about string) []string { return b.words[subject{kind, about}] }

// class returns the class of a field; a class is its own.
func (b *book) class(path string) string {
	if !strings.Contains(path, ".") {
		return path
	}
	if words := b.of(kindField, path); len(words) > 0 {
		return words[0]
	}
	return ""
}

// cell is a cell as it was written.
type cell struct {
	agreement.Cell
	read, tell, because []string
}

func (b *book) cell(class, role string) cell {
	words := b.of(kindCell, class+" "+role)
	var c cell
	because, tell := slices.Index(words, "because"), slices.Index(words, "tell")
	if tell < 1 || because < tell {
		return c
	}
	c.read, c.tell, c.because = words[1:tell], words[tell+1:because], words[because+1:]
	if n := len(c.tell); n > 0 && c.tell[n-1] == wordConsent {
		c.tell, c.Consent = c.tell[:n-1], true
	}
	c.Read, c.Write = conditionsNamed(c.read), conditionsNamed(c.tell)
	return c
}

// shelf returns the links by which the role may know of a record. What is no
// record stands before no shelf.
func (b *book) shelf(record, role string) (agreement.LinkSet, bool) {
	words, stored := b.words[subject{kindShelf, record + " " + role}]
	return linksNamed(words), stored
}

func (b *book) purposes(role, class string) []string {
	var list []string
	for _, p := range b.of(kindRole, role) {
		reach := b.of(kindPurpose, p)
		if slices.Contains(reach, wordEveryClass) || slices.Contains(reach, class) {
			list = append(list, p)
		}
	}
	return list
}

// sights returns how a role reads and how it tells a field of a class in a record.
func (b *book) sights(role, record, class string) (reads, tells sight) {
	key := [3]string{role, record, class}
	known, ok := b.seen[key]
	if !ok {
		known[0], known[1] = b.workOut(role, record, class)
		b.seen[key] = known
	}
	return known[0], known[1]
}

func (b *book) workOut(role, record, class string) (reads, tells sight) {
	c, named := b.cell(class, role), classNamed(class)
	reads = sight{links: c.ReadBy(named), consent: c.Consent, purposes: b.purposes(role, class)}
	tells = sight{links: c.ToldBy(named), purposes: reads.purposes}
	// Whoever was merely told answers, and tells nothing else.
	if told := jisrv1.Link_LINK_NOTIFIED; !slices.Contains(b.of(kindAnswers, agreement.LinkName(told)), class) {
		tells.links &^= agreement.Links(told)
	}
	shelf, stored := b.shelf(record, role)
	if !stored {
		return reads, tells
	}
	reads.links &= shelf
	tells.links &= shelf
	reads.own = shelf != 0 && !c.Read.Never()
	tells.own = shelf != 0 && c.Write.Has(jisrv1.Condition_CONDITION_OWN)
	reads.order = shelf.Has(jisrv1.Link_LINK_DISCLOSED) && c.Read.Has(jisrv1.Condition_CONDITION_ORDER)
	return reads, tells
}

// words says a sight in the agreement's conditions.
func (c cell) words(conditions []string, consent bool) string {
	if len(conditions) == 0 {
		return "NEVER"
	}
	said := strings.Join(conditions, " ")
	if consent {
		said += " with consent"
	}
	return said
}

// by says a sight in links.
func (s sight) by() string {
	if s.none() {
		return "by nothing"
	}
	list := names(s.links.List(), agreement.LinkName)
	if s.own {
		list = append(list, "own words")
	}
	if s.order {
		list = append(list, "a judge's order")
	}
	return "by " + strings.Join(list, ", ")
}
