package move_test

import (
	"context"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/jisr-exchange/jisr/services/jisrtest"
	"github.com/jisr-exchange/jisr/services/keyring"
	"github.com/jisr-exchange/jisr/services/move"
	"github.com/jisr-exchange/jisr/services/postgres"
	"github.com/jisr-exchange/jisr/services/postgres/throwaway"
	"github.com/jisr-exchange/jisr/services/store"
)

var ctx = context.Background()

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// home is where an exchange is at home: its two databases and the key-encryption key.
type home struct{ dir, database, keyring string }

// onFiles is a home in two files of a folder that has the key-encryption key of another.
func onFiles(t testing.TB, kek []byte) home {
	t.Helper()
	dir := folder(t, kek)
	return home{dir, filepath.Join(dir, "jisr.db"), filepath.Join(dir, "keyring.db")}
}

// onServer is a home in two databases of PostgreSQL.
func onServer(t testing.TB, kek []byte) home {
	t.Helper()
	return home{folder(t, kek), throwaway.URL(t), throwaway.URL(t)}
}

// eachWay runs a test from SQLite to PostgreSQL and back.
func eachWay(t *testing.T, f func(t *testing.T, from, to func(testing.TB, []byte) home)) {
	t.Run("to PostgreSQL", func(t *testing.T) { f(t, onFiles, onServer) })
	t.Run("to SQLite", func(t *testing.T) { f(t, onServer, onFiles) })
}

func folder(t testing.TB, kek []byte) string {
	t.Helper()
	dir := t.TempDir()
	if kek != nil {
		must(t, os.WriteFile(filepath.Join(dir, "kek"), kek, 0o600))
	}
	return dir
}

func (h home) kek(t testing.TB) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(h.dir, "kek"))
	must(t, err)
	return text
}

// start serves the exchange of a home.
func (h home) start(t testing.TB, more ...jisrtest.Option) *jisrtest.Exchange {
	t.Helper()
	o := []jisrtest.Option{jisrtest.WithDir(h.dir)}
	if postgres.IsURL(h.database) {
		o = append(o, jisrtest.WithDatabase(jisrtest.At(h.database)))
	}
	if postgres.IsURL(h.keyring) {
		o = append(o, jisrtest.WithKeyring(jisrtest.At(h.keyring)))
	}
	return jisrtest.Start(t, append(o, more...)...)
}

// played is a home with a short story in it.
func played(t testing.TB, kind func(testing.TB, []byte) home) home {
	t.Helper()
	h := onFiles(t, nil)
	for name, text := range story(t) {
		must(t, os.WriteFile(filepath.Join(h.dir, name), text, 0o600))
	}
	at := kind(t, h.kek(t))
	if !postgres.IsURL(at.database) {
		return h
	}
	moved(t, h, at)
	return at
}

var told struct {
	sync.Once
	files map[string][]byte
}

// story is the files of an exchange in which a short story was played, once for all tests.
func story(t testing.TB) map[string][]byte {
	t.Helper()
	told.Do(func() {
		h := onFiles(t, nil)
		x := h.start(t)
		p := jisrtest.Opened(t, x)
		p.Notify(jisrtest.Foreign, jisrtest.Shelter)
		x.Stop()
		told.files = make(map[string][]byte)
		for _, name := range []string{"jisr.db", "keyring.db", "kek"} {
			text, err := os.ReadFile(filepath.Join(h.dir, name))
			must(t, err)
			told.files[name] = text
		}
	})
	return told.files
}

// pieces are what goes from one home to another.
func pieces(t testing.TB, from, to home) []move.Piece {
	t.Helper()
	cases, err := store.Schema()
	must(t, err)
	var wrappers []keyring.Wrapper
	for _, h := range []home{from, to} {
		w, err := keyring.OpenFileKEK(filepath.Join(h.dir, "kek"))
		must(t, err)
		wrappers = append(wrappers, w)
	}
	keys, err := keyring.Schema(wrappers...)
	must(t, err)
	return []move.Piece{piece(cases, from.database, to.database), piece(keys, from.keyring, to.keyring)}
}

// piece is one whose servers wait for no disk.
func piece(schema move.Schema, from, to string) move.Piece {
	forgetful := postgres.Options{Forgetful: true}
	return move.Piece{Schema: schema, From: from, To: to, FromServer: forgetful, ToServer: forgetful}
}

