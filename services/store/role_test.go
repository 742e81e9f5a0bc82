package store_test

import (
	"context"
	"crypto/rand"
	"errors"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/jisr-exchange/jisr/services/postgres"
	"github.com/jisr-exchange/jisr/services/postgres/throwaway"
	"github.com/jisr-exchange/jisr/services/store"
)

// roles makes a database whose roles are those of deploy/postgres, under names of
// the test's own, and returns a way to connect as each.
func roles(t *testing.T) (as func(role string) *pgx.Conn) {
	t.Helper()
	database := throwaway.URL(t)
	must(t, store.Migrate(t.Context(), database, postgres.Options{Forgetful: true}))
	super := connect(t, database)
	prefix := "jisr_" + strings.ToLower(rand.Text()) + "_"
	run := func(text string) {
		t.Helper()
		_, err := super.Exec(context.Background(), strings.ReplaceAll(text, "jisr_", prefix))
		must(t, err)
	}
	t.Cleanup(func() {
		for _, role := range []string{"backup", "serving", "keys_serving", "owner", "keys_owner"} {
			run("DROP OWNED BY jisr_" + role)
			run("DROP ROLE jisr_" + role)
		}
	})
	for _, file := range []string{"roles.sql", "exchange.sql", "exchange.sql"} { // the second time changes nothing
		text, err := os.ReadFile("../../deploy/postgres/" + file)
		must(t, err)
		run(string(text))
	}
	run("ALTER ROLE jisr_serving PASSWORD 'mulberry'; ALTER ROLE jisr_backup PASSWORD 'mulberry'")
	u, err := url.Parse(database)
	must(t, err)
	return func(role string) *pgx.Conn {
		t.Helper()
		if role == "" {
			return super
		}
		u.User = url.UserPassword(prefix+role, "mulberry")
		return connect(t, u.String())
	}
}

// Whatever right is taken from the role of a node, health tells: of one that is rarely
// used, no call would for days. What is taken is what the database itself says was given.
func TestARightThatIsTakenFromTheRoleOfANodeIsTold(t *testing.T) {
	as := roles(t)
	super, at := as(""), as("serving").Config()
	role := at.User
	n := newHouse(t).open(at.ConnString())
	probe := func() error { return errors.Join(n.Probe(t.Context(), false), n.ProbeLog(t.Context())) }
	must(t, probe())
	rows, err := super.Query(t.Context(), `SELECT x.privilege_type || ' ON ' || c.relname
			FROM pg_class c, aclexplode(c.relacl) x WHERE x.grantee = $1::text::regrole AND c.relkind = 'r'
		UNION ALL SELECT x.privilege_type || ' ON SEQUENCE ' || c.relname
			FROM pg_class c, aclexplode(c.relacl) x WHERE x.grantee = $1::text::regrole AND c.relkind = 'S'
		UNION ALL SELECT x.privilege_type || ' (' || a.attname || ') ON ' || c.relname
			FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid, aclexplode(a.attacl) x WHERE x.grantee = $1::text::regrole`, role)
	must(t, err)
	rights, err := pgx.CollectRows(rows, pgx.RowTo[string])
	must(t, err)
	if len(rights) < 50 {
		t.Fatalf("these are not all rights: %v", rights)
	}
	change := func(word, right, whom string) {
		t.Helper()
		_, err := super.Exec(t.Context(), word+" "+right+whom+role)
		must(t, err)
	}
	const told = "SQLSTATE_42501"
	for _, right := range rights {
		change("REVOKE", right, " FROM ")
		part, other := n.Probe(t.Context(), false), n.ProbeLog(t.Context())
		if strings.Contains(right, " log_") {
			part, other = other, part
		}
		if code, _ := store.Code(part); code != told {
			t.Errorf("without %s is told %v", right, part)
		}
		if other != nil && !strings.HasSuffix(right, " agreements") { // without which nothing is written
			t.Errorf("without %s the other part is told to be ill: %v", right, other)
		}
		err := store.Review(t.Context(), at.ConnString(), forgetful)
		named := " " + strings.Replace(right, "SEQUENCE ", "", 1) + ": run deploy/postgres/exchange.sql"
		if right == "SELECT ON migrations" {
			named = "permission denied for table migrations" // which is asked for the schema's number first
		}
		if err == nil || !strings.Contains(err.Error(), named) {
			t.Errorf("without %s an operator who asks is told %v", right, err)
		}
		change("GRANT", right, " TO ")
		must(t, probe())
	}
	must(t, store.Review(t.Context(), at.ConnString(), forgetful))
	// Control: what it was never given, and what another role loses, is nothing to it.
	change("REVOKE", "DELETE ON records", " FROM ")
	_, err = super.Exec(t.Context(), "REVOKE SELECT ON records FROM "+strings.Replace(role, "serving", "backup", 1))
	must(t, err)
	must(t, probe())
}

