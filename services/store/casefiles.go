package store

import (
	"slices"
	"sync"

	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/record"
)

// caseFiles keep what changes knew of cases when they were done, for the drafts of
// those that follow. A draft that rests on what is kept here is held, as every draft
// is, against the epochs of its cases when it is written; and what it asks of the
// database besides must be of the same moment.
//
// It knows of cases what no caller may be told: who reads a record here has a link
// to it that stands, and everybody else is answered by the database, as for what is not
// here at all. Of a case that anybody has sealed nothing is kept.
type caseFiles struct {
	mu         sync.Mutex
	most, held int // bytes, of each half, and of the young one
	young, old map[string]*keptFile
}

// keptFile is a case as a change has left it. Who has one only reads it.
type keptFile struct {
	law     *agreement.Law // with another one comes and goes who oversees the case
	epoch   int64
	records []keptRecord // the case and persons in it, as far as they were looked at
	whole   bool         // members are known
	members []member
	size    int
}

// keptRecord is a record and, where they are known, all the links on it.
type keptRecord struct {
	row
	linked bool
	links  []sightRow
}

func (k *keptFile) record(name string) (r *keptRecord, there bool) {
	if k != nil {
		for i := range k.records {
			if k.records[i].name == name {
				return &k.records[i], true
			}
		}
	}
	return &keptRecord{}, false
}

// longFile is how many records of a case are kept along with it.
const longFile = 256

func newCaseFiles(most int) *caseFiles {
	return &caseFiles{most: most / 2, young: make(map[string]*keptFile)}
}

// of is what is kept of a case, or nil.
func (c *caseFiles) of(name string, law *agreement.Law) *keptFile {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := c.young[name]
	if k == nil {
		if k = c.old[name]; k != nil {
			c.put(name, k)
		}
	}
	if k == nil || k.law != law {
		return nil
	}
	return k
}

// keep keeps a case as it is now.
func (c *caseFiles) keep(name string, k *keptFile) {
	k.size = k.bytes()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drop(name)
	c.put(name, k)
}

func (c *caseFiles) put(name string, k *keptFile) {
	if k.size > c.most {
		return
	}
	if c.held+k.size > c.most {
		c.old, c.young, c.held = c.young, make(map[string]*keptFile), 0
	}
	c.young[name] = k
	c.held += k.size
	delete(c.old, name)
}

func (c *caseFiles) drop(name string) {
	if k := c.young[name]; k != nil {
		c.held -= k.size
	}
	delete(c.young, name)
	delete(c.old, name)
}

// forget gives up what is kept of cases that have moved.
func (c *caseFiles) forget(cases ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, name := range cases {
		c.drop(name)
	}
}

// forgetAll gives up everything that is kept.
func (c *caseFiles) forgetAll() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.held, c.young, c.old = 0, make(map[string]*keptFile), nil
}

// bytes is about what a file takes: what it holds, and its place in a map. Names are
// each its own where they were asked for.
func (k *keptFile) bytes() int {
	const perFile, perRecord, perMember, perLink = 384, 192, 104, 104
	n := perFile
	for _, m := range k.members {
		n += perMember + len(m.name) + len(m.subject)
	}
	for _, r := range k.records {
		n += perRecord + len(r.name) + len(r.caseName) + len(r.subject) + len(r.header) + len(r.envelope)
		for _, l := range r.links {
			n += perLink + len(l.holder) + len(l.via) + len(l.subject)
		}
	}
	return n
}

// caseOf is the case that a name lies in, as far as the name itself tells.
func caseOf(name string) string {
	n, _ := record.ParseName(name)
	return n.Case
}

// recall is what is kept of a case, for a draft that has asked for nothing yet:
// what it was answered would be of another moment.
func (tx *Tx) recall(caseName string) *keptFile {
	switch {
	case tx.drafting == nil || tx.moved[caseName]:
		return nil
	case tx.rested[caseName] != nil:
		return tx.rested[caseName]
	case tx.drafting.asked || tx.files[caseName] != nil:
		return nil
	}
	return tx.store.files.of(caseName, tx.law)
}

// restOn has the draft rest on a case as it is kept.
func (tx *Tx) restOn(caseName string, k *keptFile) {
	if tx.rested[caseName] != nil {
		return
	}
	tx.rested[caseName] = k
	tx.drafting.recalls(caseName, k.epoch)
	f := tx.file(caseName)
	if c, there := k.record(caseName); there {
		f.linked, f.links = c.linked, slices.Clone(c.links)
	}
	f.read, f.records = k.whole, slices.Clip(k.members)
	tx.sealed[caseName] = false
	for _, r := range k.records {
		if _, known := tx.rows[r.name]; !known {
			tx.rows[r.name] = r.row
		}
	}
}

// remembered is a record of a case that is kept, and the caller's standing to it;
// not known where no link of the caller to it stands.
func (tx *Tx) remembered(n record.Name) (_ row, l agreement.Loaded, known bool, err error) {
	k := tx.recall(n.Case)
	r, there := k.record(n.Full)
	if !there {
		return row{}, l, false, nil
	}
	tx.ownLinks(&l, r.links, n.Type)
	if len(l.Standing.Links) == 0 {
		return row{}, l, false, nil
	}
	inOrder(&l)
	l.Epoch = k.epoch
	tx.restOn(n.Case, k)
	return r.row, l, true, tx.store.complete(tx.conn, tx.caller, tx.law, n.Type, r.row, &l)
}

// ownLinks adds those of some links that are the caller's and stand now, in a case
// that nobody has sealed.
func (tx *Tx) ownLinks(l *agreement.Loaded, links []sightRow, t *record.Type) {
	now, shelf := tx.store.Clock().UnixMicro(), tx.law.Shelf(tx.caller.Role, t.Name)
	for _, r := range links {
		if shelf.Has(r.link) && (r.until == 0 || r.until > now) && slices.Contains(tx.holders, any(r.holder)) {
			l.Standing.Links = append(l.Standing.Links, agreement.InForce{Link: r.link, Scope: r.scope, Via: r.via})
			keepUntil(l, r.until)
		}
	}
}

// keepFiles keeps the cases that a call has written in, as it leaves them.
func (tx *Tx) keepFiles() {
	for _, moved := range tx.counted {
		if k := tx.left(moved); k != nil {
			tx.store.files.keep(moved.name, k)
		}
	}
}

// left is a case as the call leaves it, as far as it knows that; nil where a seal may
// be in force, or links have ended.
func (tx *Tx) left(moved movedCase) *keptFile {
	f := tx.files[moved.name]
	if sealed, known := tx.sealed[moved.name]; f == nil || sealed || !known || tx.conn.relinked || len(f.records) > longFile {
		return nil
	}
	k := &keptFile{law: tx.law, epoch: moved.epoch, whole: f.read, members: f.records}
	for name, r := range tx.rows {
		if r.caseName != moved.name {
			continue
		}
		kept := keptRecord{row: r}
		switch r.typ.Name {
		case "Case":
			kept.linked, kept.links = f.linked, f.links
		case "Victim", "Suspect":
			before, _ := tx.rested[moved.name].record(name)
			if kept.linked = before.linked || tx.born[name]; kept.linked {
				kept.links = slices.Clone(before.links)
				for _, m := range tx.made[name] {
					kept.links = linked(kept.links, m)
				}
			}
		default:
			continue
		}
		k.records = append(k.records, kept)
	}
	return k
}
