package store

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/jisr-exchange/jisr/services/agreement"
)

// A change that finds company is drafted before its turn comes: all that it asks,
// decides, seals and renders is done under a snapshot, while others are written.
// What is left for its turn is to find that nothing of it has moved, and to write
// its rows with those of the others. Only success is drafted. A call that is
// refused, that writes before it is done, or that asks for what no case's epoch
// stands for, comes to its turn undrafted; and so does one whose draft has not held.

// draft is a call that is ready to be written.
type draft struct {
	store *Store
	law   *agreement.Law
	until time.Time        // when the first term runs out that it rests on
	seen  map[string]int64 // the epochs of the cases that it was made under
	moved []movedCase      // the cases that it writes in
	key   []byte           // of its repetition, or nil
	entry *entry

	records, sight, links, deliveries, answer [][]any // sight are links that were not there, and links those that may have been
	changed                                   []stored
}

// errUndrafted says that a call is not to be drafted.
var errUndrafted = errors.New("store: a call that needs its turn")

// drafting is what a draft is made in: it reads, and notes what it rests on.
type drafting struct {
	querier
	seen     map[string]int64
	until    time.Time
	spoiled  bool     // whatever the call makes of it
	turn     bool     // by what such calls do
	asked    bool     // it has asked for anything
	recalled []string // cases of which it knows what was kept, and not yet whether that is of the moment of the snapshot
}

// spoil ends a draft, also where the call goes on without what it was refused.
func (d *drafting) spoil() error {
	d.spoiled = true
	return errUndrafted
}

// missed notes that a record was not read: what is absent has no epoch.
func (d *drafting) missed() {
	if d != nil {
		d.spoiled = true
	}
}

// saw notes under what a record was read.
func (d *drafting) saw(l agreement.Loaded) {
	switch {
	case d == nil:
		return
	case l.Case == "":
		d.spoiled = true
	}
	if _, known := d.seen[l.Case]; !known {
		d.seen[l.Case] = l.Epoch
	}
	d.ends(l.Until)
}

// ends notes a term that the draft rests on; zero: there is none.
func (d *drafting) ends(until time.Time) {
	if d != nil && !until.IsZero() && (d.until.IsZero() || until.Before(d.until)) {
		d.until = until
	}
}

// needsTurn is spoil for what the next such call is going to do as well.
func (d *drafting) needsTurn() error {
	d.turn = true
	return d.spoil()
}

func (d *drafting) exec(string, ...any) error              { return d.needsTurn() }
func (d *drafting) fenced(string, ...any) error            { return d.needsTurn() }
func (d *drafting) enter(*entry) error                     { return d.needsTurn() }
func (d *drafting) draw([]movedCase) error                 { return d.needsTurn() }
func (d *drafting) decidedBy(string) error                 { return nil } // it is held against that when it is written
func (d *drafting) hold(string, ...any) func(string) error { return d.rest }

func (d *drafting) each(query string, f func(result) error, args ...any) error {
	if d.spoiled {
		return d.spoil()
	}
	if !inCases(query) {
		return d.needsTurn()
	}
	if err := d.ask(); err != nil {
		return err
	}
	err := d.querier.each(query, f, args...)
	d.spoiled = d.spoiled || err != nil
	return err
}

// ask begins to ask the snapshot, which must be of the moment of what was recalled.
func (d *drafting) ask() error {
	d.asked = true
	for _, name := range d.recalled {
		epoch, err := number(d.querier, epochOf, name)
		if err != nil || epoch != d.seen[name] {
			return d.spoil()
		}
	}
	d.recalled = nil
	return nil
}

const epochOf = "SELECT epoch FROM epochs WHERE case_name = ?"

// recalls notes that the draft rests on what was kept of a case.
func (d *drafting) recalls(caseName string, epoch int64) {
	d.seen[caseName] = epoch
	d.recalled = append(d.recalled, caseName)
}

// rest notes that the draft rests on a case. What lies in none has no epoch.
func (d *drafting) rest(caseName string) error {
	if caseName == "" {
		return d.spoil()
	}
	if _, known := d.seen[caseName]; known {
		return nil
	}
	epoch, err := number(d, epochOf, caseName)
	d.seen[caseName] = epoch
	return err
}

// caseTables are the tables whose rows are a case's, so that its epoch stands for them.
var caseTables = []string{"records", "sight", "epochs", "consents", "orders", "seals", "endangered"}

var (
	named     = regexp.MustCompile(`\b(?:FROM|JOIN)\s+(\w+)`)
	beside    = regexp.MustCompile(`\bFROM\s+\w+(?:\s+\w+)?\s*,`) // tables that are not found by a word of their own
	onlyCases sync.Map                                            // by text, whether a query asks for such rows alone
)

