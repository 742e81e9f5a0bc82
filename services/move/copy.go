package move

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// tally tells how far a run has come.
type tally struct {
	run         *run
	doing       string
	done, total int64
}

func (m *run) tally(doing string) *tally {
	t := &tally{run: m, doing: doing}
	for _, w := range m.going() {
		for _, n := range w.counts {
			t.total += n
		}
	}
	return t
}

func (t *tally) one() {
	t.done++
	t.run.Progress(t.doing, t.done, t.total)
}

// copy fills the targets, each in a transaction that is still open afterwards.
func (m *run) copy(ctx context.Context) error {
	tally := m.tally("copied")
	for _, w := range m.going() {
		if err := w.target.begin(ctx); err != nil {
			return err
		}
		at, err := w.target.stands(ctx)
		if err != nil {
			return err
		}
		if !at.empty || at.mark.ID != m.id || at.mark.State != Arriving {
			return &Refusal{"somebody writes into the " + w.Component + " to move to", "end whoever does, and name an empty one"}
		}
		if w.Own != "" {
			if err := w.target.exec(ctx, "DELETE FROM "+w.Own); err != nil {
				return err
			}
		}
		if err := m.copyTables(ctx, w, tally); err != nil {
			return err
		}
		if err := m.step("filled "+w.Component, w.target); err != nil {
			return err
		}
	}
	return nil
}

func (m *run) copyTables(ctx context.Context, w *way, tally *tally) error {
	theirs, err := w.target.tables(ctx)
	if err != nil {
		return err
	}
	for _, t := range theirs {
		rows, err := w.source.query(ctx, t.classes(), t.inOrder())
		if err != nil {
			return within(t, err)
		}
		err = w.target.load(ctx, t, func() (row, error) {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			r, err := rows.next()
			if r != nil {
				tally.one()
			}
			return r, err
		})
		if err := errors.Join(err, rows.close()); err != nil {
			return within(t, err)
		}
		if err := w.target.each(ctx, []table{t}, w.target.settling); err != nil {
			return err
		}
		if err := m.step("copied", nil); err != nil {
			return err
		}
	}
	return nil
}

// compare reads all rows of both ends side by side, in the order of their keys.
func (m *run) compare(ctx context.Context) error {
	tally := m.tally("compared")
	var found Differences
	for _, w := range m.going() {
		for i, t := range w.tables {
			digest, differ, err := compareTable(ctx, w, t, tally)
			if err != nil {
				return within(t, err)
			}
			if differ != nil {
				found = append(found, *differ)
			}
			w.moved.Tables[i].Digest = digest
		}
	}
	if len(found) > 0 {
		return found
	}
	return m.step("compared", nil)
}

// Difference is what is not alike in a table of both ends.
type Difference struct {
	Component, Table string
	// First is the first key at which they differ, and What how.
	First, What string
	// More is at how many further keys they do.
	More int64
}

// Differences are all tables that are not alike.
type Differences []Difference

func (d Differences) Error() string {
	lines := make([]string, len(d))
	for i, one := range d {
		lines[i] = fmt.Sprintf("%s: table %s: the row %s %s", one.Component, one.Table, one.First, one.What)
		if one.More > 0 {
			lines[i] += fmt.Sprintf(", and %d more differ", one.More)
		}
	}
	return "the copy is not the source:\n" + strings.Join(lines, "\n")
}

func compareTable(ctx context.Context, w *way, t table, tally *tally) (digest string, differ *Difference, err error) {
	open := func(s *side) (cursor, error) { return s.query(ctx, t.classes(), t.inOrder()) }
	ours, err := open(w.source)
	if err != nil {
		return "", nil, err
	}
	defer func() { err = errors.Join(err, ours.close()) }()
	theirs, err := open(w.target)
	if err != nil {
		return "", nil, err
	}
	defer func() { err = errors.Join(err, theirs.close()) }()
	note := func(r row, what string) {
		if differ != nil {
			differ.More++
			return
		}
		differ = &Difference{Component: w.Component, Table: t.name, First: t.keyOf(r), What: what}
	}
	sum := sha256.New()
	a, err := ours.next()
	if err != nil {
		return "", nil, err
	}
	b, err := theirs.next()
	for err == nil && (a != nil || b != nil) {
		if err := ctx.Err(); err != nil {
			return "", nil, err
		}
		var first int
		switch {
		case b == nil:
			first = -1
		case a == nil:
			first = 1
		default:
			first = t.compare(a, b)
		}
		switch {
		case first < 0:
			note(a, "is missing")
		case first > 0:
			note(b, "is one too many")
		default:
			if !slices.EqualFunc(a, b, func(a, b any) bool { return order(a, b) == 0 }) {
				note(a, "is another one")
			}
		}
		if first <= 0 {
			a.write(sum)
			tally.one()
			if a, err = ours.next(); err != nil {
				break
			}
		}
		if first >= 0 {
			b, err = theirs.next()
		}
	}
	return hex.EncodeToString(sum.Sum(nil)), differ, err
}
