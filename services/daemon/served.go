package daemon

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/jisr-exchange/jisr/services/keyring"
	"github.com/jisr-exchange/jisr/services/postgres"
	"github.com/jisr-exchange/jisr/services/store"
)

// asking bounds how long the databases are asked, all their servers together.
const asking = 30 * time.Second

// ErrServer says that a database server is not as it must be, or does not answer:
// the configuration may be right, and the same may be well in a moment.
var ErrServer = errors.New("a database cannot be served from")

// checkServed holds the URL of a database against what can be seen without asking its server.
func (r *reader) checkServed(s setting, url string) {
	var wrong postgres.Refusals
	if errors.As(postgres.ReviewURL(url), &wrong) {
		for _, text := range wrong {
			r.mistake(s.key, "%s", text)
		}
		return
	}
	if info, err := os.Stat(r.path); postgres.HoldsPassword(url) && err == nil && info.Mode().Perm()&0o077 != 0 {
		r.mistake(s.key, "holds a password, and others can read this file (mode %04o): keep the password in a file of the server's user that passfile= in the URL or PGPASSFILE names, or chmod 600 this one",
			info.Mode().Perm())
	}
	for _, file := range postgres.PrivateFiles(url) {
		if info, err := os.Stat(file); err == nil && info.Mode().Perm()&0o077 != 0 {
			r.mistake(s.key, "%s can be read by others (mode %04o): chmod 600 it", file, info.Mode().Perm())
		}
	}
}

// checkDatabases holds what is said of databases against each other.
func (c *Config) checkDatabases(r *reader) {
	cases, keys := postgres.IsURL(c.Database), postgres.IsURL(c.Keyring)
	switch {
	case cases && keys && postgres.Same(c.Database, c.Keyring):
		r.mistake("keyring", "names the same database as database, so that every backup of the cases would hold the keys, destroyed ones too: make one of its own, best in a cluster of its own")
	case cases && !keys && c.Keyring != "":
		r.mistake("keyring", "names a file, and database is one that several nodes share: a node could not read what another has sealed: name a database in PostgreSQL for the keys, too")
	}
	if c.Postgres.SurvivesNodeLoss && (!cases || !keys) {
		r.mistake("postgres.survives_node_loss", "cannot be promised of files on one machine: set database and keyring to databases in PostgreSQL, or leave it out")
	}
	if n := c.Postgres.Pool; n != 0 && n < store.LeastConnections {
		r.mistake("postgres.pool", "must be at least %d: changes and wake-ups take %d, and one reads", store.LeastConnections, store.LeastConnections-1)
	}
}

// unkept reports whether a server that is lost may take with it what was answered.
func (c *Config) unkept() bool { return postgres.IsURL(c.Database) && !c.Postgres.SurvivesNodeLoss }

// demands are what is demanded of the case database's server.
func (c *Config) demands() postgres.Options {
	return postgres.Options{SurvivesNode: c.Postgres.SurvivesNodeLoss, Connections: c.Postgres.Pool}
}

// keyDemands are what is demanded of the keyring's.
func (c *Config) keyDemands() []keyring.Demand {
	if c.Postgres.SurvivesNodeLoss {
		return []keyring.Demand{keyring.SurvivesNode}
	}
	return nil
}

// review asks the servers of the databases whether they could be served from.
func (c *Config) review(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, asking)
	defer cancel()
	var errs []error
	var known *keyring.Secrets
	// What is wrong with a URL itself was told with its line.
	if postgres.IsURL(c.Keyring) && postgres.ReviewURL(c.Keyring) == nil {
		kek, err := c.writtenKEK()
		var secrets keyring.Secrets
		if err == nil {
			secrets, err = keyring.Review(ctx, c.Keyring, kek, c.keyDemands()...)
		}
		if known = &secrets; err != nil {
			known, errs = nil, append(errs, fmt.Errorf("keyring: %w", err))
		}
	}
	if postgres.IsURL(c.Database) && postgres.ReviewURL(c.Database) == nil {
		if err := store.Review(ctx, c.Database, c.demands(), known); err != nil {
			errs = append(errs, fmt.Errorf("database: %w", err))
		}
	}
	if len(errs) > 0 {
		return fmt.Errorf("%w:\n  %w", ErrServer, errors.Join(errs...))
	}
	return nil
}

// writtenKEK is the key-encryption key, nil where it is not made yet.
func (c *Config) writtenKEK() (keyring.Wrapper, error) {
	if _, err := os.Stat(c.KeyEncryptionKey); errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	kek, err := keyring.OpenFileKEK(c.KeyEncryptionKey)
	if err != nil {
		return nil, err
	}
	return kek, nil
}

// MakeSchemas brings the schemas of databases in PostgreSQL to this program's, as
// the roles that own them, and serves nothing.
func MakeSchemas(ctx context.Context, c *Config) error {
	if !postgres.IsURL(c.Database) && !postgres.IsURL(c.Keyring) {
		return fmt.Errorf("%w: neither database nor keyring is in PostgreSQL; files need no such step", ErrMisconfigured)
	}
	if postgres.IsURL(c.Database) {
		if err := store.Migrate(ctx, c.Database, c.demands()); err != nil {
			return fmt.Errorf("database: %w", err)
		}
	}
	if postgres.IsURL(c.Keyring) {
		if err := keyring.Migrate(ctx, c.Keyring, c.keyDemands()...); err != nil {
			return fmt.Errorf("keyring: %w", err)
		}
	}
	return nil
}