// inCases reports whether a query asks for rows of cases alone.
func inCases(query string) bool {
	if only, known := onlyCases.Load(query); known {
		return only.(bool)
	}
	tables := named.FindAllStringSubmatch(query, -1)
	only := strings.HasPrefix(query, "SELECT ") && len(tables) > 0 && !beside.MatchString(query) &&
		!slices.ContainsFunc(tables, func(m []string) bool { return !slices.Contains(caseTables, m[1]) })
	onlyCases.Store(query, only)
	return only
}

// prepare drafts a call under a snapshot, if it can be, and says whether it has asked
// that for anything.
func (j *job) prepare(snapshot querier) (asked bool) {
	in := &drafting{querier: snapshot, seen: make(map[string]int64)}
	err := protect(func(transaction) (err error) {
		j.drafted, err = j.draft(in)
		return err
	}, in)
	if err != nil {
		j.drafted = nil
	}
	if in.turn {
		j.turns.Store(undrafted)
	}
	return in.asked
}

// drafted is the draft of what a call has gathered.
func (tx *Tx) drafted(key, body []byte, reply proto.Message, e *entry) (*draft, error) {
	in := tx.drafting
	d := &draft{store: tx.store, law: tx.law, until: in.until, seen: in.seen, moved: tx.counted, key: key, entry: e, changed: tx.conn.changed}
	for _, m := range d.moved {
		if _, known := in.seen[m.name]; !known && !tx.born[m.name] {
			return nil, in.spoil() // it writes where it has not looked
		}
	}
	if in.spoiled || len(tx.conn.closing) > 0 {
		return nil, errUndrafted
	}
	d.records, d.deliveries = tx.conn.newRecords(), tx.conn.deliveries.rows
	first := make([]bool, len(tx.conn.sight.rows))
	for key, i := range tx.conn.sight.at {
		first[i] = tx.first[key]
	}
	for i, r := range tx.conn.sight.rows {
		if first[i] {
			d.sight = append(d.sight, r)
		} else {
			d.links = append(d.links, r)
		}
	}
	if key != nil {
		row, err := tx.answered(key, body, reply, e.name)
		if err != nil {
			return nil, err
		}
		d.answer = [][]any{row}
	}
	return d, nil
}

// stale reports whether a draft rests on what is not so any more, as far as no
// database is needed to know.
func (d *draft) stale() bool {
	return d.law != d.store.Law() || !d.until.IsZero() && !d.store.Clock().Before(d.until)
}

func anyDrafted(batch []*job) bool {
	return slices.ContainsFunc(batch, func(j *job) bool { return j.drafted != nil })
}

// restsOn are the cases that the drafts of a batch rest on, and their keys.
func restsOn(batch []*job) (cases []string, keys [][]byte) {
	asked := make(map[string]bool)
	for _, j := range batch {
		if j.drafted == nil {
			continue
		}
		if j.drafted.key != nil {
			keys = append(keys, j.drafted.key)
		}
		for name := range j.drafted.seen {
			if !asked[name] {
				asked[name] = true
				cases = append(cases, name)
			}
		}
	}
	return cases, keys
}

// holding are the drafts of a batch that may be written together, and the others of
// it: of those that write in a case that another rests on, the first.
func holding(batch []*job, epochs map[string]int64, taken map[string]bool) (drafts, rest []*job) {
	moved := make(map[string]bool)
	for _, j := range batch {
		d := j.drafted
		holds := d != nil && !d.stale() && !taken[string(d.key)]
		if holds {
			for name, epoch := range d.seen {
				if stands, known := epochs[name]; !known || stands != epoch || moved[name] {
					holds = false
					d.store.files.forget(name)
				}
			}
		}
		if !holds {
			rest = append(rest, j)
			continue
		}
		for _, m := range d.moved {
			moved[m.name] = true
		}
		if d.key != nil {
			taken[string(d.key)] = true
		}
		drafts = append(drafts, j)
	}
	return drafts, rest
}

// written are the rows of drafts that are written together, by table.
type written struct {
	records, changed, sight, links, deliveries, epochs, entries, subjects, answers [][]any
	moved                                                                          []movedCase
}

// add adds a draft whose entry has a number.
func (w *written) add(d *draft, seq int64) {
	for _, r := range d.changed {
		w.changed = append(w.changed, []any{r.name, r.revision, r.header, r.envelope, r.state, r.stands})
	}
	e := d.entry
	w.entries = append(w.entries, []any{seq, e.name, e.time, e.leaf, e.salt, e.commitment})
	w.subjects = append(w.subjects, e.about(seq)...)
	w.records, w.deliveries = append(w.records, d.records...), append(w.deliveries, d.deliveries...)
	w.sight, w.links = append(w.sight, d.sight...), append(w.links, d.links...)
	w.moved, w.epochs, w.answers = append(w.moved, d.moved...), append(w.epochs, epochRows(d.moved)...), append(w.answers, d.answer...)
}
