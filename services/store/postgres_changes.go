package store

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/postgres"
)

const (
	// pgGroup bounds how many calls share a transaction: cases are held until its end.
	pgGroup = 64
	// rerunning bounds how often a call is run again that others were in the way of.
	rerunning = 8
	// waitAsLast is how long a call that is not the first of its group waits for a row
	// that is no case's: its group holds what others wait for.
	waitAsLast = "20ms"
	// waitAsFirst is how long one waits that holds nothing yet.
	waitAsFirst = "10s"
)

// lawQuery asks which agreement is in force, and keeps it so until the
// transaction has ended: a new one waits for all that was decided by the old, and
// what follows waits for the new one. Whoever changes the agreement is alone.
// What holds is the row. The turn before it is so that a new agreement has one:
// those who share a row let no one in between who wants it alone.
const (
	lawTurn  = 0x6a6c6177 // "jlaw"
	lawQuery = "SELECT hash FROM agreements WHERE in_force = 1 FOR "
)

// change is a lane: it commits groups of calls, one after the other.
func (s *server) change() {
	for s.changes.wait() {
		runtime.Gosched() // whoever can run now and is about to ask comes along
		batch := s.changes.share(int(lanes-s.busy.Load()), pgGroup)
		s.busy.Add(1)
		began := time.Now()
		for _, j := range batch {
			s.meter.Queued(began.Sub(j.asked))
		}
		if slices.ContainsFunc(batch, func(j *job) bool { return j.draft != nil }) {
			batch = s.drafted(batch)
		}
		for len(batch) > 0 {
			batch = s.commit(batch)
		}
		s.busy.Add(-1)
	}
}

// commit runs the first calls of a batch in one transaction, answers them, and
// returns the others: from the first on that others are in the way of, and that
// would have to wait while its group holds what they wait for.
func (s *server) commit(batch []*job) (rest []*job) {
	if batch = theirTurn(batch); len(batch) == 0 {
		return nil
	}
	conn, err := s.connection()
	if err != nil {
		refuse(batch, err)
		return nil
	}
	defer conn.Release()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	began := time.Now()
	c := &pgConn{ctx: ctx, conn: conn.Conn(), batch: &pgx.Batch{}, first: true, held: make(map[string]bool), marks: s.marks, numbers: &s.numbers}
	c.begin(batch[0].alone)
	var done []*job
	for i, j := range batch {
		if i > 0 && (j.alone || batch[0].alone) {
			rest = batch[i:]
			break
		}
		if i == 1 {
			c.first = false
			c.queue("SET LOCAL lock_timeout = '" + waitAsLast + "'")
		}
		j.err = c.call(j, len(batch) == 1)
		if c.conn.IsClosed() || errors.Is(j.err, errLost) {
			if !c.answered && ctx.Err() == nil && !batch[0].stale {
				batch[0].stale = true
				s.writers.Reset() // a connection of yesterday, and those of its age with it
				return waitAgain(batch)
			}
			// Nothing was committed, so nothing of it is kept.
			refuse(batch, errors.Join(fault.New(fault.StoreUnavailable), errStorage{j.err}))
			return nil
		}
		if inTheWay(j.err) {
			if j.again(c.needs) {
				rest = batch[i:]
				break
			}
			j.err = errors.Join(fault.New(fault.StoreUnavailable), errStorage{j.err})
		}
		if moved(j.err) {
			s.lawful.ask() // this node may be the last to hear
		}
		if j.err != nil {
			j.err = answer(j.err)
		}
		done = append(done, j)
	}
	waitAgain(rest) // while the others are committed, which nothing bounds
	committing(done)
	kept := slices.ContainsFunc(done, func(j *job) bool { return j.err == nil })
	if !kept {
		if err := s.refuseAsPrimary(c); err != nil {
			refuse(done, err)
			return rest
		}
	} else if err := c.commit(); err != nil {
		if len(batch) == 1 && inTheWay(err) && batch[0].again(c.needs) {
			return waitAgain(batch)
		}
		refuse(done, err)
		return rest
	}
	if kept {
		s.meter.Committed(len(done), c.kinds, time.Since(began))
	}
	for _, j := range done {
		if j.err == nil && j.take != nil {
			s.lawful.turn.Lock() // whoever has read the agreement of before has set it by now
			j.take()
			s.lawful.turn.Unlock()
		}
		close(j.done)
	}
	return rest
}

// again reports whether a call that others were in the way of is run again. It
// comes first then, and begins with holding what it has turned out to need: a
// call waits for others' cases while it holds none, or in the order of all.
func (j *job) again(needs []need) bool {
	j.needs = needs
	j.tries++
	return j.tries < rerunning && time.Since(j.asked) < patience
}

// begin begins a transaction that writes; all of it is sent with the first question.
func (c *pgConn) begin(alone bool) {
	c.queue("BEGIN")
	c.queue("SET LOCAL lock_timeout = '" + waitAsFirst + "'")
	turn, how := "pg_advisory_xact_lock_shared", "SHARE"
	if alone {
		turn, how = "pg_advisory_xact_lock", "UPDATE"
	}
	c.queue("SELECT "+turn+"(?)", int64(lawTurn))
	c.queue(lawQuery + how).Query(func(r pgx.Rows) error {
		c.asked = true
		for r.Next() {
			c.law = string(r.RawValues()[0])
		}
		return r.Err()
	})
}

// commit ends a transaction and says what is known of it. It is free of every
// deadline: a commit that is cut off leaves nobody knowing, and one that waits for
// a standby has been promised to. Where that was promoted, nobody comes any more.
func (c *pgConn) commit() error {
	c.failed = nil
	if c.conn.PgConn().TxStatus() == 'I' {
		return nil // nothing was sent
	}
	c.ctx = postgres.Led(c.conn.PgConn())
	committed := true
	c.queue("COMMIT").Exec(func(tag pgconn.CommandTag) error {
		committed = tag.String() == "COMMIT"
		return nil
	})
	err := c.send()
	switch {
	case err != nil:
		return c.kept(err)
	case postgres.Unreplicated(c.conn.PgConn()):
		// It is on this server's disk and may be on no other: whoever asks again is told,
		// by a write of its own, whether it is to stay.
		return errors.Join(fault.New(fault.OutcomeUnknown), errStorage{errLost})
	case !committed:
		return errors.Join(fault.New(fault.StoreUnavailable), errStorage{errLost})
	}
	return nil
}

// giveUp ends a transaction of which nothing is to be kept. Where that fails the
// pool closes the connection, and the server ends it.
func (c *pgConn) giveUp() {
	if c.conn.PgConn().TxStatus() == 'I' {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.ctx), patience)
	defer cancel()
	_, _ = c.conn.Exec(ctx, "ROLLBACK")
}
