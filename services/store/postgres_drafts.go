package store

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jisr-exchange/jisr/services/fault"
)

// drafted drafts the calls of a batch and writes the drafts that hold, all together
// in one transaction, and returns what is left of it. Nothing is held while they
// are made, and nobody is waited for when they are written: a draft that rests on
// a case in which another writes comes to its turn.
func (s *server) drafted(batch []*job) (rest []*job) {
	began := time.Now()
	batch = theirTurn(batch)
	conn, err := s.connection()
	if err != nil {
		return waitAgain(batch) // each is told why in its turn
	}
	defer conn.Release()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c := &pgConn{ctx: ctx, conn: conn.Conn(), batch: &pgx.Batch{}, marks: s.marks, numbers: &s.numbers}
	c.inStep(batch)
	drafts, rest, err := c.standing(batch)
	waitAgain(rest) // while the others are committed, which nothing bounds
	if err == nil && len(drafts) > 0 {
		if err = c.write(drafts); err == nil {
			committing(drafts)
			err = c.commit()
		}
	}
	if !c.conn.IsClosed() {
		c.giveUp() // what has not been ended
	}
	switch {
	case errors.Is(err, fault.New(fault.OutcomeUnknown)):
		refuse(drafts, err)
		return rest
	case err != nil:
		waitAgain(drafts)
		return batch // nothing was kept
	}
	if len(drafts) > 0 {
		s.meter.Committed(len(drafts), c.kinds, time.Since(began))
	}
	for _, j := range drafts {
		close(j.done)
	}
	return rest
}

// fromMemory drafts a change that needs nothing but what is kept. One that asks for
// more is drafted with others in its turn.
func fromMemory(j *job) {
	if asked := j.prepare(unasked{}); !asked && j.drafted == nil {
		j.draft = nil // asking would not help it
	}
}

// unasked is asked for nothing.
type unasked struct{}

func (unasked) exec(string, ...any) error                     { return errUndrafted }
func (unasked) fenced(string, ...any) error                   { return errUndrafted }
func (unasked) each(string, func(result) error, ...any) error { return errUndrafted }

// question is what a draft asks, and what it is answered.
type question struct {
	query string
	args  []any
	rows  []pgRow
	err   error
}

// asking lets a draft ask, and rest until it is answered.
type asking struct{ yield func(*question) bool }

func (a asking) exec(string, ...any) error   { return errUndrafted }
func (a asking) fenced(string, ...any) error { return errUndrafted }

func (a asking) each(query string, f func(result) error, args ...any) error {
	q := &question{query: query, args: args}
	if !a.yield(q) {
		return errUndrafted
	}
	for _, r := range q.rows {
		if err := f(r); err != nil {
			return err
		}
	}
	return q.err
}

