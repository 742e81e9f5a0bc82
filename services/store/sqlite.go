package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sort"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/move"
)

// file is the store in a file of SQLite.
type file struct {
	*single
	path  string
	log   *slog.Logger
	pool  *sqlitex.Pool
	marks marks
	// alone is held while this process serves the file.
	alone *os.File

	journal  *journal
	posting  sync.Mutex
	postings atomic.Uint64 // that were begun
	last     error         // what became of the last of them
	unposted bool          // it is told that they fail
	end      chan struct{} // of posts
	ended    sync.WaitGroup
}

// readers bounds the read connections; each costs about 200 kB once used.
const readers = 8

func openFile(path string, o Options) (engine, *writer, error) {
	path, err := itself(path)
	if err != nil {
		return nil, nil, err
	}
	alone, err := lock(path)
	if err != nil {
		return nil, nil, err
	}
	f, w, err := openAlone(path, o)
	if err != nil {
		return nil, nil, errors.Join(err, alone.Close())
	}
	f.alone = alone
	return f, w, nil
}

// itself is the one name of a file, by which what belongs to it is named too: under
// another one it would have another lock and another journal.
func itself(path string) (string, error) {
	folder, err := filepath.EvalSymlinks(filepath.Dir(path))
	if err != nil {
		return "", fmt.Errorf("store: open: %w", err)
	}
	name := filepath.Join(folder, filepath.Base(path))
	var file unix.Stat_t
	switch err := unix.Lstat(name, &file); {
	case errors.Is(err, unix.ENOENT):
		return name, nil
	case err != nil:
		return "", fmt.Errorf("store: open: %w", err)
	}
	if file.Mode&unix.S_IFMT == unix.S_IFLNK {
		name, err := filepath.EvalSymlinks(name)
		if err != nil {
			return "", fmt.Errorf("store: open: %w", err)
		}
		return itself(name)
	}
	if file.Nlink > 1 {
		return "", fmt.Errorf("store: %s has other names (hard links): give the database a file of its own", path)
	}
	return name, nil
}

// lock keeps every other process from serving a file: what this one remembers of
// cases, and which agreement it decides by, holds only while nobody else writes
// them. The lock ends with the process. It lies beside the file, on which SQLite
// has locks of its own that end as soon as the process closes any handle of it.
func lock(path string) (*os.File, error) {
	f, err := os.OpenFile(path+"-lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("store: lock: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		if errors.Is(err, unix.EWOULDBLOCK) {
			err = fmt.Errorf("%w: end it first; several nodes share a database in PostgreSQL, not a file", move.ErrServed)
		}
		return nil, errors.Join(fmt.Errorf("store: %s: %w", path, err), f.Close())
	}
	return f, nil
}

func openAlone(path string, o Options) (*file, *writer, error) {
	conn, err := openConn(path)
	if err != nil {
		return nil, nil, err
	}
	if err := migrate(conn); err != nil {
		conn.Close()
		return nil, nil, err
	}
	if err := atHome(conn); err != nil {
		conn.Close()
		return nil, nil, err
	}
	if err := bind(conn, o.Keyring); err != nil {
		conn.Close()
		return nil, nil, err
	}
	conn.marks = newMarks(o.Keyring)
	pool, err := sqlitex.NewPool(path, sqlitex.PoolOptions{
		PoolSize:    readers,
		Flags:       sqlite.OpenReadWrite | sqlite.OpenWAL,
		PrepareConn: prepareConn,
	})
	if err != nil {
		conn.Close()
		return nil, nil, fmt.Errorf("store: open readers: %w", err)
	}
	mover, err := openConn(path)
	if err != nil {
		return nil, nil, errors.Join(err, pool.Close(), conn.Close())
	}
	f := &file{single: newSingle(conn, mover, o.Fatal, o.Meter), path: path, log: o.Log, pool: pool, marks: conn.marks, end: make(chan struct{})}
	f.journal, err = openJournal(path, conn, o.Meter, f.forgot)
	if err != nil {
		return nil, nil, errors.Join(err, f.single.close(), pool.Close())
	}
	f.ended.Go(f.posts)
	f.beside, f.few = f.draft, fewInFile
	return f, &f.writer, nil
}

