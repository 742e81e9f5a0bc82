package postgres

import (
	"errors"
	"io/fs"
	"net"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// keys are what a URL may set. Anything else a driver would take for a setting of
// the session, or for one of its own that gives up what is promised here.
var keys = []string{"host", "port", "user", "password", "dbname", "passfile", "connect_timeout", "target_session_attrs",
	"sslmode", "sslrootcert", "sslcert", "sslkey", "channel_binding"}

// scheme cuts the scheme off a URL of PostgreSQL.
func scheme(url string) (rest string, ok bool) {
	if rest, ok = strings.CutPrefix(url, "postgres://"); ok {
		return rest, true
	}
	return strings.CutPrefix(url, "postgresql://")
}

// parse reads a URL. What is wrong with it is told without a part of it: one
// that is badly written has its password anywhere.
func parse(url string) (*pgxpool.Config, error) {
	if !IsURL(url) {
		return nil, Refusals{"the database is not named by a URL: write postgres://user@host:5432/database?sslmode=verify-full"}
	}
	c, err := pgx.ParseConfigWithOptions(url, pgx.ParseConfigOptions{ParseConfigOptions: pgconn.ParseConfigOptions{ConnStringAllowedKeys: keys}})
	var file *fs.PathError
	switch {
	case errors.As(err, &file):
		return nil, Refusals{"the database's URL names a file that cannot be read: " + file.Error() + ": name one that this user may read"}
	case err != nil:
		return nil, Refusals{"the database's URL is not understood: write postgres://user@host:5432/database?sslmode=verify-full, special characters of a " +
			"password as %XX (or the password into the file of PGPASSFILE), and no other settings than " + strings.Join(keys, ", ")}
	}
	var found Refusals
	if !verified(c.Host, c.TLSConfig != nil && !c.TLSConfig.InsecureSkipVerify) {
		found = append(found, unverified(c.Host))
	}
	for _, f := range c.Fallbacks {
		if !verified(f.Host, f.TLSConfig != nil && !f.TLSConfig.InsecureSkipVerify) {
			found = append(found, unverified(f.Host))
		}
	}
	if c.Database == "" {
		found = append(found, "the database's URL names no database: write its name after the host, as in postgres://user@host:5432/database")
	}
	if len(found) > 0 {
		return nil, found.once()
	}
	return pgxpool.ParseConfig(url)
}

func unverified(host string) string {
	return "the connection to " + host + " would leave this machine without knowing whom it reaches: add sslmode=verify-full to the database's URL, " +
		"and sslrootcert=<file> with the authority that signed the server's certificate"
}

// verified reports whether a connection reaches whom it names: over TLS that
// verifies the name, or without leaving the machine.
func verified(host string, full bool) bool {
	if full || host == "localhost" || strings.HasPrefix(host, "/") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
