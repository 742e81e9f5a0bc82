package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/jisr-exchange/jisr/services/certs"
	"github.com/jisr-exchange/jisr/services/jisrtest"
	"github.com/jisr-exchange/jisr/services/move"
	"github.com/jisr-exchange/jisr/services/postgres/throwaway"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// served is an exchange in a folder, with a story in its files and as many further
// entries in its log, and its configuration.
func served(t *testing.T, entries int) (dir, config string) {
	t.Helper()
	dir = t.TempDir()
	x := jisrtest.Start(t, jisrtest.WithDir(dir))
	jisrtest.Opened(t, x)
	x.Stop()
	conn, err := sqlite.OpenConn(filepath.Join(dir, "jisr.db"), sqlite.OpenReadWrite)
	must(t, err)
	defer conn.Close()
	must(t, sqlitex.ExecuteTransient(conn, `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
		INSERT INTO log_entries(name, time, leaf, salt, commitment) SELECT 'logEntries/' || i, i, randomblob(300), randomblob(32), randomblob(32) FROM n`,
		&sqlitex.ExecOptions{Args: []any{max(entries, 1)}}))
	must(t, os.Chmod(filepath.Join(dir, "keyring.db"), 0o600))
	must(t, os.WriteFile(filepath.Join(dir, "agreement.txtpb"), jisrtest.Agreement(t), 0o600))
	return dir, configuration(t, dir, "jisrd.yaml", filepath.Join(dir, "jisr.db"), filepath.Join(dir, "keyring.db"))
}

// configuration writes a configuration of jisrd for an exchange of a folder.
func configuration(t *testing.T, dir, name, database, keyring string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	must(t, os.WriteFile(path, []byte(fmt.Sprintf(`listen: 127.0.0.1:0
trust_domain: %s
agreement: agreement.txtpb
database: %s
keyring: %s
key_encryption_key: kek
tls:
  certificate: certs/%s
  key: certs/%s
  client_authorities: certs/%s
  revocation_lists: certs/%s
`, certs.DefaultTrustDomain, database, keyring, certs.ServerFile, certs.ServerKeyFile, certs.CAFile, certs.ListFile)), 0o600))
	return path
}

// content is every row of every table of a file but the mark's.
func content(t *testing.T, path string) (out map[string]int) {
	t.Helper()
	conn, err := sqlite.OpenConn(path, sqlite.OpenReadWrite)
	must(t, err)
	defer conn.Close()
	out = make(map[string]int)
	var tables []string
	must(t, sqlitex.ExecuteTransient(conn, "SELECT name FROM sqlite_schema WHERE type = 'table' AND name <> 'moved'", &sqlitex.ExecOptions{
		ResultFunc: func(s *sqlite.Stmt) error {
			tables = append(tables, s.ColumnText(0))
			return nil
		},
	}))
	for _, table := range tables {
		must(t, sqlitex.ExecuteTransient(conn, "SELECT * FROM "+table, &sqlitex.ExecOptions{ResultFunc: func(s *sqlite.Stmt) error {
			line := table
			for i := range s.ColumnCount() {
				b := make([]byte, s.ColumnLen(i))
				s.ColumnBytes(i, b)
				line += fmt.Sprintf("|%d:%x", s.ColumnType(i), b)
			}
			out[line]++
			return nil
		}}))
	}
	return out
}