// inStep drafts calls in step with each other under one snapshot: what each asks
// next goes to the server together with what the others do.
func (c *pgConn) inStep(batch []*job) {
	type step struct {
		next func() (*question, bool)
		q    *question
	}
	var steps []*step
	for _, j := range batch {
		if j.draft == nil || j.drafted != nil {
			continue
		}
		next, stop := iter.Pull(func(yield func(*question) bool) { _ = j.prepare(asking{yield}) })
		defer stop()
		steps = append(steps, &step{next: next})
	}
	if len(steps) == 0 {
		return
	}
	c.queue("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
	defer c.queue("ROLLBACK")
	for {
		steps = slices.DeleteFunc(steps, func(s *step) (ended bool) {
			var more bool
			s.q, more = s.next()
			return !more
		})
		if len(steps) == 0 {
			return
		}
		for _, s := range steps {
			c.queue(s.q.query, s.q.args...).Query(func(r pgx.Rows) error {
				for r.Next() {
					s.q.rows = append(s.q.rows, c.row(r.RawValues()))
				}
				return r.Err()
			})
		}
		if err := c.send(); err != nil {
			for _, s := range steps {
				s.q.rows, s.q.err = nil, err
			}
		}
	}
}

// plannedOnce has what follows planned once, as for tables that are large: where it
// joins many rows to a table, PostgreSQL would weigh each time whether to read all of it.
const plannedOnce = "SELECT set_config('lock_timeout', '" + waitAsLast + "', true), set_config('plan_cache_mode', 'force_generic_plan', true), set_config('enable_seqscan', 'off', true)"

// standing begins the transaction that writes drafts, and finds those that hold. It
// keeps everybody else from writing in their cases.
func (c *pgConn) standing(batch []*job) (drafts, rest []*job, err error) {
	if !anyDrafted(batch) {
		return nil, batch, nil
	}
	cases, keys := restsOn(batch)
	epochs, taken := make(map[string]int64, len(cases)), make(map[string]bool)
	c.begin(false)
	c.queue(plannedOnce)
	c.queue(`SELECT e.case_name, e.epoch FROM unnest(?::text[]) n(case_name)
		CROSS JOIN LATERAL (SELECT * FROM epochs WHERE case_name = n.case_name FOR UPDATE SKIP LOCKED) e`, cases).Query(func(r pgx.Rows) error {
		for r.Next() {
			row := pgRow{r.RawValues(), c.marks}
			epochs[row.ColumnText(0)] = row.ColumnInt64(1)
		}
		return r.Err()
	})
	c.queue("SELECT k FROM unnest(?::bytea[]) k WHERE (SELECT true FROM idempotency WHERE call = k)", keys).Query(func(r pgx.Rows) error {
		for r.Next() {
			taken[string(r.RawValues()[0])] = true
		}
		return r.Err()
	})
	if err := c.send(); err != nil {
		return nil, batch, err
	}
	for _, j := range batch {
		if j.drafted != nil && j.drafted.law.Hash() != c.law {
			j.drafted = nil
		}
	}
	drafts, rest = holding(batch, epochs, taken)
	return drafts, rest, nil
}

// sheet takes rows of a table by its columns, by one statement however many they are.
type sheet struct {
	insert string
	types  []string
}

// byColumn is an INSERT of any number of rows.
func byColumn(table, names, types, conflict string) sheet {
	c := sheet{types: strings.Fields(types)}
	c.insert = "INSERT INTO " + table + "(" + names + ") SELECT * FROM unnest(?::" + strings.Join(c.types, "[], ?::") + "[])" + conflict
	return c
}

const sightTypes = "text text bigint text text bigint text text bigint bigint bigint"

var (
	recordSheet = byColumn("records", "name, type, case_name, subject, create_time, state, revision, header, envelope",
		"text text text text bigint bigint bigint bytea bytea", "")
	sightSheet    = byColumn("sight", sightColumns, sightTypes, "")
	linkSheet     = byColumn("sight", sightColumns, sightTypes, sightAgain)
	deliverySheet = byColumn("deliveries", "name, agency, case_name, notification, state, lease_until", "text text text text bigint bigint", "")
	epochSheet    = byColumn("epochs", "case_name, epoch", "text bigint", " ON CONFLICT (case_name) DO UPDATE SET epoch = excluded.epoch")
	entrySheet    = byColumn("log_entries", "seq, name, time, leaf, salt, commitment", "bigint text bigint bytea bytea bytea", "")
	subjectSheet  = byColumn("log_subjects", "record, time, seq", "bigint bigint bigint", "")
	answerSheet   = byColumn("idempotency", "call, body, reply, entry, create_time", "bytea bytea bytea text bigint", "")
	// The statement fails where a record is not of the revision that was read: it is
	// sent with the commit, before anybody could look.
	changedSheet = sheet{types: strings.Fields("text bigint bytea bytea bigint bigint"), insert: `WITH written AS (
		UPDATE records r SET revision = v.revision, header = v.header, envelope = v.envelope, state = v.state
			FROM unnest(?::text[], ?::bigint[], ?::bytea[], ?::bytea[], ?::bigint[], ?::bigint[]) v(name, revision, header, envelope, state, stands)
			WHERE r.name = v.name AND r.revision = v.stands RETURNING 1
		) SELECT 1 / CASE WHEN count(*) = cardinality(?1) THEN 1 ELSE 0 END FROM written`}
)

// all queues the statement for rows.
func (c *pgConn) all(into sheet, rows [][]any) {
	if len(rows) == 0 {
		return
	}
	args := make([]any, len(into.types))
	for i, t := range into.types {
		switch t {
		case "text":
			args[i] = column(rows, i, func(v any) string { return v.(string) })
		case "bytea":
			args[i] = column(rows, i, func(v any) []byte { return v.([]byte) })
		default:
			args[i] = column(rows, i, func(v any) int64 {
				if n, small := v.(int); small {
					return int64(n)
				}
				return v.(int64)
			})
		}
	}
	c.queue(into.insert, args...)
}

func column[V any](rows [][]any, i int, of func(any) V) []V {
	values := make([]V, len(rows))
	for n, r := range rows {
		values[n] = of(r[i])
	}
	return values
}

// write queues the rows of drafts, by one statement for each table.
func (c *pgConn) write(drafts []*job) error {
	var w written
	for _, j := range drafts {
		seq, err := c.number()
		if err != nil {
			return err
		}
		w.add(j.drafted, seq)
		c.kinds = append(c.kinds, j.drafted.entry.kind)
	}
	c.all(recordSheet, w.records)
	c.all(changedSheet, w.changed)
	c.all(sightSheet, w.sight)
	c.all(linkSheet, w.links)
	c.all(deliverySheet, w.deliveries)
	c.all(epochSheet, w.epochs)
	c.all(entrySheet, w.entries)
	c.all(subjectSheet, w.subjects)
	c.all(answerSheet, w.answers)
	return nil
}
