package store

import (
	"context"
	"encoding/binary"
	"errors"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/agreement"
)

// unsent bounds what waits to be sent.
const unsent = 512

// pgConn runs the store's SQL text on PostgreSQL. A statement whose answer nobody
// waits for is sent with the next one whose answer somebody does: what costs is
// not the statement but the way to the server and back.
type pgConn struct {
	ctx   context.Context
	conn  *pgx.Conn
	batch *pgx.Batch
	marks marks // none where nothing is read or written that has a name
	// failed is the error of the call that runs; nothing more of it is sent.
	failed error
	// answered says that the server has answered anything on the connection. One that
	// was at hand may be of a server that has gone and come back since.
	answered bool

	// What follows is of a transaction that writes.
	law    string          // the hash of the agreement in force, when answered
	asked  bool            // that has been answered
	want   string          // what a call was decided by, until that can be compared
	first  bool            // the running call is the first of its group, and may wait for one case
	checks int             // answers in the batch that a call may fail by, though the server does not
	held   map[string]bool // cases, and records by which a case is held
	// holding are those that the running call was the first to hold: they are let go
	// when it is undone.
	holding []string
	needs   []need // what the running call has asked for
	numbers *numbers
	kinds   []jisrv1.LogEntry_Kind
}

func (c *pgConn) queue(query string, args ...any) *pgx.QueuedQuery {
	return c.batch.Queue(numberPlaceholders(query), c.marks.parameters(args)...)
}

func (c *pgConn) exec(query string, args ...any) error {
	c.queue(query, args...)
	if c.batch.Len() >= unsent {
		return c.flush()
	}
	return c.failed
}

func (c *pgConn) fenced(query string, args ...any) error {
	c.checks++
	c.queue(query, args...).Exec(func(tag pgconn.CommandTag) error {
		if tag.RowsAffected() == 0 {
			return errBehind
		}
		return nil
	})
	return c.failed
}

// each takes in all rows before it calls f, which may ask on this connection itself.
func (c *pgConn) each(query string, f func(result) error, args ...any) error {
	var rows []pgRow
	c.queue(query, args...).Query(func(r pgx.Rows) error {
		for r.Next() {
			rows = append(rows, c.row(r.RawValues()))
		}
		return r.Err()
	})
	if err := c.flush(); err != nil {
		return err
	}
	for _, r := range rows {
		if err := f(r); err != nil {
			return err
		}
	}
	return nil
}

// flush sends what waits and takes all answers.
func (c *pgConn) flush() error {
	if c.failed == nil {
		c.failed = c.send()
	}
	if c.failed == nil && c.want != "" && c.asked {
		if c.want != c.law {
			c.failed = agreement.ErrMoved
		}
		c.want = ""
	}
	return c.failed
}

func (c *pgConn) send() error {
	if c.batch.Len() == 0 {
		return nil
	}
	batch := c.batch
	c.batch, c.checks = &pgx.Batch{}, 0
	err := c.conn.SendBatch(c.ctx, batch).Close()
	if err != nil && c.conn.IsClosed() {
		return lost(err)
	}
	c.answered = true
	return err
}

func (c *pgConn) decidedBy(hash string) error {
	c.want = hash
	if c.asked {
		return c.flush()
	}
	return c.failed
}

// numbers are numbers for entries of the log, of which a node takes many from the
// sequence at once: a gap harms nobody, and an entry's subjects can name its
// number without a way to the server and back.
type numbers struct {
	sync.Mutex
	left []int64
}

// next takes one that is left.
func (n *numbers) next() (int64, bool) {
	n.Lock()
	defer n.Unlock()
	if len(n.left) == 0 {
		return 0, false
	}
	next := n.left[0]
	n.left = n.left[1:]
	return next, true
}

func (n *numbers) add(more []int64) {
	n.Lock()
	defer n.Unlock()
	n.left = append(n.left, more...)
}

