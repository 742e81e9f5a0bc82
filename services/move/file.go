package move

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

// patience is how long others may take to end what they write.
const patience = 10 * time.Second

// file is a database in a file of SQLite.
type file struct {
	schema Schema
	path   string
	ended  <-chan struct{}
	alone  io.Closer    // held while it is open, if anything is
	conn   *sqlite.Conn // nil while there is no file
}

func openFile(ctx context.Context, schema Schema, path string) (*file, error) {
	f := &file{schema: schema, path: path, ended: ctx.Done()}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return f, nil
	}
	return f, f.open()
}

func (f *file) open() error {
	if err := f.keepOthersOut(); err != nil {
		return err
	}
	conn, err := f.schema.Open(f.path)
	if err != nil {
		return errors.Join(f.busy(err), f.letIn())
	}
	conn.SetBusyTimeout(patience)
	conn.SetInterrupt(f.ended)
	f.conn = conn
	return nil
}

// ErrServed says that another process serves a file.
var ErrServed = errors.New("another process serves it")

func (f *file) keepOthersOut() (err error) {
	if f.schema.Alone == nil {
		return nil
	}
	if f.alone, err = f.schema.Alone(f.path); errors.Is(err, ErrServed) {
		return f.held()
	}
	return f.busy(err)
}

func (f *file) letIn() error {
	if f.alone == nil {
		return nil
	}
	return f.alone.Close()
}

// busy says who may hold a file.
func (f *file) busy(err error) error {
	switch sqlite.ErrCode(err).ToPrimary() {
	case sqlite.ResultBusy, sqlite.ResultLocked:
		return f.held()
	}
	return err
}

func (f *file) held() error {
	return &Refusal{"another process holds the " + f.schema.Component + " " + Place(f.path), "stop the jisrd that serves it, or wait for the other jisr migrate"}
}

// Close undoes what was not committed.
func (f *file) Close() error {
	if f.conn == nil {
		return nil
	}
	f.conn.SetInterrupt(nil)
	return errors.Join(f.conn.Close(), f.letIn())
}

func (f *file) sound(context.Context) error {
	if f.conn == nil {
		return &Refusal{"there is no " + f.schema.Component + " " + Place(f.path) + " to move from", "check which one is named"}
	}
	return f.busy(f.schema.Current(f.conn))
}

func (f *file) there(ctx context.Context) (bool, error) {
	if f.conn == nil {
		return false, nil
	}
	tables, err := f.every(ctx)
	return len(tables) > 0, err
}

// make makes the file under its name, for its owner alone, and its tables. Nobody
// else can open it while this process has it open.
func (f *file) make(context.Context) error {
	if f.conn == nil {
		made, err := os.OpenFile(f.path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return err
		}
		if err := errors.Join(made.Close(), syncFolder(filepath.Dir(f.path)), f.open()); err != nil {
			return err
		}
	}
	for _, pragma := range []string{
		"PRAGMA locking_mode=EXCLUSIVE",
		"PRAGMA journal_mode=DELETE", // all is one transaction: a write-ahead log would hold all of it, too
		"PRAGMA cache_size=-65536",   // 64 MiB of pages that rows out of order go to
	} {
		if err := sqlitex.ExecuteTransient(f.conn, pragma, nil); err != nil {
			return f.busy(err)
		}
	}
	return f.busy(f.schema.Make(f.conn))
}

// syncFolder makes the names in a folder durable.
func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func (f *file) begin(ctx context.Context) error { return f.busy(f.exec(ctx, "BEGIN IMMEDIATE")) }

func (f *file) commit(ctx context.Context) error { return f.exec(ctx, "COMMIT") }

func (f *file) exec(_ context.Context, query string, args ...any) error {
	return sqlitex.ExecuteTransient(f.conn, query, &sqlitex.ExecOptions{Args: args})
}

func (f *file) every(ctx context.Context) (tables []table, err error) {
	rows, err := f.query(ctx, []class{text, text, text, number}, `SELECT t.name, c.name, c.type, c.pk FROM sqlite_schema t JOIN pragma_table_info(t.name) c
		WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite\_%' ESCAPE '\' ORDER BY t.name, c.cid`)
	if err != nil {
		return nil, err
	}
	return listed(rows)
}

// listed reads tables from rows of table, column, type and place in the key.
func listed(rows cursor) (tables []table, err error) {
	for {
		r, err := rows.next()
		if err != nil || r == nil {
			if err = errors.Join(err, rows.close()); err != nil {
				return nil, err
			}
			return whole(tables)
		}
		if tables, err = add(tables, r[0].(string), r[1].(string), r[2].(string), int(r[3].(int64))); err != nil {
			return nil, errors.Join(err, rows.close())
		}
	}
}

func (f *file) query(_ context.Context, want []class, query string, _ ...any) (cursor, error) {
	stmt, _, err := f.conn.PrepareTransient(query)
	if err != nil {
		return nil, err
	}
	return &fileRows{stmt, want}, nil
}

type fileRows struct {
	stmt *sqlite.Stmt
	want []class
}

func (r *fileRows) next() (row, error) {
	more, err := r.stmt.Step()
	if err != nil || !more {
		return nil, err
	}
	out := make(row, len(r.want))
	for i, want := range r.want {
		switch is := r.stmt.ColumnType(i); {
		case is == sqlite.TypeInteger && want == number:
			out[i] = r.stmt.ColumnInt64(i)
		case is == sqlite.TypeText && want == text:
			out[i] = r.stmt.ColumnText(i)
		case (is == sqlite.TypeBlob || is == sqlite.TypeText) && want == octets:
			b := make([]byte, r.stmt.ColumnLen(i))
			r.stmt.ColumnBytes(i, b)
			out[i] = b
		default:
			return nil, &inRow{"column " + r.stmt.ColumnName(i) + " of a row holds what is no " + string(want)}
		}
	}
	return out, nil
}

func (r *fileRows) close() error { return r.stmt.Finalize() }

func (f *file) load(_ context.Context, t table, from func() (row, error)) error {
	marks := ""
	for i := range t.columns {
		if i > 0 {
			marks += ", "
		}
		marks += "?" + strconv.Itoa(i+1)
	}
	stmt, _, err := f.conn.PrepareTransient("INSERT INTO " + t.name + "(" + joined(t.names()) + ") VALUES(" + marks + ")")
	if err != nil {
		return err
	}
	defer stmt.Finalize() //nolint:errcheck // tells the last step's error again
	for {
		r, err := from()
		if err != nil || r == nil {
			return err
		}
		for i, v := range r {
			switch v := v.(type) {
			case int64:
				stmt.BindInt64(i+1, v)
			case string:
				stmt.BindText(i+1, v)
			case []byte:
				stmt.BindBytes(i+1, v)
			}
		}
		if _, err := stmt.Step(); err != nil {
			return err
		}
		if err := stmt.Reset(); err != nil {
			return err
		}
	}
}

var verbs = []string{"INSERT", "UPDATE", "DELETE"}

func (f *file) barring(t table) (out []string) {
	for _, verb := range verbs {
		out = append(out, fmt.Sprintf("CREATE TRIGGER moved_%s_%s BEFORE %s ON %s BEGIN SELECT RAISE(ABORT, 'the exchange was moved'); END", t.name, verb, verb, t.name))
	}
	return out
}

func (f *file) freeing(t table) (out []string) {
	for _, verb := range verbs {
		out = append(out, fmt.Sprintf("DROP TRIGGER moved_%s_%s", t.name, verb))
	}
	return out
}

// settling: numbers go on after the largest by themselves.
func (f *file) settling(table) []string { return nil }
