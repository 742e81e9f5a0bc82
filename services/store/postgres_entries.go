package store

import (
	"context"
	"errors"
	"runtime"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/postgres"
)

// appendQuery writes the entries of many reads, each only where what it was read
// under still holds, and says which it has written. $1 to $6 are the entries, with
// the hash of the agreement of the read or nothing; $7 to $9 which entry rests on
// which epoch of which case; $10 and $11 which entry is about which record.
//
// All of it is one statement, and so one snapshot of what is committed. It was
// taken after the read, and nothing has moved up to it: what is about to be shown
// was the truth at that moment, on every node, which lies within the call. What
// commits later is concurrent with the call and may have come after it. And the
// entry is durable before anything leaves, since the statement is answered when it
// has been committed.
const appendQuery = `WITH e AS (
		SELECT * FROM unnest($1::text[], $2::bigint[], $3::bytea[], $4::bytea[], $5::bytea[], $6::text[])
			WITH ORDINALITY AS e(name, time, leaf, salt, commitment, law, n)
	), moved AS (
		SELECT s.n FROM unnest($7::bigint[], $8::text[], $9::bigint[]) AS s(n, case_name, epoch)
			WHERE COALESCE((SELECT c.epoch FROM epochs c WHERE c.case_name = s.case_name), 0) <> s.epoch
	), written AS (
		INSERT INTO log_entries(name, time, leaf, salt, commitment)
			SELECT name, time, leaf, salt, commitment FROM e
			WHERE (law = '' OR law IN (SELECT hash FROM agreements WHERE in_force = 1)) AND n NOT IN (SELECT n FROM moved)
			ORDER BY n
		RETURNING seq, name, time
	), subjects AS (
		INSERT INTO log_subjects(record, time, seq)
			SELECT s.record, w.time, w.seq
			FROM unnest($10::text[], $11::bigint[]) AS s(entry, record) JOIN written w ON w.name = s.entry
		ON CONFLICT DO NOTHING
	)
	SELECT name FROM written`

// append is the lane of the reads' entries: one statement for all that wait, so
// one way to the server and one wait for its disk.
func (s *server) append() {
	for s.entries.wait() {
		runtime.Gosched() // whoever can run now and is about to ask comes along
		batch := s.entries.take(group)
		began := time.Now()
		for _, j := range batch {
			s.meter.Queued(began.Sub(j.asked))
		}
		err := s.write(batch, true)
		if len(batch) > 1 && ownFault(err) {
			// One of them cannot be written; the others can.
			for _, j := range batch {
				if err := s.write([]*job{j}, true); err != nil {
					j.err = err
				}
			}
			err = nil
		}
		if err != nil {
			refuse(batch, err)
			continue
		}
		var kinds []jisrv1.LogEntry_Kind
		for _, j := range batch {
			if j.err == nil && j.showing.entry != nil {
				kinds = append(kinds, j.showing.entry.kind)
			}
		}
		s.meter.Committed(len(batch), kinds, time.Since(began))
		for _, j := range batch {
			close(j.done)
		}
	}
}

// ownFault reports whether the server refused what it was given, and is well itself.
func ownFault(err error) bool {
	var f *fault.Fault
	return err != nil && !errors.As(err, &f)
}

// write appends what still holds of a batch; what does not has ErrMoved. again
// says that it may be tried once more.
func (s *server) write(batch []*job, again bool) error {
	conn, err := s.connection()
	if err != nil {
		return err
	}
	defer conn.Release()
	a := newAppending(batch, s.marks, postgres.Term(conn.Conn().PgConn()))
	if len(a.names) == 0 && !a.confirms {
		return nil
	}
	// The statement is its own commit. It may be given up: an entry that is there of
	// what nobody was shown harms nobody.
	ctx, cancel := context.WithTimeout(postgres.Led(conn.Conn().PgConn()), patience)
	defer cancel()
	written, err := a.write(ctx, conn.Conn())
	if err == nil && a.confirms && len(written) == 0 { // what writes nothing waits for nobody
		_, err = conn.Exec(ctx, confirmQuery, confirming)
	}
	switch {
	case err != nil && conn.Conn().IsClosed():
		s.writers.Reset()
		if again && pgconn.SafeToRetry(err) {
			conn.Release()
			return s.write(batch, false) // it was never sent, on a connection of yesterday
		}
		return errors.Join(fault.New(fault.StoreUnavailable), errStorage{lost(err)})
	case err != nil:
		return answer(err)
	case postgres.Unreplicated(conn.Conn().PgConn()):
		return errors.Join(fault.New(fault.StoreUnavailable), errStorage{errLost})
	}
	for _, j := range batch {
		if j.err == nil && j.showing.entry != nil && !written[j.showing.entry.name] {
			j.err = agreement.ErrMoved
			s.lawful.ask() // the agreement may have
		}
	}
	return nil
}

// appending are the parameters of appendQuery.
type appending struct {
	confirms                   bool // some write nothing, and want to know that the server is the primary
	names, laws                []string
	times                      []int64
	leaves, salts, commitments [][]byte
	reads, epochs              []int64
	cases                      []string
	about                      []string
	records                    []int64
}

func newAppending(batch []*job, marks marks, term int64) *appending {
	a := &appending{}
	for _, j := range batch {
		w := j.showing
		if j.err = w.current(); j.err == nil && w.readElsewhere(term) {
			j.err = agreement.ErrMoved
		}
		if j.err != nil {
			continue
		}
		if w.entry == nil {
			a.confirms = true
			continue
		}
		law := ""
		if w.law != nil {
			law = w.law.Hash()
		}
		e := w.entry
		a.names, a.laws, a.times = append(a.names, e.name), append(a.laws, law), append(a.times, e.time)
		a.leaves, a.salts, a.commitments = append(a.leaves, e.leaf), append(a.salts, e.salt), append(a.commitments, e.commitment)
		for _, l := range w.shown {
			a.reads, a.cases, a.epochs = append(a.reads, int64(len(a.names))), append(a.cases, marks.of(l.Case)), append(a.epochs, l.Epoch)
		}
		for _, name := range e.records {
			a.about, a.records = append(a.about, e.name), append(a.records, subjectKey(name))
		}
	}
	return a
}

// write asks appendQuery, and returns the names of what it has written.
func (a *appending) write(ctx context.Context, conn *pgx.Conn) (written map[string]bool, err error) {
	if len(a.names) == 0 {
		return nil, nil
	}
	rows, err := conn.Query(ctx, appendQuery, a.names, a.times, a.leaves, a.salts, a.commitments, a.laws,
		a.reads, a.cases, a.epochs, a.about, a.records)
	if err != nil {
		return nil, err
	}
	written = make(map[string]bool, len(a.names))
	var name string
	_, err = pgx.ForEachRow(rows, []any{&name}, func() error {
		written[name] = true
		return nil
	})
	return written, err
}
