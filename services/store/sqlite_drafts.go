package store

import (
	"context"
	"errors"
	"strings"
)

// draft drafts a change beside the writer, under a snapshot of its own if it asks for
// anything. What cannot be read now is not drafted, and its turn tells why.
func (f *file) draft(j *job) {
	later := &later{file: f}
	defer later.end()
	_ = j.prepare(later)
}

// later is a snapshot that begins when something is asked of it.
type later struct {
	*file
	conn *sqliteConn
}

func (l *later) exec(string, ...any) error   { return errUndrafted }
func (l *later) fenced(string, ...any) error { return errUndrafted }

func (l *later) each(query string, f func(result) error, args ...any) (err error) {
	if l.conn == nil {
		l.settled()
		if l.conn, err = l.begin(context.Background()); err != nil {
			return err
		}
	}
	return l.conn.each(query, f, args...)
}

func (l *later) end() {
	if l.conn != nil {
		_ = l.finish(l.conn) // a draft keeps nothing of it
	}
}

// orFail is a statement that keeps no copy of what it changes, to take back its own
// part where it fails: the whole transaction is taken back then.
func orFail(w wide) wide {
	for i := range w {
		w[i] = strings.Replace(w[i], "INSERT INTO", "INSERT OR FAIL INTO", 1)
	}
	return w
}

var (
	draftedRecords    = orFail(intoRecords)
	draftedSight      = orFail(wideInsert("sight", sightColumns, ""))
	draftedLinks      = orFail(intoSight)
	draftedDeliveries = orFail(intoDeliveries)
	draftedSubjects   = orFail(wideInsert("log_subjects", "record, time, seq", ""))
	draftedEpochs     = orFail(intoEpochs)
	draftedEntries    = orFail(intoEntries)
	draftedAnswers    = orFail(wideInsert("idempotency", "call, body, reply, entry, create_time", ""))
)

// drafted writes the drafts of a batch that hold, all together and without a
// savepoint, and returns what is left of it. Where they cannot be written nothing of
// them is kept, and each call has its turn.
func (w *single) drafted(batch []*job) (rest []*job, err error) {
	if !anyDrafted(batch) {
		return batch, nil
	}
	cases, keys := restsOn(batch)
	epochs, taken := make(map[string]int64, len(cases)), make(map[string]bool)
	var unsure []any
	for _, name := range cases {
		if epoch, known, _ := w.epochs.of(name); known {
			epochs[name] = epoch // nobody but this writer moves it
		} else {
			unsure = append(unsure, name)
		}
	}
	if err := w.find("SELECT f.case_name, f.epoch FROM (VALUES ", ") n CROSS JOIN epochs f WHERE f.case_name = n.column1", unsure, func(st result) error {
		epochs[st.ColumnText(0)] = st.ColumnInt64(1)
		return nil
	}); err != nil {
		return nil, err
	}
	if err := w.find("SELECT f.call FROM (VALUES ", ") n CROSS JOIN idempotency f WHERE f.call = n.column1", anys(keys), func(st result) error {
		taken[string(blob(st, 0))] = true
		return nil
	}); err != nil {
		return nil, err
	}
	drafts, rest := holding(batch, epochs, taken)
	if len(drafts) == 0 {
		return rest, nil
	}
	err = w.write(drafts)
	if err == nil || isStorage(err) || w.conn.AutocommitEnabled() {
		return rest, err
	}
	w.conn.kinds, w.conn.moved = w.conn.kinds[:0], w.conn.moved[:0]
	return batch, errors.Join(exec(w.conn, "ROLLBACK"), exec(w.conn, "BEGIN IMMEDIATE"))
}

func anys[V any](values []V) []any {
	all := make([]any, len(values))
	for i, v := range values {
		all[i] = v
	}
	return all
}

// find asks for the rows of many keys.
func (w *single) find(before, after string, keys []any, f func(result) error) error {
	for len(keys) > 0 {
		n := chunk(len(keys))
		if err := each(w.conn, before+rows(n)+after, f, keys[:n]...); err != nil {
			return err
		}
		keys = keys[n:]
	}
	return nil
}

// write writes drafts table by table.
func (w *single) write(drafts []*job) error {
	seq, err := number(w.conn, "SELECT COALESCE(MAX(seq), 0) FROM log_entries")
	if err != nil {
		return err
	}
	var rows written
	for _, j := range drafts {
		seq++
		rows.add(j.drafted, seq)
		w.conn.kinds = append(w.conn.kinds, j.drafted.entry.kind)
	}
	w.conn.moved = append(w.conn.moved, rows.moved...)
	for _, r := range rows.changed {
		if err := w.conn.fenced("UPDATE OR FAIL records SET revision = ?2, header = ?3, envelope = ?4, state = ?5 WHERE name = ?1 AND revision = ?6", r...); err != nil {
			return err
		}
	}
	for _, t := range []struct {
		into wide
		rows [][]any
	}{
		{draftedRecords, rows.records}, {draftedSight, rows.sight}, {draftedLinks, rows.links}, {draftedDeliveries, rows.deliveries}, {draftedEpochs, rows.epochs},
		{draftedEntries, rows.entries}, {draftedSubjects, rows.subjects}, {draftedAnswers, rows.answers},
	} {
		if err := insertAll(w.conn, t.into, t.rows); err != nil {
			return err
		}
	}
	return nil
}
