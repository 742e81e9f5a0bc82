package store

import (
	"slices"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/record"
)

// caseFile is what a call knows of a case: asked for once, and kept in step with
// what the call itself writes. Nobody else writes before it is done.
type caseFile struct {
	linked  bool
	links   []sightRow
	read    bool
	records []member
	// dangers are, by victim, the suspects that endanger it.
	dangers map[string][]string
}

// member is a record of a case.
type member struct {
	name, typeName, subject string
	created                 int64
}

func (tx *Tx) file(caseName string) *caseFile {
	f := tx.files[caseName]
	if f == nil {
		f = &caseFile{dangers: make(map[string][]string)}
		tx.files[caseName] = f
	}
	return f
}

// openFile begins the file of a new case, of which there is nothing anywhere yet.
func (tx *Tx) openFile(caseName string) {
	f := tx.file(caseName)
	f.linked, f.read = true, true
	tx.sealed[caseName] = false
}

// hold makes sure that what is asked of a case now stays so until the call is done.
func (tx *Tx) hold(caseName string) error {
	_, _, err := tx.find(caseName)
	return err
}

// unlinked notes that links in a case were taken away, or who endangers whom has changed.
func (tx *Tx) unlinked(caseName string) {
	f := tx.file(caseName)
	f.linked, f.links = false, nil
	clear(f.dangers)
}

// caseLinks returns the links on a case.
func (tx *Tx) caseLinks(caseName string) ([]sightRow, error) {
	f := tx.file(caseName)
	if f.linked {
		return f.links, nil
	}
	if err := tx.hold(caseName); err != nil {
		return nil, err
	}
	f.links = nil
	err := each(tx.conn, "SELECT holder, link, via, subject, scope, until_time FROM sight WHERE name = ?",
		func(s result) error {
			f.links = append(f.links, sightRow{
				holder: s.ColumnText(0), link: jisrv1.Link(s.ColumnInt(1)), via: s.ColumnText(2),
				subject: s.ColumnText(3), scope: record.ClassSet(s.ColumnInt64(4)), until: s.ColumnInt64(5),
			})
			return nil
		}, caseName)
	f.linked = err == nil
	return f.links, err
}

// linked are links with one more, which takes the place of the same one of before.
func linked(links []sightRow, r sightRow) []sightRow {
	i := slices.IndexFunc(links, func(o sightRow) bool {
		return o.holder == r.holder && o.link == r.link && o.via == r.via && o.subject == r.subject
	})
	if i < 0 {
		return append(links, r)
	}
	links[i] = r
	return links
}

// members returns the records of a case that are about a person in it: the case
// itself, whatever is the person's, and the suspects that endanger the person.
// Without a person they are all of the case's.
func (tx *Tx) members(caseName, person string) ([]member, error) {
	f := tx.file(caseName)
	if !f.read {
		if err := tx.hold(caseName); err != nil {
			return nil, err
		}
		f.records = nil
		err := each(tx.conn.transaction, "SELECT name, type, subject, create_time FROM records WHERE case_name = ?", func(s result) error {
			f.records = append(f.records, member{s.ColumnText(0), s.ColumnText(1), s.ColumnText(2), s.ColumnInt64(3)})
			return nil
		}, caseName)
		if err != nil {
			return nil, err
		}
		for _, r := range tx.conn.records { // those that wait
			if r.caseName == caseName {
				f.records = append(f.records, member{r.name, r.typ.Name, r.subject, r.created})
			}
		}
		f.read = true
	}
	if person == "" {
		return f.records, nil
	}
	suspects, known := f.dangers[person]
	if !known {
		err := each(tx.conn, "SELECT suspect FROM endangered WHERE victim = ?", func(s result) error {
			suspects = append(suspects, s.ColumnText(0))
			return nil
		}, person)
		if err != nil {
			return nil, err
		}
		f.dangers[person] = suspects
	}
	var about []member
	for _, m := range f.records {
		if m.name == caseName || m.subject == person || slices.Contains(suspects, m.name) {
			about = append(about, m)
		}
	}
	return about, nil
}