func connect(t *testing.T, database string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(context.Background(), database)
	must(t, err)
	t.Cleanup(func() { must(t, conn.Close(context.Background())) })
	return conn
}

// denied runs statements that the server must refuse for want of a right.
func denied(t *testing.T, conn *pgx.Conn, statements ...string) {
	t.Helper()
	for _, statement := range statements {
		if _, err := conn.Exec(context.Background(), statement); err == nil || !strings.Contains(err.Error(), "42501") {
			t.Errorf("%s: %v", statement, err)
		}
	}
}

func tables(t *testing.T, conn *pgx.Conn) []string {
	t.Helper()
	rows, err := conn.Query(context.Background(), "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'")
	must(t, err)
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	must(t, err)
	if !slices.Contains(names, "log_entries") || len(names) < 15 {
		t.Fatalf("these are not all tables: %v", names)
	}
	return names
}

// What it may do is what the plays do, which are played under it.
func TestTheRoleOfANodeChangesNoSchemaAndNothingThatWasWrittenDown(t *testing.T) {
	as := roles(t)
	node := as("serving")
	for _, table := range tables(t, as("")) {
		if _, err := node.Exec(context.Background(), "SELECT FROM "+table+" LIMIT 1"); err != nil {
			t.Errorf("deploy/postgres/exchange.sql says nothing of %s: %v", table, err)
		}
		denied(t, node, "TRUNCATE "+table, "DROP TABLE "+table, "ALTER TABLE "+table+" ADD more int",
			"CREATE TRIGGER more BEFORE INSERT ON "+table+" EXECUTE FUNCTION suppress_redundant_updates_trigger()")
	}
	denied(t, node,
		"UPDATE log_entries SET leaf = ''", "UPDATE log_entries SET seq = 1", "DELETE FROM log_entries",
		"UPDATE log_subjects SET record = 0", "DELETE FROM log_subjects",
		"DELETE FROM records", "UPDATE records SET case_name = ''", "UPDATE records SET create_time = 0",
		"DELETE FROM agreements", "UPDATE agreements SET text = ''", "DELETE FROM epochs", "DELETE FROM deliveries",
		"UPDATE migrations SET oldest_program = 0", "INSERT INTO migrations VALUES (9, 'exchange', '', 0)",
		"SELECT setval('log_entries_seq_seq', 1)",
		"CREATE TABLE more (id int)", "CREATE TEMPORARY TABLE more (id int)", "CREATE SCHEMA more", "CREATE ROLE more",
		"SET session_replication_role = replica", "SELECT pg_read_file('postgresql.conf')")
	_, err := node.Exec(context.Background(), "INSERT INTO log_entries(name, time, leaf, salt, commitment) VALUES('', 0, '', '', '')")
	must(t, err) // control: it may append
	_, err = node.Exec(context.Background(), "LISTEN "+store.WakeChannel+"; SELECT pg_notify('"+store.WakeChannel+"', '')")
	must(t, err) // and wake other nodes, for which it needs no right of its own
	_, err = node.Exec(context.Background(), "SELECT pg_logical_emit_message(true, 'jisr', '')")
	must(t, err) // and wait for a standby, and ask of which line the server is
	_, err = node.Exec(context.Background(), "SELECT pg_walfile_name(pg_current_wal_insert_lsn())")
	must(t, err)
}

func TestTheRoleOfBackupsReadsEverythingAndWritesNothing(t *testing.T) {
	as := roles(t)
	backup := as("backup")
	_, err := backup.Exec(context.Background(), "SET default_transaction_read_only = off")
	must(t, err)
	for _, table := range tables(t, as("")) {
		_, err := backup.Exec(context.Background(), "SELECT FROM "+table+" LIMIT 1")
		must(t, err)
		denied(t, backup, "DELETE FROM "+table, "INSERT INTO "+table+" DEFAULT VALUES", "TRUNCATE "+table)
	}
}
