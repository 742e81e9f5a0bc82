package postgres

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jisr-exchange/jisr/services/certs"
	"github.com/jisr-exchange/jisr/services/postgres/throwaway"
)

func TestAURLThatGivesUpWhatIsPromisedIsRefusedAndItsPasswordIsNotTold(t *testing.T) {
	secret := url.QueryEscape(password)
	for name, wrong := range map[string]struct{ url, said string }{
		"path":               {"jisr.db", "is not named by a URL"},
		"pairs":              {"host=db.test user=jisr password=" + password, "is not named by a URL"},
		"without TLS":        {"postgres://jisr:" + secret + "@db.test/jisr?sslmode=disable", "connection to db.test would leave this machine"},
		"as the driver does": {"postgres://jisr:" + secret + "@db.test/jisr", "add sslmode=verify-full"},
		"required":           {"postgres://jisr:" + secret + "@db.test/jisr?sslmode=require", "add sslmode=verify-full"},
		"authority alone":    {"postgres://jisr:" + secret + "@db.test/jisr?sslmode=verify-ca", "add sslmode=verify-full"},
		"one of two":         {"postgres://jisr:" + secret + "@localhost,db.test/jisr", "connection to db.test would leave"},
		"an address":         {"postgres://jisr:" + secret + "@192.0.2.7/jisr?sslmode=require", "connection to 192.0.2.7 would leave"},
		"simple protocol":    {"postgres://jisr:" + secret + "@localhost/jisr?default_query_exec_mode=simple_protocol", "no other settings than"},
		"settings":           {"postgres://jisr:" + secret + "@localhost/jisr?synchronous_commit=off", "no other settings than"},
		"options":            {"postgres://jisr:" + secret + "@localhost/jisr?options=-csynchronous_commit%3Doff", "no other settings than"},
		"a pool":             {"postgres://jisr:" + secret + "@localhost/jisr?pool_max_conns=1000", "no other settings than"},
		"no database":        {"postgres://jisr:" + secret + "@localhost", "names no database"},
		"password unescaped": {"postgres://jisr:" + password + "@localhost/jisr", "special characters of a password as %XX"},
		"port":               {"postgres://jisr:" + secret + "@localhost:Marigold/jisr", "is not understood"},
		"authority's file":   {"postgres://jisr:" + secret + "@db.test/jisr?sslmode=verify-full&sslrootcert=/nowhere/ca.pem", "/nowhere/ca.pem"},
	} {
		t.Run(name, func(t *testing.T) { refused(t, wrong.url, plain, wrong.said) })
	}
	// Controls: what stays on the machine, and what knows whom it reaches.
	for _, right := range []string{"@localhost/jisr", "@127.0.0.9/jisr", "@[::1]/jisr", "@/jisr?host=/run/postgresql", "@db.test/jisr?sslmode=verify-full",
		"@one.test,two.test:5433/jisr?sslmode=verify-full&target_session_attrs=read-write"} {
		if _, err := parse("postgres://jisr:" + secret + right); err != nil {
			t.Errorf("%s: %v", right, err)
		}
	}
}

func TestWhatKeepsAConnectionFromItsServerIsToldWithWhatToDo(t *testing.T) {
	c := throwaway.Durable(t)
	u := c.Database(t)
	exec(t, u, "CREATE ROLE serving LOGIN PASSWORD '"+password+"'", "ALTER ROLE serving SET log_parameter_max_length = 0",
		"CREATE ROLE locked NOLOGIN", "CREATE ROLE crowded LOGIN PASSWORD '"+password+"' CONNECTION LIMIT 0")
	opened(t, as(t, u, "serving", password), plain) // control
	refused(t, as(t, u, "serving", password+"x"), plain, "password authentication failed", "PGPASSFILE")
	refused(t, as(t, u, "locked", password), plain, "authentication failed", "check")
	refused(t, as(t, u, "crowded", password), plain, "too many connections", "raise max_connections")
	refused(t, as(t, c.URL("nowhere"), "serving", password), plain, "does not exist", "createdb")
	refused(t, "postgres://serving:"+url.QueryEscape(password)+"@127.0.0.1:1/jisr?connect_timeout=2", plain, "check that the server runs")
	refused(t, as(t, "postgres:///jisr?host=/nowhere", "serving", password), plain, "check that the server runs", "unix_socket_directories")
	pool, err := Open(t.Context(), as(t, u, "serving", password+"x"), plain)
	if err == nil {
		pool.Close()
	}
	// The driver's own error holds its configuration, and the password in it.
	if all := fmt.Sprintf("%+v %#v", err, err); strings.Contains(all, password) {
		t.Error("the password is in the error")
	}
	var coded interface{ SQLState() string }
	if !errors.As(err, &coded) || coded.SQLState() != "28P01" {
		t.Errorf("the server's code is not in %v", err)
	}
	must(t, c.Stop())
	refused(t, u, plain, "check that the server runs")
}

func TestAServerBeyondLoopbackMustBeWhomTheURLNames(t *testing.T) {
	// An address of loopback that nobody else listens on.
	host := fmt.Sprintf("127.%d.%d.%d", 1+rand.IntN(254), rand.IntN(256), 1+rand.IntN(254))
	dir := t.TempDir()
	for _, authority := range []string{"ours", "other"} {
		_, err := certs.Create(filepath.Join(dir, authority), certs.Options{Hosts: []string{host}})
		must(t, err)
	}
	c := throwaway.Durable(t, "listen_addresses="+host)
	u := c.Database(t)
	exec(t, u, "CREATE ROLE serving LOGIN PASSWORD '"+password+"'", "ALTER ROLE serving SET log_parameter_max_length = 0")
	at, err := url.Parse(u)
	must(t, err)
	to := func(host, authority string) string {
		return "postgres://serving:" + url.QueryEscape(password) + "@" + host + at.Path + "?sslmode=verify-full&sslrootcert=" +
			url.QueryEscape(filepath.Join(dir, authority, certs.CAFile))
	}
	refused(t, to(host, "ours"), plain, "set ssl = on")
	for name, file := range map[string]string{"server.crt": certs.ServerFile, "server.key": certs.ServerKeyFile} {
		text, err := os.ReadFile(filepath.Join(dir, "ours", file))
		must(t, err)
		must(t, c.Put("data/"+name, string(text)))
	}
	must(t, c.Set("ssl", "on"))
	pool := opened(t, to(host, "ours"), plain)
	var encrypted bool
	must(t, pool.QueryRow(t.Context(), "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()").Scan(&encrypted))
	if !encrypted {
		t.Error("the connection is not encrypted")
	}
	refused(t, to(host, "other"), plain, "sslrootcert")
}
