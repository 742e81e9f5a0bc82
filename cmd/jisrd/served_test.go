package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	jisr "github.com/jisr-exchange/jisr"
	"github.com/jisr-exchange/jisr/services/daemon"
	"github.com/jisr-exchange/jisr/services/postgres/throwaway"
)

// stored writes a configuration as configured does, of databases in PostgreSQL.
func stored(t *testing.T, cases, keys, more string) (path string) {
	t.Helper()
	path = configured(t, "127.0.0.1:0")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	write(t, path, []byte(strings.NewReplacer("database: jisr.db", "database: "+cases, "keyring: keyring.db", "keyring: "+keys).Replace(string(text))+more))
	return path
}

// refusedAtTheStart serves, and checks that it ends at once with what to do.
func refusedAtTheStart(t *testing.T, path string, said ...string) {
	t.Helper()
	var checked bytes.Buffer
	code, serving := served(t.Context(), t, path, io.Discard)
	if check := run(t.Context(), []string{"--config", path, "--check-config"}, io.Discard, &checked); code != exitFailed || check != exitFailed {
		t.Errorf("serving ends with %d, the check with %d, not %d:\n%s\n%s", code, check, exitFailed, serving, checked.String())
	}
	for _, what := range said {
		if !strings.Contains(serving, what) || !strings.Contains(checked.String(), what) {
			t.Errorf("%q is not in what serving says:\n%s\nor not in what the check says:\n%s", what, serving, checked.String())
		}
	}
	if strings.Contains(serving+checked.String(), "mulberry") {
		t.Error("a password is told")
	}
}

