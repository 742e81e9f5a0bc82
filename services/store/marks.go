package store

import (
	"slices"

	"github.com/jisr-exchange/jisr/services/keyring"
	"github.com/jisr-exchange/jisr/services/record"
)

// marks are under what records lie in the tables; see keyring.Shelfmarks. Connections
// translate, and nothing above them knows: a text that goes to a database as a
// parameter is a mark there, and one that comes as a column is a name here. Where
// names are parts of a longer text, whoever reads that has them translated.
//
// Without a keyring there is nothing that has a name.
type marks struct{ *keyring.Shelfmarks }

func newMarks(ring *keyring.Ring) marks {
	if ring == nil {
		return marks{}
	}
	return marks{ring.Shelfmarks()}
}

// newName makes a name for a record that this call makes.
func (tx *Tx) newName(t *record.Type, parent string) (string, error) {
	return tx.store.marks.NewName(t, parent, tx.now, tx.random)
}

func (m marks) of(name string) string {
	if m.Shelfmarks == nil {
		return name
	}
	return m.Of(name)
}

func (m marks) name(mark string) string {
	if m.Shelfmarks == nil {
		return mark
	}
	return m.Name(mark)
}

// all are the marks of what has names.
func (m marks) all(names []string) []string {
	marks := make([]string, len(names))
	for i, name := range names {
		marks[i] = m.of(name)
	}
	return marks
}

// parameters are those of a statement, with marks for names. What is given stays as
// it is: a statement may be sent again.
func (m marks) parameters(given []any) []any {
	args := given
	for i, arg := range given {
		switch arg := arg.(type) {
		case string:
			mark := m.of(arg)
			if mark == arg {
				continue
			}
			args = apart(args, given)
			args[i] = mark
		case []string:
			args = apart(args, given)
			args[i] = m.all(arg)
		}
	}
	return args
}

// apart returns args, or a copy if they are what was given.
func apart(args, given []any) []any {
	if &args[0] == &given[0] {
		return slices.Clone(given)
	}
	return args
}
