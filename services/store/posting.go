package store

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"zombiezen.com/go/sqlite"

	"github.com/jisr-exchange/jisr/services/logline"
)

// postEvery is how long an entry is in the journal alone at the most while
// nothing is in the way.
const postEvery = time.Second

// Entries are posted: what the journal holds becomes rows of the log, by which
// they are found.

// posts posts until the file is closed.
func (f *file) posts() {
	tick := time.NewTicker(postEvery)
	defer tick.Stop()
	for {
		select {
		case <-f.end:
			return
		case <-f.journal.due:
		case <-tick.C:
		}
		_ = f.post() // tried again at the next tick; until then nothing is taken
	}
}

// post posts every entry that was durable when it was called. One that cannot be
// found by whom it concerns is as good as none: where entries cannot be posted, no
// more are taken.
func (f *file) post() error {
	begun := f.postings.Load()
	f.posting.Lock()
	defer f.posting.Unlock()
	if f.postings.Load() > begun {
		return f.last // somebody has begun since, and has all
	}
	f.postings.Add(1)
	f.last = f.postAll()
	return f.last
}

// postAll is post for who keeps others from posting.
func (f *file) postAll() error {
	err := f.postHalves()
	if fails := err != nil; fails != f.unposted {
		f.unposted = fails
		f.tellPosting(err)
	}
	return err
}

// tellPosting notes for the operator that entries cannot be posted, or are again.
func (f *file) tellPosting(err error) {
	if err == nil {
		f.log.LogAttrs(context.Background(), slog.LevelInfo, "entries of reads are posted again")
		return
	}
	attrs := []slog.Attr{logline.TypeOf(err)}
	if code, ok := Code(err); ok {
		attrs = append(attrs, logline.Storage(code))
	}
	f.log.LogAttrs(context.Background(), slog.LevelError, "entries of reads cannot be posted, and nothing is shown; see the runbook", attrs...)
}

func (f *file) postHalves() error {
	for {
		n, last := f.journal.ripe()
		if n < 0 {
			return nil
		}
		err := f.postHalf(n)
		f.journal.posted(n, err)
		if err != nil || last {
			return err
		}
	}
}

// ripe says which half is to be posted next, if any, and whether it is the last.
func (j *journal) ripe() (n int, last bool) {
	j.disk.Lock()
	defer j.disk.Unlock()
	n, other := j.writing, 1-j.writing
	switch {
	case j.halves[other].generation != 0:
		return other, false
	case j.halves[n].generation != 0:
		j.writing = other
		return n, true
	}
	return -1, true
}

// posted frees a half, or notes why it could not be.
func (j *journal) posted(n int, err error) {
	j.disk.Lock()
	defer j.disk.Unlock()
	if j.failed = err; err == nil {
		j.halves[n] = half{room: j.halves[n].room}
	}
	j.free.Broadcast()
}

// fail says why no more entries are taken; with nil they are again.
func (j *journal) fail(err error) {
	j.disk.Lock()
	defer j.disk.Unlock()
	j.failed = err
	j.free.Broadcast()
}

// close ends it; what was written is still to be posted.
func (j *journal) close() {
	j.disk.Lock()
	defer j.disk.Unlock()
	j.closed = true
	j.free.Broadcast()
}

// postHalf posts a half that is not written any more, in one transaction with its
// generation, by which whoever comes after a crash knows that it was posted.
func (f *file) postHalf(n int) error {
	h := f.journal.halves[n] // nobody writes it
	k, err := f.journal.read(n, h)
	if err != nil {
		return err
	}
	return f.take(context.Background(), f.changes, &job{
		work:   func(transaction) error { return f.conn.post(k, h.generation) },
		posted: len(k.entries),
	})
}

// read returns what is kept in a half.
func (j *journal) read(n int, h half) (kept, error) {
	b := make([]byte, h.end)
	if _, err := j.file.ReadAt(b, int64(n)*halfBytes); err != nil {
		return kept{}, ofFile(sqlite.ResultIOErrRead, err)
	}
	k, end, err := keptIn(b, h.generation)
	if err == nil && end != h.end {
		err = errFrame // all of it was durable
	}
	if err != nil {
		return kept{}, ofFile(sqlite.ResultCorrupt, err)
	}
	return k, nil
}

// postedGeneration names the counter of the generation that was posted last.
const postedGeneration = "~journal"

var intoEntries = wideInsert("log_entries", "seq, name, time, leaf, salt, commitment", "")

// post writes entries, and files what finds them, with their generation.
func (c *sqliteConn) post(k kept, generation int64) error {
	last, err := number(c, "SELECT COALESCE(MAX(seq), 0) FROM log_entries")
	if err != nil {
		return err
	}
	err = c.insert(intoEntries, len(k.entries), 6, func(st *sqlite.Stmt, row, at int) {
		e := &k.entries[row]
		st.BindInt64(at, last+1+int64(row))
		st.BindText(at+1, string(e.name))
		st.BindInt64(at+2, e.time)
		st.BindBytes(at+3, e.leaf)
		st.BindBytes(at+4, e.salt)
		st.BindBytes(at+5, e.commitment)
	})
	if err != nil {
		return err
	}
	finds := slices.Clone(k.finds)
	for i := range finds {
		finds[i].seq += last + 1
	}
	if err := c.file(finds); err != nil {
		return err
	}
	return posted(c, generation)
}

// insert is insertAll for many rows, which are bound where they lie.
func (c *sqliteConn) insert(into wide, rows, columns int, bind func(st *sqlite.Stmt, row, at int)) error {
	for row, width := 0, widest-1; row < rows; {
		if rows-row < 1<<width {
			width--
			continue
		}
		st, err := c.Prepare(into[width])
		if err != nil {
			return err
		}
		for i := range 1 << width {
			bind(st, row+i, 1+i*columns)
		}
		if _, err := st.Step(); err != nil {
			return err
		}
		row += 1 << width
	}
	return nil
}

// posted notes the generation that was posted last.
func posted(conn querier, generation int64) error {
	return exec(conn, "INSERT INTO counters(name, value) VALUES(?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", postedGeneration, generation)
}
