package store

import (
	"context"
	"crypto/rand"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/audit"
	"github.com/jisr-exchange/jisr/services/record"
)

// ballast is how much a probe of a store that failed writes: more than a call
// does, so that a disk with room for a probe has room for what agencies were refused.
const ballast = 64 << 10

// Probe reports whether the store can read and write, by doing so. thorough asks
// for room to work in; without it a probe costs as little as a commit can.
func (s *Store) Probe(ctx context.Context, thorough bool) error {
	if at, served := s.engine.(*server); served {
		if err := at.may(ctx, at.rights.store); err != nil {
			return err
		}
	}
	err := s.read(ctx, func(conn querier) error {
		_, err := number(conn, "SELECT COUNT(*) FROM agreements WHERE in_force = 1")
		return err
	})
	if err != nil {
		return err
	}
	if s.lawful.astray.Load() {
		return errOtherLaw
	}
	// Other bytes each time: what stays the same is not written.
	fresh := make([]byte, 16)
	if thorough {
		fresh = make([]byte, ballast)
	}
	rand.Read(fresh)
	return s.writer.do(ctx, func(conn transaction) error {
		return exec(conn, "INSERT INTO probes(id, ballast) VALUES(1, ?) ON CONFLICT (id) DO UPDATE SET ballast = excluded.ballast", fresh)
	})
}

// ProbeLog reports whether the log takes an entry, and leaves none. That the disk
// has room is for Probe to say.
func (s *Store) ProbeLog(ctx context.Context) error { return s.probe(ctx) }

// attempt writes an entry into the database and undoes that in its own transaction.
func (w *writer) attempt(ctx context.Context) error {
	return w.do(ctx, func(conn transaction) error {
		name, err := record.NewName(record.ByName("LogEntry"), "", rand.Reader)
		if err != nil {
			return err
		}
		if err := exec(conn, "SAVEPOINT probe"); err != nil {
			return err
		}
		err = exec(conn, "INSERT INTO log_entries(name, time, leaf, salt, commitment) VALUES(?,0,?,?,?)",
			name, []byte{}, make([]byte, audit.SaltBytes), []byte{})
		if undone := exec(conn, "ROLLBACK TO probe"); undone != nil {
			return undone
		}
		if released := exec(conn, "RELEASE probe"); released != nil {
			return released
		}
		return err
	})
}

// Waiting counts the deliveries of an agency that are in a state.
func (s *Store) Waiting(ctx context.Context, agency string, state jisrv1.Delivery_State) (n int64, err error) {
	err = s.read(ctx, func(conn querier) error {
		n, err = number(conn, "SELECT COUNT(*) FROM deliveries WHERE agency = ? AND state = ?", agency, int(state))
		return err
	})
	return n, err
}
