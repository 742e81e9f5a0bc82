package move

import (
	"context"
	"fmt"
)

// hold keeps everybody else from writing in the sources until this run ends.
func (m *run) hold(ctx context.Context) error {
	for _, w := range m.ways {
		if err := w.source.begin(ctx); err != nil {
			return err
		}
	}
	return m.step("held", nil)
}

// weigh looks at where both ends of every piece stand, decides whether this run
// may go on, and counts what there is to do.
func (m *run) weigh(ctx context.Context) error {
	for _, w := range m.ways {
		if err := m.weighOne(ctx, w); err != nil {
			return err
		}
	}
	for _, w := range m.going() {
		var err error
		if w.tables, err = w.source.tables(ctx); err != nil {
			return err
		}
		for _, t := range w.tables {
			n, err := w.source.count(ctx, t)
			if err != nil {
				return err
			}
			w.counts = append(w.counts, n)
			w.moved.Tables = append(w.moved.Tables, Table{Name: t.name, Rows: n})
		}
	}
	return nil
}

func (m *run) weighOne(ctx context.Context, w *way) error {
	from, err := w.source.stands(ctx)
	if err != nil {
		return err
	}
	to, err := w.target.stands(ctx)
	if err != nil {
		return err
	}
	switch {
	case from.mark.State == Left && from.mark.ID == to.mark.ID && to.mark.State == Arrived:
		w.done, w.moved.Already = true, true
	case from.mark.State == Left && from.mark.ID == to.mark.ID && to.mark.State == Arriving:
		m.id = from.mark.ID // what an earlier run has not ended
	case from.mark.State == Left:
		return &Refusal{fmt.Sprintf("the %s was moved already, %s", w.Component, from.mark.when()),
			"move on from there; or, if that copy is lost, take the mark away with --serve-again"}
	case from.mark.State == Arriving:
		return &Refusal{fmt.Sprintf("the %s to move from is itself an unfinished copy of %s", w.Component, from.mark.Place), "finish that move first"}
	case from.origin == "":
		return &Refusal{"the " + w.Component + " to move from holds no exchange", "check which one is named"}
	case to.mark.State == Arriving && to.mark.Origin != from.origin:
		return &Refusal{fmt.Sprintf("the %s to move to is an unfinished copy of another exchange, from %s", w.Component, to.mark.Place), "name an empty one"}
	case to.mark.State == Arriving:
	case to.mark.State != "" || !to.empty:
		return &Refusal{"the " + w.Component + " to move to is not empty", "name an empty one: nothing is ever written over"}
	}
	if to.mark.State == Arriving && !to.empty {
		return &Refusal{"somebody writes into the " + w.Component + " to move to", "end whoever does, and name an empty one"}
	}
	return nil
}

// claim makes the schema of the targets and marks them, so that no node serves
// them from now on until they have arrived.
func (m *run) claim(ctx context.Context) error {
	for _, w := range m.going() {
		from, err := w.source.stands(ctx)
		if err != nil {
			return err
		}
		if err := w.target.make(ctx); err != nil {
			return err
		}
		if err := m.step("made", nil); err != nil {
			return err
		}
		if err := w.target.begin(ctx); err != nil {
			return err
		}
		// Again, since now nobody else writes there: a run that was killed may have
		// been at its last commit, which the server made meanwhile.
		if err := m.weighOne(ctx, w); err != nil {
			return err
		}
		if w.done {
			w.moved.Tables = nil
			if err := w.target.commit(ctx); err != nil {
				return err
			}
			continue
		}
		if err := w.target.alike(ctx, w.tables); err != nil {
			return err
		}
		if err := w.target.mark(ctx, Mark{ID: m.id, State: Arriving, Origin: from.origin, Place: w.moved.From, Time: m.Now()}); err != nil {
			return err
		}
		if err := w.target.commit(ctx); err != nil {
			return err
		}
		if err := m.step("claimed", nil); err != nil {
			return err
		}
	}
	return nil
}

// leave gives the sources up. Whatever happens from here on, they serve no more.
func (m *run) leave(ctx context.Context) error {
	for _, w := range m.going() {
		from, err := w.source.stands(ctx)
		if err != nil {
			return err
		}
		if from.mark.State != Left {
			mark := Mark{ID: m.id, State: Left, Origin: from.origin, Place: w.moved.To, Time: m.Now()}
			if err := w.source.mark(ctx, mark); err != nil {
				return err
			}
			if err := w.source.bar(ctx, w.tables); err != nil {
				return err
			}
		}
		if err := w.source.commit(ctx); err != nil {
			return err
		}
		if err := m.step("left", nil); err != nil {
			return err
		}
	}
	return nil
}

// arrive ends the transactions of the targets, which may be served from then on.
func (m *run) arrive(ctx context.Context) error {
	for _, w := range m.going() {
		from, err := w.source.stands(ctx)
		if err != nil {
			return err
		}
		if err := w.target.mark(ctx, Mark{ID: m.id, State: Arrived, Origin: from.origin, Place: w.moved.From, Time: m.Now()}); err != nil {
			return err
		}
		if err := w.target.commit(ctx); err != nil {
			return err
		}
		if err := m.step("arrived", nil); err != nil {
			return err
		}
	}
	return nil
}