func TestAnExchangeIsMovedToPostgreSQLAndBackByItsConfigurations(t *testing.T) {
	dir, here := served(t, 0)
	cluster := throwaway.Durable(t)
	there := configuration(t, dir, "there.yaml", cluster.Database(t), cluster.Database(t))
	back := configuration(t, dir, "back.yaml", filepath.Join(dir, "back.db"), filepath.Join(dir, "back-keyring.db"))
	before := content(t, filepath.Join(dir, "jisr.db"))

	dry := jisr(t, "migrate", "--from", here, "--to", there, "--dry-run")
	if dry.code != exitOK || !strings.Contains(dry.stdout, "Nothing was changed") || !strings.Contains(dry.stdout, "log_entries") {
		t.Errorf("%+v", dry)
	}
	o := jisr(t, "migrate", "--from", here, "--to", there)
	if o.code != exitOK || !strings.Contains(o.stdout, "SHA-256 OF BOTH") || strings.Count(o.stdout, "was moved from") != 2 {
		t.Fatalf("%+v", o)
	}
	if again := jisr(t, "migrate", "--from", here, "--to", there); again.code != exitOK || strings.Count(again.stdout, "was moved already") != 2 {
		t.Errorf("%+v", again)
	}
	if other := jisr(t, "migrate", "--from", here, "--to", back); other.code != exitRefused || !strings.Contains(other.stderr, "was moved already, to postgres://") {
		t.Errorf("%+v", other)
	}
	o = jisr(t, "migrate", "--from", there, "--to", back, "--json")
	var report []move.Moved
	if o.code != exitOK || json.Unmarshal([]byte(o.stdout), &report) != nil || len(report) != 2 {
		t.Fatalf("%+v", o)
	}
	for line, n := range content(t, filepath.Join(dir, "back.db")) {
		if before[line] != n {
			t.Fatal("a row is not what it was")
		}
		delete(before, line)
	}
	if len(before) > 0 {
		t.Errorf("%d rows are missing", len(before))
	}
	for _, name := range []string{"back.db", "back-keyring.db"} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s can be read by others: %v", name, err)
		}
	}
	if o = jisr(t, "migrate", "--from", here, "--serve-again"); o.code != exitOK || strings.Count(o.stdout, "may be served again") != 2 {
		t.Errorf("%+v", o)
	}
	if o = jisr(t, "migrate", "--from", here, "--serve-again"); o.code != exitRefused {
		t.Errorf("%+v", o)
	}
}

func TestAMoveThatCannotBeginSaysWhatToDo(t *testing.T) {
	dir, here := served(t, 0)
	files := func(name string) string {
		return configuration(t, dir, name+".yaml", filepath.Join(dir, name+".db"), filepath.Join(dir, name+"-keyring.db"))
	}
	there := files("there")
	other, full := served(t, 0)
	kek, err := os.ReadFile(filepath.Join(dir, "kek"))
	must(t, err)
	must(t, os.WriteFile(filepath.Join(other, "kek"), kek, 0o600))
	gone := configuration(t, dir, "gone.yaml", "postgres://jisr:mulberry@127.0.0.1:1/jisr", "postgres://jisr:mulberry@127.0.0.1:1/keys")
	keyless := filepath.Join(dir, "keyless.yaml")
	text, err := os.ReadFile(there)
	must(t, err)
	must(t, os.WriteFile(keyless, []byte(strings.Replace(string(text), "encryption_key: kek", "encryption_key: none", 1)), 0o600))
	broken := filepath.Join(dir, "broken.yaml")
	must(t, os.WriteFile(broken, []byte("listen: mulberry\n"), 0o600))
	for name, c := range map[string]struct {
		args []string
		code int
		says string
	}{
		"nothing is named":            {nil, exitUsage, "needs --from"},
		"no target":                   {[]string{"--from", here}, exitUsage, "needs --to"},
		"nowhere else":                {[]string{"--from", here, "--to", here}, exitUsage, "the same database"},
		"a configuration's mistakes":  {[]string{"--from", broken, "--to", there}, exitUsage, "trust_domain: is missing"},
		"no key-encryption key":       {[]string{"--from", here, "--to", keyless}, exitUsage, "there is no key-encryption key"},
		"a password for all to see":   {[]string{"--from", here, "--to", there, "--to-database", "postgres://jisr:mulberry@localhost/jisr"}, exitUsage, "PGPASSFILE"},
		"serving again, and moving":   {[]string{"--from", here, "--to", there, "--serve-again"}, exitUsage, "--from alone"},
		"a server that is not there":  {[]string{"--from", here, "--to", gone}, exitConnection, "check that the server runs"},
		"a source that is not there":  {[]string{"--from", there, "--to", here}, exitRefused, "there is no database"},
		"a target that is not empty":  {[]string{"--from", here, "--to", full}, exitRefused, "is not empty"},
		"a keyring that is not empty": {[]string{"--from", here, "--to", there, "--to-keyring", filepath.Join(filepath.Dir(full), "keyring.db")}, exitRefused, "the keyring to move to is not empty"},
	} {
		o := jisr(t, append([]string{"migrate"}, c.args...)...)
		if o.code != c.code || !strings.Contains(o.stderr, c.says) || !strings.Contains(o.stderr, "what to do: ") {
			t.Errorf("%s: %+v", name, o)
		}
		if strings.Contains(o.stderr+o.stdout, "mulberry") {
			t.Errorf("%s: a value is told", name)
		}
	}
	for _, made := range []string{"there.db", "there-keyring.db", "none"} {
		if _, err := os.Stat(filepath.Join(dir, made)); err == nil {
			t.Errorf("%s was made", made)
		}
	}
	// Control: what none of these began goes through.
	if o := jisr(t, "migrate", "--from", here, "--to", there); o.code != exitOK {
		t.Errorf("%+v", o)
	}
}