func options() move.Options { return move.Options{Now: time.Now} }

func moved(t testing.TB, from, to home) []move.Moved {
	t.Helper()
	all, err := move.Run(ctx, pieces(t, from, to), options())
	must(t, err)
	return all
}

// served says why a home is not served, or nothing. It opens the keyring and the
// store as a node does when it starts, and writes nothing.
func served(t testing.TB, h home) error {
	t.Helper()
	kek, err := keyring.OpenFileKEK(filepath.Join(h.dir, "kek"))
	must(t, err)
	ring, err := keyring.Open(h.keyring, kek, keyring.Forgetful)
	if err != nil {
		return err
	}
	defer ring.Close()
	s, err := openStore(t, h.database, ring)
	if err != nil {
		return err
	}
	return s.Close()
}

// holds is all that a database holds, beside its mark: table by table, every row
// as a line. It is read without a line of what it proves.
func holds(t testing.TB, database string) map[string][]string {
	t.Helper()
	out := make(map[string][]string)
	for _, table := range tablesOf(t, database) {
		if table == "moved" || table == "migrations" {
			continue
		}
		lines := rows(t, database, "SELECT * FROM "+table)
		slices.Sort(lines)
		out[table] = lines
	}
	return out
}

func tablesOf(t testing.TB, database string) []string {
	t.Helper()
	if postgres.IsURL(database) {
		return rows(t, database, "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
	}
	return rows(t, database, "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY 1")
}

// rows are the rows of a query, each as a line.
func rows(t testing.TB, database, query string) (lines []string) {
	t.Helper()
	if postgres.IsURL(database) {
		conn, err := pgx.Connect(ctx, database)
		must(t, err)
		defer conn.Close(ctx)
		all, err := conn.Query(ctx, query)
		must(t, err)
		defer all.Close()
		for all.Next() {
			values, err := all.Values()
			must(t, err)
			lines = append(lines, line(values))
		}
		must(t, all.Err())
		return lines
	}
	conn, err := sqlite.OpenConn(database, sqlite.OpenReadWrite)
	must(t, err)
	defer conn.Close()
	must(t, sqlitex.ExecuteTransient(conn, query, &sqlitex.ExecOptions{ResultFunc: func(s *sqlite.Stmt) error {
		values := make([]any, s.ColumnCount())
		for i := range values {
			switch s.ColumnType(i) {
			case sqlite.TypeInteger:
				values[i] = s.ColumnInt64(i)
			case sqlite.TypeText:
				values[i] = s.ColumnText(i)
			default:
				b := make([]byte, s.ColumnLen(i))
				s.ColumnBytes(i, b)
				values[i] = b
			}
		}
		lines = append(lines, line(values))
		return nil
	}}))
	return lines
}

func line(values []any) string {
	parts := make([]string, len(values))
	for i, v := range values {
		switch v := v.(type) {
		case bool:
			parts[i] = map[bool]string{false: "0", true: "1"}[v]
		case []byte:
			parts[i] = hex.EncodeToString(v)
		case [16]byte:
			parts[i] = hex.EncodeToString(v[:])
		default:
			parts[i] = fmt.Sprint(v)
		}
	}
	return strings.Join(parts, "|")
}

// change runs a statement by hand.
func change(t testing.TB, database, statement string) {
	t.Helper()
	if err := tryChange(t, database, statement); err != nil {
		t.Fatal(err)
	}
}

func tryChange(t testing.TB, database, statement string) error {
	t.Helper()
	if postgres.IsURL(database) {
		conn, err := pgx.Connect(ctx, database)
		must(t, err)
		defer conn.Close(ctx)
		_, err = conn.Exec(ctx, statement)
		return err
	}
	conn, err := sqlite.OpenConn(database, sqlite.OpenReadWrite)
	must(t, err)
	defer conn.Close()
	return sqlitex.ExecuteTransient(conn, statement, nil)
}

func wantEqual(t testing.TB, got, want map[string][]string) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("there are %d tables, of %d", len(got), len(want))
	}
	for table, lines := range want {
		if !slices.Equal(got[table], lines) {
			t.Errorf("the table %s is not the same: %d rows, of %d", table, len(got[table]), len(lines))
		}
	}
}
