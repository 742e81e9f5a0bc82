// Package throwaway gives tests a real PostgreSQL that is gone when they are:
// a fresh database in a cluster that starts once for a test binary, or a cluster
// of a test's own that keeps what it was told and can be killed, paused, stopped
// and promoted. Nothing of the house imports it.
package throwaway

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Elsewhere names a server whose databases tests use instead of a cluster of
// their own; the URL's role is a superuser.
const Elsewhere = "JISR_TEST_POSTGRES"

// limit bounds everything that is waited for; what takes as long hangs.
const limit = 60 * time.Second

// shared is the cluster of this test binary; it ends with the process.
var shared = sync.OnceValues(func() (*Cluster, error) {
	// Nothing of it survives the process, so nothing has to reach a disk.
	return start(place(), []string{
		"fsync=off", "full_page_writes=off", "synchronous_commit=off", "wal_level=minimal", "max_wal_senders=0",
		"autovacuum=off", "max_connections=200",
	})
})

// URL makes a fresh database and names it; it is dropped when the test ends.
func URL(tb testing.TB) string {
	tb.Helper()
	if server := os.Getenv(Elsewhere); server != "" {
		return fresh(tb, server)
	}
	return fresh(tb, started(tb, shared).URL("postgres"))
}

// Durable starts a cluster of the test's own which keeps what it acknowledges when
// its processes end, with further settings as name=value.
func Durable(tb testing.TB, settings ...string) *Cluster {
	tb.Helper()
	c := started(tb, func() (*Cluster, error) { return start(place(), settings) })
	tb.Cleanup(func() {
		if err := c.Remove(); err != nil {
			tb.Errorf("%v", err)
		}
	})
	return c
}

// Database makes a fresh database in the cluster and names it.
func (c *Cluster) Database(tb testing.TB) string {
	tb.Helper()
	u, err := Create(c.URL("postgres"))
	if err != nil {
		tb.Fatal(err)
	}
	return u
}

// started starts a cluster. Where there is no PostgreSQL, a developer's test is
// skipped; elsewhere a test that proves nothing must not pass.
func started(tb testing.TB, start func() (*Cluster, error)) *Cluster {
	tb.Helper()
	if _, err := programs(); err != nil {
		if os.Getenv("CI") == "" && os.Getenv("JISR_REQUIRE_POSTGRES") == "" {
			tb.Skip(err)
		}
		tb.Fatal(err)
	}
	c, err := start()
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

func fresh(tb testing.TB, server string) string {
	tb.Helper()
	u, err := Create(server)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := Drop(server, u); err != nil {
			tb.Errorf("%v", err)
		}
	})
	return u
}

// Create makes a database of a random name on a server and returns its URL.
func Create(server string) (string, error) {
	u, err := url.Parse(server)
	if err != nil {
		return "", fmt.Errorf("throwaway: %s is not a URL of one server", Elsewhere)
	}
	u.Path = "/jisr_test_" + strings.ToLower(rand.Text())
	// From template0, which alone takes another encoding than its own.
	return u.String(), run(server, "CREATE DATABASE "+u.Path[1:]+" TEMPLATE template0 ENCODING 'UTF8'")
}

// Drop drops a database that Create made, whoever still uses it.
func Drop(server, database string) error {
	u, err := url.Parse(database)
	if err != nil {
		return err
	}
	return run(server, "DROP DATABASE IF EXISTS "+pgx.Identifier{u.Path[1:]}.Sanitize()+" WITH (FORCE)")
}

// run runs one statement on a connection of its own.
func run(server, statement string) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		return fmt.Errorf("throwaway: connect: %w", err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, statement); err != nil {
		return fmt.Errorf("throwaway: %w", err)
	}
	return nil
}