func TestAMoveThatIsKilledAnywhereIsEndedByTheNextAndServedOnce(t *testing.T) {
	dir, here := served(t, 20_000)
	database := filepath.Join(dir, "jisr.db")
	before := content(t, database)
	cluster := throwaway.Durable(t)
	cases := cluster.Database(t)
	there := configuration(t, dir, "there.yaml", cases, cluster.Database(t))
	killed := 0
	// Later and later, until it comes to its end.
	for limit := 100 * time.Millisecond; ; limit += limit / 3 {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "migrate", "--from", here, "--to", there)
		cmd.Env = append(os.Environ(), asProcess+"=1")
		cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		var said bytes.Buffer
		cmd.Stderr = &said
		must(t, cmd.Start())
		kill := time.AfterFunc(limit/2+rand.N(limit/2), func() { _ = cmd.Process.Kill() })
		err := cmd.Wait()
		kill.Stop()
		if err == nil {
			break
		}
		if !cmd.ProcessState.Sys().(syscall.WaitStatus).Signaled() {
			t.Fatalf("after %d kills: %v\n%s", killed, err, &said)
		}
		killed++
		from, to := markOf(t, database), arrived(t, cases)
		if from == "" && to {
			t.Fatal("both are served")
		}
		if from == "" {
			if after := content(t, database); !equalContent(after, before) {
				t.Fatal("the source is not what it was")
			}
		}
	}
	if killed < 3 {
		t.Errorf("it was killed only %d times", killed)
	}
	back := configuration(t, dir, "back.yaml", filepath.Join(dir, "back.db"), filepath.Join(dir, "back-keyring.db"))
	if o := jisr(t, "migrate", "--from", there, "--to", back); o.code != exitOK {
		t.Fatalf("%+v", o)
	}
	if !equalContent(content(t, filepath.Join(dir, "back.db")), before) {
		t.Error("what came back is not what went")
	}
	t.Logf("killed %d times", killed)
}

func equalContent(a, b map[string]int) bool {
	return slices.Equal(sortedKeys(a), sortedKeys(b))
}

// markOf is the mark of a file.
func markOf(t *testing.T, path string) (state string) {
	t.Helper()
	conn, err := sqlite.OpenConn(path, sqlite.OpenReadWrite)
	must(t, err)
	defer conn.Close()
	must(t, sqlitex.ExecuteTransient(conn, move.MarkQuery, &sqlitex.ExecOptions{ResultFunc: func(s *sqlite.Stmt) error {
		state = s.ColumnText(0)
		return nil
	}}))
	return state
}

// arrived reports whether a copy at a server is marked as whole.
func arrived(t *testing.T, url string) bool {
	t.Helper()
	conn, err := pgx.Connect(context.Background(), url)
	must(t, err)
	defer conn.Close(context.Background())
	var there bool
	must(t, conn.QueryRow(t.Context(), "SELECT to_regclass('public.moved') IS NOT NULL").Scan(&there))
	if !there {
		return false
	}
	var n int
	must(t, conn.QueryRow(t.Context(), "SELECT COUNT(*) FROM moved WHERE state = 'arrived'").Scan(&n))
	return n > 0
}
