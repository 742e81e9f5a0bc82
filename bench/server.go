package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/jisr-exchange/jisr/bench/peer"
	"github.com/jisr-exchange/jisr/services/postgres/throwaway"
)

// cluster starts a server that keeps what it acknowledges.
func cluster() (*throwaway.Cluster, error) {
	return throwaway.Start("fsync=on", "full_page_writes=on", "synchronous_commit=on", "max_connections=400", "shared_buffers=512MB", "max_wal_size=4GB")
}

// onServer are databases of their own.
func onServer(c *throwaway.Cluster) (d peer.Databases, err error) {
	if d.Records, err = throwaway.Create(c.URL("postgres")); err != nil {
		return d, err
	}
	d.Keys, err = throwaway.Create(c.URL("postgres"))
	return d, err
}

// settle has a server look at how its tables have grown, as it does by itself within
// a minute: until then it plans as if they were empty.
func settle(ctx context.Context, url string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, "VACUUM ANALYZE")
	return errors.Join(err, conn.Close(ctx))
}

// metered adds what a slot costs the server to what it costs the process.
func metered(c *throwaway.Cluster, slot func() (peer.Sample, error)) (s peer.Sample, err error) {
	before, err := used(c)
	if err != nil {
		return s, err
	}
	if s, err = slot(); err != nil {
		return s, err
	}
	after, err := used(c)
	s.Server = after - before
	return s, err
}

// tick is the unit in which Linux tells of a process's CPU.
const tick = time.Second / 100

// used is the CPU that a server's processes have used so far: those that run, and
// those that have ended.
func used(c *throwaway.Cluster) (sum time.Duration, err error) {
	text, err := os.ReadFile(filepath.Join(c.Folder(), "data", "postmaster.pid"))
	if err != nil {
		return 0, err
	}
	server, _, _ := strings.Cut(string(text), "\n")
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return 0, err
	}
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended, and the server counts it
		}
		// What follows the name, which may have anything in it, begins with state and parent.
		_, rest, _ := strings.Cut(string(text), ") ")
		fields := strings.Fields(rest)
		if len(fields) < 15 {
			return 0, fmt.Errorf("%s is not understood", path)
		}
		var counted []string
		switch server {
		case filepath.Base(filepath.Dir(path)):
			counted = fields[11:15] // its own, and that of its children that have ended
		case fields[1]:
			counted = fields[11:13]
		}
		for _, field := range counted {
			n, err := strconv.ParseInt(field, 10, 64)
			if err != nil {
				return 0, err
			}
			sum += time.Duration(n) * tick
		}
	}
	return sum, nil
}