func (f *file) close() error {
	close(f.end)
	f.ended.Wait()
	f.journal.close()
	return errors.Join(f.post(), f.journal.file.Close(), f.single.close(), f.pool.Close(), f.alone.Close())
}

// forgot ends everything: the disk refused to keep what it took, and nobody knows what it has.
func (f *file) forgot(err error) {
	f.broken.Store(true)
	f.fatal(err)
}

// read runs do on a reader inside one snapshot. Whoever decides by an agreement finds
// what it has changed: it is in force a little before its transaction has ended.
func (f *file) read(ctx context.Context, do func(querier) error) error {
	f.settled()
	return f.snapshot(ctx, do)
}

// settled waits until no agreement is being adopted.
func (f *file) settled() {
	f.adopting.RLock()
	f.adopting.RUnlock() //nolint:staticcheck // it is waited for, and nothing is kept from beginning
}

// snapshot is read for who keeps agreements from being adopted.
func (f *file) snapshot(ctx context.Context, do func(querier) error) (err error) {
	conn, err := f.begin(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.finish(conn)) }()
	return do(conn)
}

// begin begins a snapshot on a reader.
func (f *file) begin(ctx context.Context) (*sqliteConn, error) {
	taken, err := f.pool.Take(ctx)
	if err != nil {
		return nil, unavailable(ctx, err)
	}
	conn := &sqliteConn{Conn: taken, marks: f.marks}
	if err := exec(conn, "BEGIN"); err != nil {
		f.pool.Put(taken)
		return nil, unavailable(ctx, err)
	}
	return conn, nil
}

// finish ends a snapshot. It holds nothing that a commit could lose; ROLLBACK ends it
// even after an interrupt.
func (f *file) finish(conn *sqliteConn) error {
	defer f.pool.Put(conn.Conn)
	conn.SetInterrupt(nil)
	return exec(conn, "ROLLBACK")
}

func (f *file) size() (database, wal, free int64) {
	size := func(path string) int64 {
		info, err := os.Stat(path)
		if err != nil {
			return 0
		}
		return info.Size()
	}
	var volume unix.Statfs_t
	if unix.Statfs(f.path, &volume) == nil {
		free = int64(volume.Bavail) * volume.Bsize
	}
	return size(f.path), size(f.path + "-wal"), free
}

func inForceInFile(path string) ([]byte, error) {
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	conn, err := openConn(path)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if have, err := number(conn, "PRAGMA user_version"); err != nil || have == 0 {
		return nil, err
	}
	return inForce(conn)
}

// sqliteConn runs the store's SQL text on SQLite.
type sqliteConn struct {
	*sqlite.Conn
	marks marks // none where nothing is read or written that has a name
	// What this transaction wrote: the kinds of its entries, and the cases that have
	// a new epoch.
	kinds []jisrv1.LogEntry_Kind
	moved []movedCase
}

func (c *sqliteConn) exec(query string, args ...any) error {
	return sqlitex.Execute(c.Conn, query, &sqlitex.ExecOptions{Args: c.marks.parameters(args)})
}

func (c *sqliteConn) fenced(query string, args ...any) error {
	if err := c.exec(query, args...); err != nil {
		return err
	}
	if c.Changes() == 0 {
		return errBehind // there is one writer: it is a fault of this program
	}
	return nil
}

func (c *sqliteConn) each(query string, f func(result) error, args ...any) error {
	row := &sqliteRow{marks: c.marks}
	return sqlitex.Execute(c.Conn, query, &sqlitex.ExecOptions{
		Args: c.marks.parameters(args), ResultFunc: func(s *sqlite.Stmt) error {
			row.Stmt = s
			return f(row)
		},
	})
}

