package store

import (
	"context"
	"errors"

	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/fault"
)

// A primary in whose place a standby was promoted may live on and not know. What it
// commits waits for a standby that never comes, so it acknowledges nothing; but what
// it reads is of the past, and says that what others have written since is not there.
// Where commits wait for a standby, every answer therefore rests on one that was
// begun after all that was read for it: the standby has taken it and was not
// promoted before. Reads have their entry, changes their own commit. An answer
// without either (an empty list, a refusal) has one that writes nothing but itself.

// confirmQuery has its transaction be waited for as one that writes; the parameter
// is who says so.
const confirmQuery = "SELECT pg_logical_emit_message(true, $1, '')"

const confirming = "jisr"

// Confirm is for an answer that leaves no entry, when all of it was read: it fails
// with agreement.ErrMoved if another agreement is in force, and with
// STORE_UNAVAILABLE where nobody can say that the server is the primary still. law
// is nil where the answer does not follow from it.
func (s *Store) Confirm(ctx context.Context, law *agreement.Law) error {
	if law != nil {
		if err := s.Current(ctx, law); err != nil {
			return err
		}
	}
	if at, served := s.engine.(*server); !served || !at.replicated {
		return nil
	}
	return s.enter(&showing{ctx: context.WithoutCancel(ctx), store: s})
}

// readElsewhere reports whether anything was read from another primary than that of a
// term: what has been written at one is not in what was read at the other.
func (w *showing) readElsewhere(term int64) bool {
	d := agreement.DocketFrom(w.ctx)
	return d != nil && d.Term() != 0 && d.Term() != term
}

// refuseAsPrimary ends a transaction whose calls were all refused.
func (s *server) refuseAsPrimary(c *pgConn) error {
	if !s.replicated || c.conn.IsClosed() || c.conn.PgConn().TxStatus() != 'T' {
		c.giveUp()
		return nil
	}
	c.failed = nil
	c.queue(confirmQuery, confirming)
	err := c.commit()
	if errors.Is(err, fault.New(fault.OutcomeUnknown)) {
		return errors.Join(fault.New(fault.StoreUnavailable), errStorage{errLost}) // there was nothing to be done
	}
	return err
}
