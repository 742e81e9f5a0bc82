package store

import (
	"slices"
	"sync"

	"github.com/jisr-exchange/jisr/services/keyring"
	"github.com/jisr-exchange/jisr/services/record"
)

// marks are under what records lie in the tables; see keyring.Shelfmarks. Connections
// translate, and nothing above them knows: a text that goes to a database as a
// parameter is a mark there, and one that comes as a column is a name here. Where
// names are parts of a longer text, whoever reads that has them translated.
//
// Without a keyring there is nothing that has a name.
type marks struct {
	*keyring.Shelfmarks
	known *names
}

func newMarks(ring *keyring.Ring) marks {
	if ring == nil {
		return marks{}
	}
	return marks{ring.Shelfmarks(), &names{young: make(map[string]string)}}
}

// newName makes a name for a record that this call makes.
func (tx *Tx) newName(t *record.Type, parent string) (string, error) {
	return tx.store.marks.NewName(t, parent, tx.naming, tx.random)
}

func (m marks) of(name string) string {
	if m.Shelfmarks == nil {
		return name
	}
	return m.Of(name)
}

func (m marks) name(mark string) string {
	if m.Shelfmarks == nil || len(mark) < caseBytes { // no name is shorter
		return mark
	}
	if name, kept := m.known.of(mark); kept {
		return name
	}
	name := m.Name(mark)
	if name != mark {
		m.known.keep(mark, name)
	}
	return name
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

// names are those of marks that were read of late: a page that is read again has the
// same hundred. The marks of names are not kept: how soon a name that a caller sends is
// answered must not tell whether others have sent it.
type names struct {
	mu         sync.RWMutex
	young, old map[string]string
}

// namesKept bounds each half of what is kept, at some three hundred bytes each.
const namesKept = 2048

func (n *names) of(mark string) (name string, kept bool) {
	n.mu.RLock()
	name, kept = n.young[mark]
	if kept {
		n.mu.RUnlock()
		return name, true
	}
	name, kept = n.old[mark]
	n.mu.RUnlock()
	if kept {
		n.keep(mark, name)
	}
	return name, kept
}

func (n *names) keep(mark, name string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.young) >= namesKept {
		n.old, n.young = n.young, make(map[string]string)
	}
	n.young[mark] = name
}
