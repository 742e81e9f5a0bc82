package daemon

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/jisr-exchange/jisr/services/budget"
	"github.com/jisr-exchange/jisr/services/postgres"
	"github.com/jisr-exchange/jisr/services/store"
)

// setting is one line of the configuration: what it is called, what it is for,
// and where its value goes. Help, the check and the example follow this list.
type setting struct {
	key   string
	about string
	// value points to a string, a bool, an int or a time.Duration of the configuration.
	value func(*Config) any
	// without is what a configuration without it means; such a setting must be there where it is empty.
	without string
	kind    kind
	served  bool          // may be a database of PostgreSQL, named by its URL
	least   time.Duration // a shorter time is a mistake
}

// path is the value of a setting that names a file or folder; nil of any other.
func (s setting) path(c *Config) *string {
	value, ok := s.value(c).(*string)
	if !ok || s.kind == plain || *value == "" || s.served && postgres.IsURL(*value) {
		return nil
	}
	return value
}

// url is the value of a setting that names a database in PostgreSQL; empty of any other.
func (s setting) url(c *Config) string {
	if value, ok := s.value(c).(*string); ok && s.served && postgres.IsURL(*value) {
		return *value
	}
	return ""
}

// kind is what a setting names.
type kind int

const (
	plain   kind = iota
	file         // a file that must be there
	place        // a file or folder that must be there
	made         // a file that is made where it is missing; its folder must be there
	private      // a file as file, that nobody but its owner may read
	own          // a file as made, that nobody but its owner may read
)

// Without a word in the configuration.
const (
	metricsListen = "127.0.0.1:7444"
	drainNotice   = 5 * time.Second
	drainLimit    = 20 * time.Second
)

var settings = []setting{
	{key: "listen", about: "address to serve agencies on, host:port", value: func(c *Config) any { return &c.Listen }},
	{key: "trust_domain", about: "domain in every client certificate's name", value: func(c *Config) any { return &c.TrustDomain }},
	{key: "agreement", about: "file of the data-sharing agreement", value: func(c *Config) any { return &c.Agreement }, kind: file},
	{key: "database", about: "file of the embedded database, made when missing; or postgres:// URL of a database that nodes share", value: func(c *Config) any { return &c.Database }, kind: made, served: true},
	{key: "keyring", about: "file of the data keys, away from the database and its backups, made when missing; or postgres:// URL of a database of their own", value: func(c *Config) any { return &c.Keyring }, kind: own, served: true},
	{key: "key_encryption_key", about: "file of the key that wraps the data keys; made when missing", value: func(c *Config) any { return &c.KeyEncryptionKey }, kind: own},
	{key: "postgres.survives_node_loss", about: "promises that nothing is lost with a database node: commits wait for a standby", value: func(c *Config) any { return &c.Postgres.SurvivesNodeLoss }, without: "false"},
	{key: "postgres.pool", about: "connections of this node to the database, in PostgreSQL; the keyring's are few", value: func(c *Config) any { return &c.Postgres.Pool }, without: strconv.Itoa(store.Connections)},
	{key: "records_in_memory", about: "MiB of records that are kept, sealed, after they were read or written in, and are at hand for whoever reads or writes there again", value: func(c *Config) any { return &c.RecordsInMemory }, without: strconv.Itoa(store.Recent >> 20)},
	{key: "tls.certificate", about: "PEM file of the server's certificate and its chain", value: func(c *Config) any { return &c.TLS.Certificate }, kind: file},
	{key: "tls.key", about: "PEM file of its key", value: func(c *Config) any { return &c.TLS.Key }, kind: private},
	{key: "tls.client_authorities", about: "PEM file of the authorities of client certificates", value: func(c *Config) any { return &c.TLS.ClientAuthorities }, kind: file},
	{key: "tls.revocation_lists", about: "file or folder of their revocation lists", value: func(c *Config) any { return &c.TLS.RevocationLists }, kind: place},
	{key: "budgets.calls_per_second", about: "calls, or what weighs as much, of one agency in a second; more wait, then are refused", value: func(c *Config) any { return &c.Budgets.CallsPerSecond }, without: strconv.Itoa(budget.Default().CallsPerSecond)},
	{key: "budgets.calls_in_flight", about: "calls of one agency that are not answered yet", value: func(c *Config) any { return &c.Budgets.CallsInFlight }, without: strconv.Itoa(budget.Default().CallsInFlight)},
	{key: "budgets.connections", about: "open connections of one agency", value: func(c *Config) any { return &c.Budgets.Connections }, without: strconv.Itoa(budget.Default().Connections)},
	{key: "budgets.call_time", about: "longest that a call may take, streams excepted", value: func(c *Config) any { return &c.Budgets.CallTime }, without: budget.Default().CallTime.String(), least: time.Second},
	{key: "metrics_listen", about: "address of metrics and health for operators, or none", value: func(c *Config) any { return &c.MetricsListen }, without: metricsListen},
	{key: "metrics_beyond_loopback", about: "lets metrics_listen be an address that other machines reach", value: func(c *Config) any { return &c.MetricsBeyondLoopback }, without: "false"},
	{key: "drain_notice", about: "how long health says at a stop that the server is going before calls are refused", value: func(c *Config) any { return &c.DrainNotice }, without: drainNotice.String()},
	{key: "drain_limit", about: "how long calls in flight may then take to end before they are cut", value: func(c *Config) any { return &c.DrainLimit }, without: drainLimit.String()},
	{key: "log", about: "json or text, on standard error", value: func(c *Config) any { return &c.Log }, without: "json"},
	{key: "development", about: "says in WhoAmI that certificates and data are throw-away", value: func(c *Config) any { return &c.Development }, without: "false"},
}

// Help writes what each setting is for.
func Help(w io.Writer) {
	var b strings.Builder
	b.WriteString("Settings of the configuration:\n")
	for _, s := range settings {
		fmt.Fprintf(&b, "  %-25s %s", s.key, s.about)
		if s.without != "" {
			fmt.Fprintf(&b, " (%s when left out)", s.without)
		}
		b.WriteByte('\n')
	}
	// What cannot be written to a terminal has nobody to tell.
	_, _ = io.WriteString(w, b.String())
}
