package daemon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/spiffe/go-spiffe/v2/spiffeid"
	"golang.org/x/sys/unix"

	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/identity"
	"github.com/jisr-exchange/jisr/services/tracing"
)

// longestDrain bounds how long a stop may take: what supervises a process kills it some time.
const longestDrain = 10 * time.Minute

// check holds the settings against each other and against the files they name.
func (c *Config) check(r *reader) {
	if c.Listen != "" && !address(c.Listen) {
		r.mistake("listen", "must be host:port, such as 0.0.0.0:7443")
	}
	if _, err := spiffeid.TrustDomainFromString(c.TrustDomain); c.TrustDomain != "" && err != nil {
		r.mistake("trust_domain", "must be a domain in lower case, such as exchange.example")
	}
	if c.Log != "" && c.Log != "json" && c.Log != "text" {
		r.mistake("log", "must be json or text")
	}
	if c.DrainNotice > longestDrain {
		r.mistake("drain_notice", "must not be longer than %v", longestDrain)
	}
	if c.DrainLimit > longestDrain {
		r.mistake("drain_limit", "must not be longer than %v", longestDrain)
	}
	c.checkMetrics(r)
	for _, s := range settings {
		if path := s.path(c); path != nil {
			r.checkFile(s, *path)
		} else if url := s.url(c); url != "" {
			r.checkServed(s, url)
		}
	}
	r.apart(c)
	c.checkDatabases(r)
}

// checkMetrics keeps the operators' port from agencies and other machines.
func (c *Config) checkMetrics(r *reader) {
	if !c.measures() {
		return
	}
	host, port, err := net.SplitHostPort(c.MetricsListen)
	if err != nil || !address(c.MetricsListen) {
		r.mistake("metrics_listen", "must be host:port, such as %s, or none", metricsListen)
		return
	}
	_, agencies, _ := net.SplitHostPort(c.Listen)
	if port == agencies && port != "0" {
		r.mistake("metrics_listen", "must not be the port that agencies call: choose another")
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) && !c.MetricsBeyondLoopback {
		r.mistake("metrics_listen", "can be reached from other machines, and has neither TLS nor a door: listen on 127.0.0.1, or set metrics_beyond_loopback and keep it from everyone but the monitoring by a firewall")
	}
}

// measures reports whether there is a port for operators.
func (c *Config) measures() bool { return c.MetricsListen != "" && c.MetricsListen != "none" }

func address(text string) bool {
	_, port, err := net.SplitHostPort(text)
	if err != nil {
		return false
	}
	n, err := strconv.ParseUint(port, 10, 16)
	return err == nil && (n > 0 || port == "0")
}

// checkFile asks whether the server's user can use what a setting names.
func (r *reader) checkFile(s setting, path string) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && (s.kind == made || s.kind == own):
		dir := filepath.Dir(path)
		if into, err := os.Stat(dir); err != nil || !into.IsDir() {
			r.mistake(s.key, "its folder %s is not there: make it, and give it to the server's user with mode 0700", dir)
		} else if unix.Access(dir, unix.W_OK|unix.X_OK) != nil {
			r.mistake(s.key, "this user may not write into %s: give the folder to the server's user", dir)
		}
		return
	case errors.Is(err, fs.ErrNotExist):
		r.mistake(s.key, "%s is not there: put the file there or correct the path", path)
		return
	case err != nil:
		r.mistake(s.key, "cannot be read: %v", err)
		return
	case info.IsDir() && s.kind != place:
		r.mistake(s.key, "%s is a folder: name the file in it", path)
		return
	}
	mode := uint32(unix.R_OK)
	if s.kind == made || s.key == "keyring" {
		mode |= unix.W_OK
	}
	if unix.Access(path, mode) != nil {
		r.mistake(s.key, "this user may not use %s: give it to the server's user", path)
	}
	if (s.kind == private || s.kind == own) && info.Mode().Perm()&0o077 != 0 {
		r.mistake(s.key, "%s can be read by others (mode %04o): chmod 600 it", path, info.Mode().Perm())
	}
}

// apart wants every setting to name a file of its own: a backup of the database
// must not hold the keys.
func (r *reader) apart(c *Config) {
	taken := make(map[string]string)
	for _, s := range settings {
		value := s.path(c)
		if value == nil {
			continue
		}
		path := filepath.Clean(*value)
		if real, err := filepath.EvalSymlinks(path); err == nil {
			path = real
		}
		// A certificate and its key may share a file that nobody else may read.
		if other := taken[path]; other != "" && (s.key != "tls.key" || other != "tls.certificate") {
			r.mistake(s.key, "names the same file as %s: each needs its own", other)
		}
		taken[path] = s.key
	}
}

// Check reads the configuration and all that it names, asks the servers of its
// databases, serves nothing and makes nothing. Its error names all that is wrong; it
// is ErrServer where nothing is wrong but with those servers.
func Check(ctx context.Context, path string) error {
	c, err := LoadConfig(path)
	var wrong Mistakes
	if c == nil || err != nil && !errors.As(err, &wrong) {
		return err
	}
	note := func(err error) {
		if err != nil && !errors.Is(err, fs.ErrNotExist) { // what is not there was told with its line
			wrong = append(wrong, err.Error())
		}
	}
	text, err := os.ReadFile(c.Agreement)
	if err == nil {
		_, err = agreement.Parse(text)
	}
	if err != nil {
		note(fmt.Errorf("agreement %s: %w", c.Agreement, err))
	}
	material, _, err := c.identity()
	note(err)
	if material != nil && !time.Now().Before(material.NotAfter()) {
		note(errors.New("tls.certificate: the server's certificate has expired: renew it"))
	}
	_, err = traces()
	note(err)
	unserved := c.review(ctx)
	if len(wrong) == 0 {
		return unserved
	}
	note(unserved)
	return wrong
}

// identity reads what the exchange is known by and knows others by.
func (c *Config) identity() (*identity.Material, *identity.Revocation, error) {
	material, err := identity.LoadMaterial(identity.Files{Certificate: c.TLS.Certificate, Key: c.TLS.Key, ClientCAs: c.TLS.ClientAuthorities})
	if err != nil {
		return nil, nil, fmt.Errorf("tls: %w", err)
	}
	revocation, err := identity.NewRevocation(identity.RevocationOptions{Path: c.TLS.RevocationLists, Authorities: material.Authorities})
	if err != nil {
		return material, nil, fmt.Errorf("tls.revocation_lists: %w", err)
	}
	return material, revocation, nil
}

// traces reads where the environment wants traces to go.
func traces() (tracing.Setting, error) {
	s, err := tracing.ReadEnvironment(os.Getenv)
	if err != nil {
		return s, fmt.Errorf("environment: %w", err)
	}
	return s, nil
}
