package throwaway

import (
	"errors"
	"fmt"
	"testing"
)

// Standby starts a second cluster that follows this one by streaming.
func (c *Cluster) Standby(tb testing.TB, settings ...string) *Cluster {
	tb.Helper()
	s := started(tb, func() (*Cluster, error) { return c.follow(settings) })
	tb.Cleanup(func() {
		if err := s.Remove(); err != nil {
			tb.Errorf("%v", err)
		}
	})
	return s
}

func (c *Cluster) follow(settings []string) (*Cluster, error) {
	s := &Cluster{bin: c.bin, place: c.place, settings: settings}
	if err := s.folder(); err != nil {
		return nil, err
	}
	err := s.program("pg_basebackup", "-D", s.data(), "-h", c.dir, "-U", "postgres", "-R", "-X", "stream", "-c", "fast", "--no-sync")
	if err == nil {
		err = s.configure()
	}
	if err == nil {
		err = s.Start()
	}
	if err == nil {
		err = c.until("SELECT EXISTS (SELECT FROM pg_stat_replication WHERE state = 'streaming')")
	}
	if err != nil {
		return nil, errors.Join(err, s.Remove())
	}
	return s, nil
}

// Synchronous makes commits of the cluster wait for one of its standbys, and
// returns when one is followed so.
func (c *Cluster) Synchronous() error {
	if err := c.Set("synchronous_standby_names", "*"); err != nil {
		return err
	}
	return c.until("SELECT EXISTS (SELECT FROM pg_stat_replication WHERE sync_state IN ('sync', 'quorum'))")
}

// Rewindable are settings of servers that may change places: what one of them alone
// has can be undone, and the log of before is there to tell how.
var Rewindable = []string{"wal_log_hints=on", "wal_keep_size=256MB"}

// Demote lets a server that was stopped or killed come back as a standby of the one
// that was promoted in its place, as a cluster manager does: what it alone has is
// undone. Both are Rewindable.
func (c *Cluster) Demote(to *Cluster) error {
	// Up to PostgreSQL 15 pg_rewind reads of which line the other one is from its last checkpoint.
	if err := run(to.URL("postgres"), "CHECKPOINT"); err != nil {
		return err
	}
	if err := c.program("pg_rewind", "--target-pgdata="+c.data(), "--source-server="+to.conninfo(), "--no-sync"); err != nil {
		return err
	}
	return c.Follow(to)
}

// Follow starts a server that was stopped in order as a standby of another one.
func (c *Cluster) Follow(to *Cluster) error {
	// Settings that came along are the other one's.
	err := errors.Join(c.configure(), c.Put("data/postgresql.auto.conf", "primary_conninfo = "+quoted(to.conninfo())+"\n"), c.Put("data/standby.signal", ""))
	if err != nil {
		return err
	}
	return c.Start()
}

func (c *Cluster) conninfo() string { return "host=" + c.dir + " user=postgres dbname=postgres" }

// Promote makes a standby a server of its own, and returns when it takes writes.
func (c *Cluster) Promote() error {
	if c.server == nil {
		return errors.New("throwaway: the server does not run")
	}
	if err := run(c.URL("postgres"), "SELECT pg_promote(false)"); err != nil {
		return fmt.Errorf("promote: %w", err)
	}
	return c.until("SELECT NOT pg_is_in_recovery()")
}