// sqliteRow is a row as its statement has it.
type sqliteRow struct {
	*sqlite.Stmt
	marks marks
}

// ColumnText returns a text; where it is a mark, the name of what lies there.
func (r *sqliteRow) ColumnText(col int) string { return r.marks.name(r.Stmt.ColumnText(col)) }

func (c *sqliteConn) enter(e *entry) error {
	if err := c.exec("INSERT INTO log_entries(name, time, leaf, salt, commitment) VALUES(?,?,?,?,?)",
		e.name, e.time, e.leaf, e.salt, e.commitment); err != nil {
		return err
	}
	if err := insertAll(c, intoSubjects, e.about(c.LastInsertRowID())); err != nil {
		return err
	}
	c.kinds = append(c.kinds, e.kind)
	return nil
}

func (c *sqliteConn) draw(moved []movedCase) error {
	c.moved = append(c.moved, moved...)
	return insertAll(c, intoEpochs, epochRows(moved))
}

// hold is for several writers.
func (c *sqliteConn) hold(string, ...any) func(string) error {
	return func(string) error { return nil }
}

// decidedBy is for several writers: the agreement changes inside a transaction of this one.
func (c *sqliteConn) decidedBy(string) error { return nil }

func openConn(path string) (*sqliteConn, error) {
	conn, err := sqlite.OpenConn(path, sqlite.OpenReadWrite|sqlite.OpenCreate|sqlite.OpenWAL)
	if err != nil {
		if sqlite.ErrCode(err).ToPrimary() == sqlite.ResultBusy {
			err = fmt.Errorf("another process holds the database: end it, or wait for the jisr migrate that is under way: %w", err)
		}
		return nil, fmt.Errorf("store: open: %w", err)
	}
	if err := prepareConn(conn); err != nil {
		conn.Close()
		return nil, err
	}
	// Room for what the calls of one commit change: pages that do not fit go to the
	// file before the commit, are read back, and all behind them is summed anew.
	if err := sqlitex.ExecuteTransient(conn, "PRAGMA cache_size=-16384", nil); err != nil {
		conn.Close()
		return nil, fmt.Errorf("store: %w", err)
	}
	return &sqliteConn{Conn: conn}, nil
}

// prepareConn sets what every connection must have: FULL, because an
// acknowledged commit must survive; secure_delete, because SQLite keeps what was
// deleted otherwise (measured); no memory-mapped reads, because an I/O error
// there is a signal and not an error.
func prepareConn(conn *sqlite.Conn) error {
	conn.SetBusyTimeout(10 * time.Second)
	for _, q := range []string{
		"PRAGMA synchronous=FULL", "PRAGMA secure_delete=ON", "PRAGMA foreign_keys=ON",
		"PRAGMA trusted_schema=OFF", "PRAGMA mmap_size=0", "PRAGMA temp_store=MEMORY",
		"PRAGMA wal_autocheckpoint=0", // a connection of its own does, and hears of an error
	} {
		if err := sqlitex.ExecuteTransient(conn, q, nil); err != nil {
			return fmt.Errorf("store: %s: %w", q, err)
		}
	}
	return nil
}

// migrate applies the embedded migrations that the file does not have yet, each
// in one transaction with its number.
func migrate(conn *sqliteConn) error {
	files, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return err
	}
	sort.Strings(files)
	have, err := number(conn, "PRAGMA user_version")
	if err != nil {
		return err
	}
	if have > int64(len(files)) {
		return fmt.Errorf("store: the database has schema %d and this program knows %d: run the newer program", have, len(files))
	}
	for i := int(have); i < len(files); i++ {
		text, err := migrations.ReadFile(files[i])
		if err != nil {
			return err
		}
		script := fmt.Sprintf("%s;\nPRAGMA user_version=%d;", text, i+1)
		if err := sqlitex.ExecuteScript(conn.Conn, script, nil); err != nil {
			return fmt.Errorf("store: migration %s: %w", files[i], err)
		}
	}
	return nil
}
