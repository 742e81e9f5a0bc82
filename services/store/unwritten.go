package store

import (
	"maps"
	"slices"
	"strings"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
)

// unwritten are rows that a call has made and that are not in the database yet.
// A call makes them one by one, by what follows from what; written together they
// are a few wide statements. Whatever asks for them is not answered before.
type unwritten struct {
	transaction
	records    []stored // new ones
	changed    []stored
	sight      waiting[sightKey]
	deliveries waiting[string]         // by name
	closing    map[string]bool         // cases whose seals are to close what waits
	close      func(name string) error // does so for one
	relinked   bool                    // links were ended, or opened or closed by a seal
}

// sightKey is what one row of sight differs by from another.
type sightKey struct {
	holder, name, via, subject string
	link                       jisrv1.Link
}

// stored is a record as it is written.
type stored struct {
	row
	state  int
	stands int64 // the revision in the database, of one that is there
}

// waiting are rows of one table. A row made again, by its key, takes the first one's place.
type waiting[K comparable] struct {
	rows [][]any
	at   map[K]int
}

func (w *waiting[K]) put(key K, values ...any) {
	if w.at == nil {
		w.at = make(map[K]int)
	}
	if i, ok := w.at[key]; ok {
		w.rows[i] = values
		return
	}
	w.at[key] = len(w.rows)
	w.rows = append(w.rows, values)
}

func (w *waiting[K]) take() [][]any {
	rows := w.rows
	w.rows, w.at = nil, nil
	return rows
}

// Statements of a call go through here, and this is the one place where rows stop
// waiting: before any statement that names one of their tables.

func (u *unwritten) exec(query string, args ...any) error {
	u.relinked = u.relinked || strings.Contains(query, "sight")
	if err := u.writeFor(query); err != nil {
		return err
	}
	return u.transaction.exec(query, args...)
}

func (u *unwritten) fenced(query string, args ...any) error {
	if err := u.writeFor(query); err != nil {
		return err
	}
	return u.transaction.fenced(query, args...)
}

func (u *unwritten) each(query string, f func(result) error, args ...any) error {
	if err := u.writeFor(query); err != nil {
		return err
	}
	return u.transaction.each(query, f, args...)
}

func (u *unwritten) empty() bool {
	return len(u.records)+len(u.changed)+len(u.sight.rows)+len(u.deliveries.rows)+len(u.closing) == 0
}

func (u *unwritten) writeFor(query string) error {
	if u.empty() {
		return nil
	}
	for _, table := range []string{"sight", "records", "deliveries"} {
		if strings.Contains(query, table) {
			return u.write()
		}
	}
	return nil
}

// write writes what waits, and closes what a seal closes of it.
func (u *unwritten) write() error {
	if u.empty() {
		return nil
	}
	records, changed := u.newRecords(), u.changed
	u.records, u.changed = nil, nil
	if err := insertAll(u.transaction, intoRecords, records); err != nil {
		return err
	}
	for _, r := range changed {
		// The revision is the fence: what was merged is what stands there, or nothing is written.
		if err := u.transaction.fenced("UPDATE records SET header = ?, envelope = ?, state = ?, revision = ? WHERE name = ? AND revision = ?",
			r.header, r.envelope, r.state, r.revision, r.name, r.stands); err != nil {
			return err
		}
	}
	if err := insertAll(u.transaction, intoSight, u.sight.take()); err != nil {
		return err
	}
	if err := insertAll(u.transaction, intoDeliveries, u.deliveries.take()); err != nil {
		return err
	}
	cases := slices.Sorted(maps.Keys(u.closing))
	clear(u.closing)
	u.relinked = u.relinked || len(cases) > 0
	for _, name := range cases {
		if err := u.close(name); err != nil {
			return err
		}
	}
	return nil
}

// newRecords are the rows of the records that the call has made.
func (u *unwritten) newRecords() [][]any {
	rows := make([][]any, len(u.records))
	for i, r := range u.records {
		rows[i] = []any{r.name, r.typ.Name, r.caseName, r.subject, r.created, r.state, r.revision, r.header, r.envelope}
	}
	return rows
}

// created notes a new record, and altered one that is there.
func (u *unwritten) created(r stored) { u.records = append(u.records, r) }

func (u *unwritten) altered(r stored) {
	for _, list := range [][]stored{u.records, u.changed} {
		if i := slices.IndexFunc(list, func(s stored) bool { return s.name == r.name }); i >= 0 {
			r.stands = list[i].stands
			list[i] = r
			return
		}
	}
	u.changed = append(u.changed, r)
}

// wide is an INSERT of several rows in one statement. Its texts are of so many
// rows as a power of two, so that they are few and each is prepared once.
type wide [widest]string

// widest is the power of two that bounds the rows, and so the parameters, of a statement.
const widest = 6

func wideInsert(table, columns, conflict string) (w wide) {
	one := "(" + placeholders(strings.Count(columns, ",")+1) + ")"
	for i := range w {
		w[i] = "INSERT INTO " + table + "(" + columns + ") VALUES " + strings.Repeat(one+",", 1<<i-1) + one + conflict
	}
	return w
}

const (
	sightColumns = "holder, type, create_time, sort, name, link, via, subject, scope, until_time, visible"
	sightAgain   = " ON CONFLICT (holder, type, create_time, sort, name, link, via, subject) DO UPDATE SET scope = excluded.scope, until_time = excluded.until_time"
)

var (
	intoRecords    = wideInsert("records", "name, type, case_name, subject, create_time, state, revision, header, envelope", "")
	intoSight      = wideInsert("sight", sightColumns, sightAgain)
	intoDeliveries = wideInsert("deliveries", "name, agency, case_name, notification, state, lease_until", "")
	intoSubjects   = wideInsert("log_subjects", "record, time, seq", " ON CONFLICT DO NOTHING")
	intoEpochs     = wideInsert("epochs", "case_name, epoch", " ON CONFLICT (case_name) DO UPDATE SET epoch = excluded.epoch")
)

// insertAll inserts rows by as few statements as their number has binary digits,
// and by one for each that is as wide as can be.
func insertAll(conn querier, into wide, rows [][]any) error {
	for width := widest - 1; len(rows) > 0; {
		if len(rows) < 1<<width {
			width--
			continue
		}
		var args []any // not for the next one too: it may be sent later
		for _, r := range rows[:1<<width] {
			args = append(args, r...)
		}
		if err := conn.exec(into[width], args...); err != nil {
			return err
		}
		rows = rows[1<<width:]
	}
	return nil
}
