package postgres

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/jisr-exchange/jisr/services/postgres/throwaway"
)

// password is what no error and no log may tell.
const password = "Marigold-7/tide"

var plain = Options{Application: "jisr test", Connections: 2}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// opened opens a database that must not be refused.
func opened(t *testing.T, url string, o Options) *pgxpool.Pool {
	t.Helper()
	pool, err := Open(t.Context(), url, o)
	must(t, err)
	t.Cleanup(pool.Close)
	return pool
}

// refused opens a database that must be refused with all that is said, and nothing secret.
func refused(t *testing.T, url string, o Options, said ...string) {
	t.Helper()
	pool, err := Open(t.Context(), url, o)
	if err == nil {
		pool.Close()
		t.Errorf("not refused; it was to be told: %s", strings.Join(said, "; "))
		return
	}
	for _, s := range said {
		if !strings.Contains(err.Error(), s) {
			t.Errorf("told\n%v\nand not: %s", err, s)
		}
	}
	if strings.Contains(err.Error(), password) || strings.Contains(err.Error(), "Marigold") {
		t.Errorf("the password is told: %v", err)
	}
}

func exec(t *testing.T, url string, statements ...string) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context()) // also after the test
	conn, err := pgx.Connect(ctx, url)
	must(t, err)
	defer conn.Close(ctx)
	for _, s := range statements {
		if _, err := conn.Exec(ctx, s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

// as is a URL for another role.
func as(t *testing.T, database, role, password string) string {
	t.Helper()
	u, err := url.Parse(database)
	must(t, err)
	u.User = url.UserPassword(role, password)
	return u.String()
}

func TestAServerThatForgetsIsRefusedWithAllThatIsWrongAtOnce(t *testing.T) {
	c := throwaway.Durable(t, "fsync=off", "full_page_writes=off")
	exec(t, c.URL("postgres"), "CREATE DATABASE latin TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE_PROVIDER libc LOCALE 'C'",
		"ALTER DATABASE latin SET default_transaction_read_only = on")
	refused(t, c.URL("latin"), plain, "fsync is off", "full_page_writes is off", "encoding is SQL_ASCII", "createdb", "read only")
	sound := c.Database(t)
	refused(t, sound, plain, "set fsync = on")
	forgetful := plain
	forgetful.Forgetful = true
	opened(t, sound, forgetful)
	// Control: the same server that waits for its disk is taken.
	must(t, c.Set("fsync", "on"))
	must(t, c.Set("full_page_writes", "on"))
	opened(t, sound, plain)
}

func TestAStandbyIsRefusedAndThePrimaryAmongSeveralIsFound(t *testing.T) {
	c := throwaway.Durable(t)
	s := c.Standby(t)
	refused(t, s.URL("postgres"), plain, "is a standby", "name the primary")
	// Of two with one fault it is said once, and nothing of the tries.
	_, err := Open(t.Context(), "postgres://postgres@/postgres?host="+url.QueryEscape(s.Folder()+","+s.Folder()), plain)
	var told Refusals
	if !errors.As(err, &told) || len(told) != 1 || err.Error() != told.Error() {
		t.Errorf("of two standbys is told %v", err)
	}
	both := "postgres://postgres@/postgres?host=" + url.QueryEscape(s.Folder()+","+c.Folder())
	pool := opened(t, both, plain)
	if host := pool.Config().ConnConfig.Host; host != s.Folder() {
		t.Fatalf("the standby is not tried first but %s", host)
	}
	must(t, c.Kill())
	refused(t, both, plain, "is a standby", "check that the server runs")
	must(t, s.Promote())
	opened(t, both, plain)
	// The pool that was open goes where the primary is.
	pool.Reset()
	must(t, Check(t.Context(), pool, plain))
}

func TestWhoeverPromisesToSurviveANodeNeedsAStandbyThatFollows(t *testing.T) {
	c := throwaway.Durable(t)
	surviving := plain
	surviving.SurvivesNode = true
	opened(t, c.URL("postgres"), plain)
	refused(t, c.URL("postgres"), surviving, "synchronous_standby_names")
	exec(t, c.URL("postgres"), "CREATE ROLE serving LOGIN PASSWORD '"+password+"'", "ALTER ROLE serving SET log_parameter_max_length = 0")
	must(t, c.Set("synchronous_standby_names", "*"))
	refused(t, c.URL("postgres"), surviving, "no standby follows", "pg_stat_replication")
	c.Standby(t)
	must(t, c.Synchronous())
	pool := opened(t, c.URL("postgres"), surviving)
	serving := as(t, c.URL("postgres"), "serving", password)
	refused(t, serving, surviving, "GRANT pg_read_all_stats")
	exec(t, c.URL("postgres"), "GRANT pg_read_all_stats TO serving")
	opened(t, serving, surviving)
	// What is no longer so is noticed by whoever asks again, and by each new connection.
	must(t, c.Set("synchronous_standby_names", ""))
	var found Refusals
	if err := Check(t.Context(), pool, surviving); !errors.As(err, &found) {
		t.Errorf("that no standby is waited for any more is told as %v", err)
	}
	pool.Reset()
	if conn, err := pool.Acquire(t.Context()); err == nil {
		conn.Release()
		t.Error("a new connection is taken although no standby is waited for")
	}
}

func TestEachConnectionHasTheExchangesSettings(t *testing.T) {
	c := throwaway.Durable(t, "synchronous_commit=off", "default_transaction_isolation=serializable")
	u := c.Database(t)
	exec(t, u, "CREATE SCHEMA other", "ALTER ROLE postgres SET search_path = other, public", "ALTER ROLE postgres SET synchronous_commit = local",
		"ALTER ROLE postgres SET standard_conforming_strings = off", "ALTER ROLE postgres SET log_parameter_max_length_on_error = -1",
		"ALTER ROLE postgres SET client_encoding = 'LATIN1'", "ALTER ROLE postgres SET statement_timeout = '1h'")
	t.Setenv("PGOPTIONS", "-c synchronous_commit=off")
	pool := opened(t, u, plain)
	asked := session(plain)
	asked["log_parameter_max_length"] = "0" // by who may
	for name, want := range asked {
		var is string
		must(t, pool.QueryRow(t.Context(), "SELECT current_setting($1)", name).Scan(&is))
		if is != want {
			t.Errorf("%s is %s, want %s", name, is, want)
		}
	}
	if mode := pool.Config().ConnConfig.DefaultQueryExecMode; mode != pgx.QueryExecModeCacheStatement {
		t.Errorf("statements go by %s", mode)
	}
}

func TestNoValueIsInTheServersLog(t *testing.T) {
	const canary = "canary-of-the-river"
	c := throwaway.Durable(t, "log_statement=all", "log_min_duration_statement=0", "log_parameter_max_length_on_error=-1")
	u := c.Database(t)
	say := func(do func(ctx context.Context, statement string, value string) error) {
		must(t, do(t.Context(), "SELECT $1::text", canary))
		if err := do(t.Context(), "SELECT (1 / length($1::text || $1::text) - 1 / 0)::text", canary); err == nil {
			t.Error("a division by nothing is answered")
		}
	}
	pool := opened(t, u, plain)
	say(func(ctx context.Context, s, value string) error {
		var got *string
		return pool.QueryRow(ctx, s, value).Scan(&got)
	})
	if strings.Contains(c.Log(), canary) {
		t.Errorf("the server's log tells a value:\n%s", c.Log())
	}
	// Who may not set it is refused until somebody has.
	exec(t, u, "CREATE ROLE serving LOGIN PASSWORD '"+password+"'")
	serving := as(t, u, "serving", password)
	refused(t, serving, plain, "ALTER ROLE <the role in the URL> SET log_parameter_max_length = 0")
	exec(t, u, "ALTER ROLE serving SET log_parameter_max_length = 0")
	opened(t, serving, plain)
	// Control: a connection as the driver makes it by itself leaves the value there.
	conn, err := pgx.Connect(t.Context(), u)
	must(t, err)
	defer conn.Close(t.Context())
	say(func(ctx context.Context, s, value string) error {
		var got *string
		return conn.QueryRow(ctx, s, value).Scan(&got)
	})
	if !strings.Contains(c.Log(), canary) {
		t.Error("the log tells no value at all: the test proves nothing")
	}
}

func TestAnOlderServerIsRefused(t *testing.T) {
	u := throwaway.URL(t)
	forgetful := plain
	forgetful.Forgetful = true
	opened(t, u, forgetful) // control
	ours := demands[0]
	t.Cleanup(func() { demands[0] = ours })
	demands[0].is = strings.Replace(ours.is, "150000", "990000", 1)
	refused(t, u, forgetful, "older than PostgreSQL 15", "move the database")
	demands[0].is = "what_older_servers_do_not_have()::text"
	refused(t, u, forgetful, "older than PostgreSQL 15")
}

func TestAPoolHasNoMoreThanItsConnections(t *testing.T) {
	o := plain
	o.Forgetful = true
	pool := opened(t, throwaway.URL(t), o)
	for range o.Connections {
		conn, err := pool.Acquire(t.Context())
		must(t, err)
		defer conn.Release()
	}
	ctx, cancel := context.WithCancel(t.Context())
	waiting := make(chan error, 1)
	go func() {
		conn, err := pool.Acquire(ctx)
		if err == nil {
			conn.Release()
		}
		waiting <- err
	}()
	cancel()
	if err := <-waiting; !errors.Is(err, context.Canceled) {
		t.Errorf("one connection more was answered with %v", err)
	}
	for _, careless := range []Options{{Application: "jisr test"}, {Connections: 2}} {
		refused(t, throwaway.URL(t), careless, "refusing to open")
	}
}
