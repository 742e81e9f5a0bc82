// Package daemon takes an exchange from a configuration file to serving: it
// checks everything it is told before it opens a port, and says all that is
// wrong at once.
package daemon

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/jisr-exchange/jisr/services/budget"
)

// Config is what an exchange is told. Paths are relative to the file they stand in.
type Config struct {
	// Listen is the address to serve on, such as 0.0.0.0:7443.
	Listen string `yaml:"listen"`
	// TrustDomain stands in every client certificate: spiffe://<trust_domain>/agency/…
	TrustDomain string `yaml:"trust_domain"`
	// Agreement is the file of the data-sharing agreement.
	Agreement string `yaml:"agreement"`
	// Database is the file of the embedded store.
	Database string `yaml:"database"`
	// Keyring is the file of the data keys; it belongs on another volume than
	// the database and outside of its backups.
	Keyring string `yaml:"keyring"`
	// KeyEncryptionKey is the file of the key that wraps the data keys.
	KeyEncryptionKey string `yaml:"key_encryption_key"`
	// TLS is the server's own material.
	TLS TLS `yaml:"tls"`
	// Budgets bound what each agency may ask for.
	Budgets Budgets `yaml:"budgets"`
	// Log is `json` or `text`, on standard error.
	Log string `yaml:"log"`
	// Development says in WhoAmI that certificates and data are throw-away.
	Development bool `yaml:"development"`
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

// LoadConfig reads a configuration file and checks all of it; its error names every mistake.
func LoadConfig(path string) (*Config, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	c := &Config{Log: "json", Budgets: Budgets(budget.Default())}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	if err := decoder.Decode(c); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("configuration %s: %s", path, strings.TrimPrefix(err.Error(), "yaml: "))
	}
	c.resolve(filepath.Dir(path))
	if wrong := c.check(); len(wrong) > 0 {
		return nil, fmt.Errorf("configuration %s:\n  %s", path, strings.Join(wrong, "\n  "))
	}
	return c, nil
}

// fields are the settings that must be there, with those that name existing files marked.
func (c *Config) fields() []struct {
	key    string
	value  *string
	exists bool
} {
	return []struct {
		key    string
		value  *string
		exists bool
	}{
		{"agreement", &c.Agreement, true},
		{"database", &c.Database, false},
		{"keyring", &c.Keyring, false},
		{"key_encryption_key", &c.KeyEncryptionKey, false},
		{"tls.certificate", &c.TLS.Certificate, true},
		{"tls.key", &c.TLS.Key, true},
		{"tls.client_authorities", &c.TLS.ClientAuthorities, true},
		{"tls.revocation_lists", &c.TLS.RevocationLists, true},
	}
}

func (c *Config) resolve(dir string) {
	for _, f := range c.fields() {
		if *f.value != "" && !filepath.IsAbs(*f.value) {
			*f.value = filepath.Join(dir, *f.value)
		}
	}
}

func (c *Config) check() (wrong []string) {
	if _, _, err := net.SplitHostPort(c.Listen); err != nil {
		wrong = append(wrong, "listen: must be host:port, such as 0.0.0.0:7443")
	}
	if c.TrustDomain == "" {
		wrong = append(wrong, "trust_domain: is missing; it stands in every client certificate")
	}
	if c.Log != "json" && c.Log != "text" {
		wrong = append(wrong, "log: must be json or text")
	}
	if err := budget.Limits(c.Budgets).Check(); err != nil {
		wrong = append(wrong, "budgets: each must be positive; one that is left out has its default")
	}
	for _, f := range c.fields() {
		if *f.value == "" {
			wrong = append(wrong, f.key+": is missing")
			continue
		}
		if _, err := os.Stat(*f.value); f.exists && err != nil {
			wrong = append(wrong, fmt.Sprintf("%s: cannot be read: %v", f.key, err))
		}
	}
	if c.Keyring != "" && c.Keyring == c.Database {
		wrong = append(wrong, "keyring: must not be the database; a backup of the one must not hold the other")
	}
	return wrong
}
