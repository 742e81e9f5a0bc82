// Package daemon takes an exchange from a configuration file to serving: it
// checks everything it is told before it opens a port, and says all that is
// wrong at once.
package daemon

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/spiffe/go-spiffe/v2/spiffeid"
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
	// Log is `json` or `text`, on standard error.
	Log string `yaml:"log"`
	// Development says in WhoAmI that certificates and data are throw-away.
	Development bool `yaml:"development"`

	path   string          // the file it was read from
	lines  map[string]int  // where each setting stands
	unread map[string]bool // settings that stand there and are no value for it
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

// LoadConfig reads a configuration file and checks all of it. Its error names
// every mistake, each with the line it stands in.
func LoadConfig(path string) (*Config, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	c := &Config{Log: "json", path: path}
	wrong, readable := c.read(text)
	if !readable {
		return nil, wrong
	}
	c.resolve(filepath.Dir(path))
	if wrong = append(wrong, c.check()...); len(wrong) > 0 {
		slices.SortStableFunc(wrong, func(a, b mistake) int { return a.line - b.line })
		return nil, wrong
	}
	return c, nil
}

// file is a setting that names a file.
type file struct {
	key    string
	value  *string
	exists bool // it is not made when missing
}

func (c *Config) files() []file {
	return []file{
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
	for _, f := range c.files() {
		if *f.value != "" && !filepath.IsAbs(*f.value) {
			*f.value = filepath.Join(dir, *f.value)
		}
	}
}

// check says what is wrong with the settings that could be read; one that could
// not has been named already.
func (c *Config) check() (wrong mistakes) {
	amiss := func(key, text string) { wrong = append(wrong, c.mistake(key, text)) }
	if !c.unread["listen"] {
		if _, port, err := net.SplitHostPort(c.Listen); err != nil {
			amiss("listen", "must be host:port, such as 0.0.0.0:7443")
		} else if _, err := strconv.ParseUint(port, 10, 16); err != nil {
			amiss("listen", "must end in a port from 0 to 65535")
		}
	}
	if c.unread["trust_domain"] {
		// named already
	} else if c.TrustDomain == "" {
		amiss("trust_domain", "is missing; it stands in every client certificate")
	} else if _, err := spiffeid.TrustDomainFromString(c.TrustDomain); err != nil {
		amiss("trust_domain", "may hold only lower-case letters, digits, dots, dashes and underscores")
	}
	if c.Log != "json" && c.Log != "text" && !c.unread["log"] {
		amiss("log", "must be json or text")
	}
	for _, f := range c.files() {
		switch {
		case c.unread[f.key]:
		case *f.value == "":
			amiss(f.key, "is missing")
		case f.exists:
			if _, err := os.Stat(*f.value); err != nil {
				amiss(f.key, fmt.Sprintf("cannot be read: %v", err))
			}
		}
	}
	if c.Keyring != "" && c.Keyring == c.Database {
		amiss("keyring", "must not be the database; a backup of the one must not hold the other")
	}
	return wrong
}