// number is asked for without the lock on what is left: what waits to be sent goes
// first, and may wait for a row that another lane holds.
func (c *pgConn) number() (int64, error) {
	if n, ok := c.numbers.next(); ok {
		return n, nil
	}
	var more []int64
	err := c.each("SELECT nextval(pg_get_serial_sequence('log_entries', 'seq')) FROM generate_series(1, 256)", func(r result) error {
		more = append(more, r.ColumnInt64(0))
		return nil
	})
	if err != nil {
		return 0, err
	}
	c.numbers.add(more[1:])
	return more[0], nil
}

func (c *pgConn) enter(e *entry) error {
	seq, err := c.number()
	if err != nil {
		return err
	}
	if err := c.exec("INSERT INTO log_entries(seq, name, time, leaf, salt, commitment) VALUES(?,?,?,?,?,?)",
		seq, e.name, e.time, e.leaf, e.salt, e.commitment); err != nil {
		return err
	}
	if err := insertAll(c, intoSubjects, e.about(seq)); err != nil {
		return err
	}
	c.kinds = append(c.kinds, e.kind)
	return c.failed
}

func (c *pgConn) draw(moved []movedCase) error { return insertAll(c, intoEpochs, epochRows(moved)) }

// call runs the work of one call under a savepoint. An error that is the call's
// own has undone it, and the transaction goes on. The last statements of a call
// that is alone may go with its commit, where nothing of them is to be checked.
func (c *pgConn) call(j *job, alone bool) error {
	c.failed, c.holding, c.needs, c.want = nil, c.holding[:0], nil, ""
	before, wrote := c.batch.Len(), len(c.kinds)
	c.queue("SAVEPOINT call")
	if len(j.needs) > 0 {
		c.needs = j.needs
		c.holdAll(j.needs)
	}
	savepoint := c.batch
	err := protect(j.work, c)
	if together := alone && c.checks == 0 && c.asked; err == nil && !together {
		// What is still unsent is this call's, and so are its errors.
		err = c.flush()
	}
	if c.failed != nil {
		err = c.failed // whatever the work made of it
	}
	if err == nil {
		c.queue("RELEASE call")
		return nil
	}
	for _, key := range c.holding {
		delete(c.held, key)
	}
	c.kinds = c.kinds[:wrote]
	if c.conn.IsClosed() {
		return err
	}
	if c.batch == savepoint { // nothing was sent
		c.batch.QueuedQueries = c.batch.QueuedQueries[:before]
		return err
	}
	c.batch = &pgx.Batch{}
	// As one text, since a transaction that has failed takes nothing else.
	if _, undone := c.conn.Exec(c.ctx, "ROLLBACK TO call; RELEASE call"); undone != nil {
		return errors.Join(errLost, undone, err)
	}
	return err
}

// pgRow is a row as it came: each value in PostgreSQL's binary form.
type pgRow struct {
	values [][]byte
	marks  marks
}

// row keeps a row beyond its turn.
func (c *pgConn) row(values [][]byte) pgRow {
	size := 0
	for _, v := range values {
		size += len(v)
	}
	row, all := pgRow{make([][]byte, len(values)), c.marks}, make([]byte, 0, size)
	for i, v := range values {
		all = append(all, v...)
		row.values[i] = all[len(all)-len(v):]
	}
	return row
}

// ColumnText returns a text; where it is a mark, the name of what lies there.
func (r pgRow) ColumnText(col int) string { return r.marks.name(string(r.values[col])) }

// ColumnInt64 returns a number, or 1 for true; what is not there is 0.
func (r pgRow) ColumnInt64(col int) int64 {
	switch v := r.values[col]; len(v) {
	case 1:
		return int64(v[0])
	case 2:
		return int64(int16(binary.BigEndian.Uint16(v)))
	case 4:
		return int64(int32(binary.BigEndian.Uint32(v)))
	case 8:
		return int64(binary.BigEndian.Uint64(v))
	}
	return 0
}

// ColumnInt is ColumnInt64 for a small number.
func (r pgRow) ColumnInt(col int) int { return int(r.ColumnInt64(col)) }

// ColumnLen returns the bytes of a value.
func (r pgRow) ColumnLen(col int) int { return len(r.values[col]) }

// ColumnBytes copies a value.
func (r pgRow) ColumnBytes(col int, into []byte) int { return copy(into, r.values[col]) }
