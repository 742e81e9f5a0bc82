package nodes_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"syscall"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sys/unix"
)

// takeConnections takes every connection that the server has, from the nodes too.
func (h *house) takeConnections() {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	first, err := pgx.Connect(ctx, h.cluster.URL("postgres"))
	h.must(err)
	h.taken = append(h.taken, first)
	h.until("the server has no connection left", func() bool {
		// Whoever comes first has it; in the end the nodes have none.
		_, err := first.Exec(ctx, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'client backend' AND application_name LIKE 'jisr%'")
		h.must(err)
		for {
			c, err := pgx.Connect(ctx, h.cluster.URL("postgres"))
			if err != nil {
				break
			}
			h.taken = append(h.taken, c)
		}
		var left int
		h.must(first.QueryRow(ctx, "SELECT COUNT(*) FROM pg_stat_activity WHERE application_name LIKE 'jisr%'").Scan(&left))
		return left == 0
	})
}

func (h *house) giveConnections() {
	h.t.Helper()
	for _, c := range h.taken {
		h.must(c.Close(context.Background()))
	}
	h.taken = nil
}

// volume mounts a small volume in the server's folder, which is the server's own.
func (h *house) volume(name string, instead string) (dir string) {
	h.t.Helper()
	dir = filepath.Join(h.cluster.Folder(), name)
	h.must(os.Mkdir(dir, 0o700))
	owner, err := os.Stat(h.cluster.Folder())
	h.must(err)
	who := owner.Sys().(*syscall.Stat_t)
	h.mount("jisr-nodes", dir, "tmpfs", 0, fmt.Sprintf("size=%s,mode=0700,uid=%d,gid=%d", small, who.Uid, who.Gid), instead)
	return dir
}

const (
	// small is how large a volume is that is to be full, and grown what it is grown to.
	small, grown = "32m", "512m"
)

// mount mounts something until the test ends; where this user may not, instead says
// what proves the same.
func (h *house) mount(what, dir, kind string, how uintptr, options, instead string) {
	h.t.Helper()
	if err := unix.Mount(what, dir, kind, how, options); errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) {
		h.t.Skip("mounting is not permitted; " + instead)
	} else {
		h.must(err)
	}
	h.t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			h.t.Error(err)
		}
	})
}

// onSmallDisk moves the database of the cases to a small volume.
func (h *house) onSmallDisk() {
	h.t.Helper()
	dir := h.volume("small", "a disk that is told full, and rights that are taken away, are tried without")
	h.asOwner("postgres", "CREATE TABLESPACE small LOCATION '"+dir+"'", "ALTER DATABASE "+pgx.Identifier{h.database()}.Sanitize()+" SET TABLESPACE small")
}

// asOwner runs statements in a database of the server, each by itself.
func (h *house) asOwner(database string, statements ...string) {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	conn, err := pgx.Connect(ctx, h.cluster.URL(database))
	h.must(err)
	defer conn.Close(ctx)
	for _, statement := range statements {
		_, err := conn.Exec(ctx, statement)
		h.must(err)
	}
}

// database is the name of the one that holds the cases.
func (h *house) database() string {
	u, err := url.Parse(h.cases)
	h.must(err)
	return u.Path[1:]
}

func (h *house) ballast() string { return filepath.Join(h.cluster.Folder(), "small", "ballast") }

// fill fills the small volume.
func (h *house) fill() {
	h.t.Helper()
	f, err := os.Create(h.ballast())
	h.must(err)
	for block := make([]byte, 4096); err == nil; {
		_, err = f.Write(block)
	}
	if !errors.Is(err, unix.ENOSPC) {
		h.t.Error(err)
	}
	h.must(f.Close())
}

// written are the tables of the cases.
func (h *house) written() (tables []string) {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	conn, err := pgx.Connect(ctx, h.cluster.URL(h.database()))
	h.must(err)
	defer conn.Close(ctx)
	rows, err := conn.Query(ctx, "SELECT oid::regclass::text FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace")
	h.must(err)
	tables, err = pgx.CollectRows(rows, pgx.RowTo[string])
	h.must(err)
	if len(tables) < 10 {
		h.t.Fatalf("only %d tables are written", len(tables))
	}
	return tables
}

// tellFull lets the server say of whatever is written to the cases that its disk is
// full, for who may not mount a small one.
func (h *house) tellFull() {
	h.t.Helper()
	full := []string{"CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION USING ERRCODE = 'disk_full'; END $$"}
	for _, table := range h.written() {
		full = append(full, "CREATE TRIGGER full_disk BEFORE INSERT OR UPDATE ON "+table+" FOR EACH STATEMENT EXECUTE FUNCTION full_disk()")
	}
	h.asOwner(h.database(), full...)
}

// tellFreed lets it say so no more: table by table, since who waits for one and holds
// another, and a change that does, would wait for each other.
func (h *house) tellFreed() {
	h.t.Helper()
	var freed []string
	for _, table := range h.written() {
		freed = append(freed, "DROP TRIGGER full_disk ON "+table)
	}
	h.asOwner(h.database(), append(freed, "DROP FUNCTION full_disk()")...)
}