func execute(t *testing.T, url string, statements ...string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	for _, s := range statements {
		if _, err := conn.Exec(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

func loaded(t *testing.T, path string) *daemon.Config {
	t.Helper()
	c, err := daemon.LoadConfig(path)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// serves checks that a configuration is served.
func serves(t *testing.T, path string) {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	if code, said := served(ctx, t, path, untilServing{stop}); code != 0 {
		t.Fatalf("ends with %d and says %s", code, said)
	}
}

func TestADatabaseThatCannotBeServedFromIsRefusedWithWhatToDo(t *testing.T) {
	c := throwaway.Durable(t)
	execute(t, c.URL("postgres"), "CREATE DATABASE latin TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE_PROVIDER libc LOCALE 'C'",
		"CREATE ROLE serving LOGIN PASSWORD 'mulberry'", "ALTER ROLE serving SET log_parameter_max_length = 0")
	cases, keys := c.Database(t), c.Database(t)
	var said bytes.Buffer
	if code := run(t.Context(), []string{"--config", stored(t, "postgres://jisr@db.test/jisr", keys, ""), "--check"}, io.Discard, &said); code != exitMisconfigured ||
		!strings.Contains(said.String(), "add sslmode=verify-full") {
		t.Errorf("ends with %d and says %s", code, said.String())
	}
	refusedAtTheStart(t, stored(t, c.URL("latin"), c.URL("nowhere"), ""),
		"database: ", "encoding is SQL_ASCII", "createdb --template=template0 --encoding=UTF8",
		"keyring: ", "does not exist", "make the database")
	refusedAtTheStart(t, stored(t, cases, keys, "postgres:\n  survives_node_loss: true\n"),
		"no standby is waited for", "name the standbys in synchronous_standby_names", "or take the promise back")
	as := func(url string) string { return strings.Replace(url, "postgres@", "serving:mulberry@", 1) }
	refusedAtTheStart(t, stored(t, as(cases), as(keys), ""),
		"the database has schema 0 and this program needs", "run jisrd --schema once with a configuration whose URL names the role that owns the database")
	serves(t, stored(t, cases, keys, ""))
	execute(t, cases, "INSERT INTO migrations(number, component, name, oldest_program) VALUES(99, 'exchange', '0099_gone.contract.sql', 99)")
	refusedAtTheStart(t, stored(t, cases, c.Database(t), ""), "the database has schema 99, on which programs older than 99 cannot run", "run the newer program")
	refusedAtTheStart(t, stored(t, keys, cases, ""), "the database is that of the keyring: name another one for the exchange",
		"the database is that of the exchange: name another one for the keyring")
	// Another node's key-encryption key is not this one's.
	another := stored(t, c.Database(t), keys, "")
	refusedAtTheStart(t, another, "put a copy of it into the place of key_encryption_key")
	write(t, filepath.Join(filepath.Dir(another), "kek"), []byte(strings.Repeat("ab", 32)))
	refusedAtTheStart(t, another, "name the key-encryption key that this keyring was made under", "a new key opens nothing")
	if err := c.Stop(); err != nil {
		t.Fatal(err)
	}
	refusedAtTheStart(t, stored(t, cases, keys, ""), "check that the server runs")
}

func TestTheSchemasAreMadeByTheirOwnersAndServedByOthers(t *testing.T) {
	c := throwaway.Durable(t)
	rights := func(name string) string {
		t.Helper()
		text, err := os.ReadFile(filepath.Join("..", "..", "deploy", "postgres", name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	execute(t, c.URL("postgres"), rights("roles.sql"), "CREATE DATABASE jisr TEMPLATE template0 ENCODING 'UTF8' OWNER jisr_owner",
		"CREATE DATABASE jisr_keys TEMPLATE template0 ENCODING 'UTF8' OWNER jisr_keys_owner")
	for _, role := range []string{"owner", "keys_owner", "serving", "keys_serving"} {
		execute(t, c.URL("postgres"), "ALTER ROLE jisr_"+role+" PASSWORD 'mulberry'")
	}
	as := func(role, database string) string {
		return strings.Replace(c.URL(database), "postgres@", role+":mulberry@", 1)
	}
	serving := stored(t, as("jisr_serving", "jisr"), as("jisr_keys_serving", "jisr_keys"), "")
	owners := filepath.Join(filepath.Dir(serving), "owners.yaml")
	text, err := os.ReadFile(serving)
	if err != nil {
		t.Fatal(err)
	}
	write(t, owners, bytes.ReplaceAll(text, []byte("serving:"), []byte("owner:")))
	for range 2 { // the second time there is nothing to do
		var said bytes.Buffer
		if code := makeSchemas(t.Context(), loaded(t, owners), &said); code != 0 {
			t.Fatalf("ends with %d and says %s", code, said.String())
		}
	}
	execute(t, c.URL("jisr"), rights("exchange.sql"))
	execute(t, c.URL("jisr_keys"), rights("keyring.sql"))
	serves(t, serving)
	var said bytes.Buffer
	if code := run(t.Context(), []string{"--config", serving, "--check"}, io.Discard, &said); code != 0 {
		t.Errorf("the check ends with %d and says %s", code, said.String())
	}
	// Files need no such step, and who asks for it is told so.
	said.Reset()
	if code := makeSchemas(t.Context(), loaded(t, configured(t, "127.0.0.1:0")), &said); code != exitMisconfigured || !strings.Contains(said.String(), "files need no such step") {
		t.Errorf("ends with %d and says %s", code, said.String())
	}
}

func TestANodeThatStartsWithAnOlderFileServesTheAgreementInForceAndSaysSo(t *testing.T) {
	c := throwaway.Durable(t)
	cases, keys := c.Database(t), c.Database(t)
	first := stored(t, cases, keys, "")
	serves(t, first)
	later := stored(t, cases, keys, "")
	write(t, filepath.Join(filepath.Dir(later), "agreement.txtpb"), fmt.Appendf(jisr.Agreement, "# later\n"))
	kek, err := os.ReadFile(filepath.Join(filepath.Dir(first), "kek"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(filepath.Dir(later), "kek"), kek)
	serves(t, later)
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	var log bytes.Buffer
	if code, said := served(ctx, t, first, io.MultiWriter(&log, untilServing{stop})); code != 0 {
		t.Fatalf("ends with %d and says %s", code, said)
	}
	if !strings.Contains(log.String(), "another agreement than the file's is in force") {
		t.Errorf("the log does not say so:\n%s", log.String())
	}
	var inForce int
	conn, err := pgx.Connect(t.Context(), cases)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if err := conn.QueryRow(t.Context(), "SELECT count(*) FROM agreements WHERE in_force = 1 AND convert_from(text, 'UTF8') LIKE '%# later%'").Scan(&inForce); err != nil || inForce != 1 {
		t.Errorf("the older file was put in force (%v)", err)
	}
}
