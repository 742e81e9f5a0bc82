// Package daemon takes an exchange from a configuration file to serving: it
// checks everything it is told before it opens a port, and says all that is
// wrong at once.
package daemon

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Config is what an exchange is told. Paths are relative to the file they stand in.
type Config struct {
	// Listen is the address to serve on, such as 0.0.0.0:7443.
	Listen string `yaml:"listen"`
	// TrustDomain stands in every client certificate: spiffe://<trust_domain>/agency/…
	TrustDomain string `yaml:"trust_domain"`
	// Agreement is the file of the data-sharing agreement.
	Agreement string `yaml:"agreement"`
	// Database is the file of the embedded store, or the postgres:// URL of the
	// database that nodes share.
	Database string `yaml:"database"`
	// Keyring is the file of the data keys; it belongs on another volume than
	// the database and outside of its backups. Or the postgres:// URL of a database
	// that holds nothing else.
	Keyring string `yaml:"keyring"`
	// KeyEncryptionKey is the file of the key that wraps the data keys.
	KeyEncryptionKey string `yaml:"key_encryption_key"`
	// Postgres says what is wanted of databases in PostgreSQL.
	Postgres Postgres `yaml:"postgres"`
	// RecordsInMemory is how many MiB of records are kept, sealed, after they were read.
	RecordsInMemory int `yaml:"records_in_memory"`
	// TLS is the server's own material.
	TLS TLS `yaml:"tls"`
	// Budgets bound what each agency may ask for.
	Budgets Budgets `yaml:"budgets"`
	// MetricsListen is where operators read metrics and health; nowhere when empty or "none".
	MetricsListen string `yaml:"metrics_listen"`
	// MetricsBeyondLoopback lets MetricsListen be an address that other machines reach.
	MetricsBeyondLoopback bool `yaml:"metrics_beyond_loopback"`
	// DrainNotice is how long health says that the server is going before calls are refused.
	DrainNotice time.Duration `yaml:"drain_notice"`
	// DrainLimit is how long calls in flight may then take before they are cut; 20 s when 0.
	DrainLimit time.Duration `yaml:"drain_limit"`
	// Log is `json` or `text`, on standard error.
	Log string `yaml:"log"`
	// Development says in WhoAmI that certificates and data are throw-away.
	Development bool `yaml:"development"`
}

// Postgres says what is wanted of databases in PostgreSQL.
type Postgres struct {
	// SurvivesNodeLoss promises that what is answered survives the loss of a database
	// node: servers whose commits wait for no standby are refused.
	SurvivesNodeLoss bool `yaml:"survives_node_loss"`
	// Pool bounds the connections of this node to the case database; the store's default when 0.
	Pool int `yaml:"pool"`
}

// TLS is the server's own material, all PEM files.
type TLS struct {
	// Certificate is the server's certificate with its chain.
	Certificate string `yaml:"certificate"`
	// Key is its key.
	Key string `yaml:"key"`
	// ClientAuthorities are the authorities whose client certificates are let in.
	ClientAuthorities string `yaml:"client_authorities"`
	// RevocationLists is a file or folder of revocation lists, one for each authority.
	RevocationLists string `yaml:"revocation_lists"`
}

// Budgets bound what each agency may ask for; what is left out has its default.
type Budgets struct {
	// CallsPerSecond is how many calls, or what weighs as much, an agency may make in a second.
	CallsPerSecond int `yaml:"calls_per_second"`
	// CallsInFlight is how many of its calls may be unanswered at once.
	CallsInFlight int `yaml:"calls_in_flight"`
	// Connections is how many connections it may have open at once.
	Connections int `yaml:"connections"`
	// CallTime is the longest that a call may take, streams excepted.
	CallTime time.Duration `yaml:"call_time"`
}

// Mistakes are all that is wrong with a configuration, each with where it stands
// and what to do.
type Mistakes []string

func (m Mistakes) Error() string { return strings.Join(m, "\n  ") }

// LoadConfig reads a configuration file and checks all that can be checked
// without opening what it names; its error is Mistakes, every one with its line,
// and what could be read comes with it, if anything could.
func LoadConfig(path string) (*Config, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("configuration: %w: name the file by --config; docs/jisrd.example.yaml is one to start from", err)
	}
	r := &reader{path: path, lines: make(map[string]int)}
	c := r.read(text)
	if c == nil {
		return nil, r.mistakes()
	}
	c.resolve(filepath.Dir(path))
	c.check(r)
	if wrong := r.mistakes(); len(wrong) > 0 {
		return c, wrong
	}
	return c, nil
}

func (c *Config) resolve(dir string) {
	for _, s := range settings {
		if path := s.path(c); path != nil && !filepath.IsAbs(*path) {
			*path = filepath.Join(dir, *path)
		}
	}
}
