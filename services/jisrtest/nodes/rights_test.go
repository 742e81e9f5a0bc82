package nodes_test

import (
	"context"
	"net/url"
	"os"
	"path/filepath"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sys/unix"

	"github.com/jisr-exchange/jisr/services/jisrtest"
	"github.com/jisr-exchange/jisr/services/postgres"
	"github.com/jisr-exchange/jisr/services/store"
)

// tell runs statements in the database of the cases, past every node.
func (h *house) tell(statements string) {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	conn, err := pgx.Connect(ctx, h.cases)
	h.must(err)
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, statements)
	h.must(err)
}

// asServing has nodes come to the cases as the role that operators give them.
func (h *house) asServing() {
	h.t.Helper()
	h.must(store.Migrate(context.Background(), h.cases, postgres.Options{}))
	h.tell(h.deployed("roles.sql"))
	h.grant()
	h.tell("ALTER ROLE jisr_serving PASSWORD 'mulberry'")
	h.role = url.UserPassword("jisr_serving", "mulberry")
}

func (h *house) grant() { h.tell(h.deployed("exchange.sql")) }

func (h *house) revoke(right string) { h.tell("REVOKE " + right + " FROM jisr_serving") }

// deployed is a text that operators run.
func (h *house) deployed(name string) string {
	h.t.Helper()
	text, err := os.ReadFile(filepath.Join(jisrtest.Root(), "deploy", "postgres", name))
	h.must(err)
	return string(text)
}

// writeProtect makes the small volume one that takes no writes, as a kernel does with
// a disk that fails, for all that opens a file from now on.
func (h *house) writeProtect() {
	h.t.Helper()
	dir := filepath.Dir(h.ballast())
	h.must(unix.Mount(dir, dir, "", unix.MS_BIND, ""))
	h.must(unix.Mount("", dir, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, ""))
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	conn, err := pgx.Connect(ctx, h.cluster.URL("postgres"))
	h.must(err)
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'jisr%'")
	h.must(err)
}

// writable takes that back.
func (h *house) writable() {
	h.t.Helper()
	h.until("the volume takes writes again", func() bool { return unix.Unmount(filepath.Dir(h.ballast()), 0) == nil })
}
