package store

import (
	"context"
	"errors"

	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/fault"
)

// enter holds what is about to be shown against what is in force when its entry is
// durable: later than that only its answer is on the way. It is held before, too,
// so that mostly nothing is written down that nobody is shown.
func (f *file) enter(w *showing) error {
	if err := f.holds(w); err != nil {
		return err
	}
	if err := f.journal.append(w.entry); err != nil {
		return err
	}
	return f.holds(w)
}

// holds reports whether all that something was read under is in force now. This
// process alone writes the file, and tells nobody of a commit whose epochs it has
// not remembered: what is not remembered as moved has not moved for anybody.
func (f *file) holds(w *showing) error {
	if f.broken.Load() {
		return fault.New(fault.StoreUnavailable) // nobody knows what is in force
	}
	f.adopting.RLock()
	defer f.adopting.RUnlock()
	if err := w.current(); err != nil {
		return err
	}
	var unsure []agreement.Loaded
	commits := uint64(0)
	for _, l := range w.shown {
		epoch, known, now := f.epochs.of(l.Case)
		if !known || epoch != l.Epoch {
			if len(unsure) == 0 {
				commits = now
			}
			unsure = append(unsure, l)
		}
	}
	if len(unsure) == 0 {
		return nil
	}
	return f.holdsInside(w.ctx, unsure, commits)
}

// holdsInside is holds by the database itself, for what is not remembered, and for
// what was read of a commit that is not remembered yet.
func (f *file) holdsInside(ctx context.Context, shown []agreement.Loaded, commits uint64) error {
	return f.snapshot(ctx, func(conn querier) error {
		for _, l := range shown {
			epoch, err := number(conn, "SELECT epoch FROM epochs WHERE case_name = ?", l.Case)
			if err != nil {
				return unavailable(ctx, err)
			}
			if epoch != l.Epoch {
				return agreement.ErrMoved
			}
			f.epochs.learn(l.Case, epoch, commits)
		}
		return nil
	})
}

// probe reports whether entries become durable and can be found; until they can,
// none is taken.
func (f *file) probe(ctx context.Context) error {
	f.posting.Lock()
	err := f.attempt(ctx)
	if err == nil {
		err = f.postAll()
	}
	if ctx.Err() == nil { // who asked has not gone
		f.journal.fail(err)
	}
	f.posting.Unlock()
	return errors.Join(err, f.journal.append(nil))
}
