// Package jisrtest plays the exchange: a real server over real mutual TLS on
// loopback, on a real database, called by agencies with their own certificates.
//
//	x := jisrtest.Start(t)
//	x.As("molsa/shelter").GetVictim(…)
package jisrtest

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"google.golang.org/grpc/status"

	"github.com/jisr-exchange/jisr/services"
	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/agreements"
	"github.com/jisr-exchange/jisr/services/budget"
	"github.com/jisr-exchange/jisr/services/certs"
	"github.com/jisr-exchange/jisr/services/identity"
	"github.com/jisr-exchange/jisr/services/keyring"
	"github.com/jisr-exchange/jisr/services/metrics"
	"github.com/jisr-exchange/jisr/services/postgres"
	"github.com/jisr-exchange/jisr/services/tracing"
)

// Exchange is a running exchange.
type Exchange struct {
	t    testing.TB
	o    options
	law  atomic.Pointer[agreement.Law]
	ca   *certs.Authority
	ring *keyring.Ring
	// marks are under what records lie in the database.
	marks *keyring.Shelfmarks
	// owner reaches the database with all rights.
	owner   string
	looking *pgx.Conn

	revocation *identity.Revocation

	server *services.Server
	addr   string
	served chan error

	mu      sync.Mutex
	clients map[string]*Client
	stopped bool

	// Dir holds the database, the keyring and the certificates.
	Dir string
	// Log is what the server logged.
	Log *Buffer
	// Metrics is what the server measured since it was started.
	Metrics *metrics.Set
	// Fatal is what the server called fatal.
	Fatal atomic.Pointer[error]
	// Drafts and Turns are how many changes were written as they were drafted, and how
	// many had their turn after all; counted only where every one is drafted.
	Drafts, Turns atomic.Int64
}

type options struct {
	clock  func() time.Time
	random io.Reader
	dir    string
	cases  Place
	keys   Place
	files  bool
	law    []byte
	tick   time.Duration
	limits budget.Limits

	tracing *tracing.Tracer
	blind   bool
	drafted bool
}

// Option changes how an exchange is started.
type Option func(*options)

// WithClock sets the server's clock.
func WithClock(now func() time.Time) Option { return func(o *options) { o.clock = now } }

// WithRandom fixes the source of ids and salts; page tokens and sections keep their own.
func WithRandom(r io.Reader) Option { return func(o *options) { o.random = r } }

// WithDir keeps the files in a directory of the test's own choice.
func WithDir(dir string) Option { return func(o *options) { o.dir = dir } }

// WithDatabase keeps the cases in a database of PostgreSQL and not in Dir; several
// exchanges may share it.
func WithDatabase(p Place) Option { return func(o *options) { o.cases = p } }

// WithKeyring keeps the keys in a database of PostgreSQL and not in Dir.
func WithKeyring(p Place) Option { return func(o *options) { o.keys = p } }

// InFiles keeps cases and keys in Dir, also where plays are played on PostgreSQL.
func InFiles() Option { return func(o *options) { o.files = true } }

// WithTick lets the server bring states up to their terms by itself. Without it
// only Tick does, so that plays are in command of time.
func WithTick(every time.Duration) Option { return func(o *options) { o.tick = every } }

// WithBudgets sets what each agency may ask for. Without it plays may ask for
// more in a second than agencies may.
func WithBudgets(l budget.Limits) Option { return func(o *options) { o.limits = l } }

// WithTracing gives the spans of calls to a tracer.
func WithTracing(t *tracing.Tracer) Option { return func(o *options) { o.tracing = t } }

// WithoutMetrics lets the server measure nothing.
func WithoutMetrics() Option { return func(o *options) { o.blind = true } }

// EveryDrafted has, set to anything, every change of every exchange drafted, as those
// are that come together: plays come alone.
const EveryDrafted = "JISR_PLAYS_DRAFTED"

// Drafted has every change drafted.
func Drafted() Option { return func(o *options) { o.drafted = true } }

// WithAgreement starts under another agreement than the shipped one.
func WithAgreement(text []byte) Option { return func(o *options) { o.law = text } }

// Agreement returns the text of the shipped agreement.
func Agreement(t testing.TB) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(Root(), "agreement.txtpb"))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// Root is the project's root.
func Root() string {
	_, here, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(here), "..", "..")
}

// Start starts an exchange that ends with the test.
func Start(t testing.TB, opts ...Option) *Exchange {
	t.Helper()
	o := options{clock: time.Now, random: rand.Reader, tick: time.Hour, limits: budget.Default(), drafted: os.Getenv(EveryDrafted) != ""}
	o.limits.CallsPerSecond = 100_000
	for _, opt := range opts {
		opt(&o)
	}
	if o.dir == "" {
		o.dir = t.TempDir()
	}
	if Served() && !o.files && o.cases == (Place{}) {
		o.cases = CaseDatabase(t)
	}
	if Served() && !o.files && o.keys == (Place{}) {
		o.keys = KeyDatabase(t)
	}
	if o.law == nil {
		o.law = Agreement(t)
	}
	x := &Exchange{t: t, o: o, Dir: o.dir, Log: &Buffer{}, clients: make(map[string]*Client)}
	law, err := agreement.Parse(o.law)
	if err != nil {
		t.Fatal(err)
	}
	x.law.Store(law)
	if x.owner = o.cases.Owner; x.owner == "" {
		x.owner = x.Database()
	}
	if x.ca, err = certs.Create(filepath.Join(o.dir, "certs"), certs.Options{Now: o.clock}); err != nil {
		t.Fatal(err)
	}
	x.serve()
	t.Cleanup(func() { x.Stop() })
	return x
}

// Node starts a second node over the databases of an exchange in PostgreSQL, under
// the agreement that this one was started with.
func (x *Exchange) Node() *Exchange {
	x.t.Helper()
	if x.o.cases == (Place{}) || x.o.keys == (Place{}) {
		x.t.Fatal("nodes share databases in PostgreSQL")
	}
	n := &Exchange{t: x.t, o: x.o, Dir: x.Dir, Log: &Buffer{}, clients: make(map[string]*Client), ca: x.ca, owner: x.owner}
	law, err := agreement.Parse(x.o.law)
	x.must(err)
	n.law.Store(law)
	n.serve()
	n.t.Cleanup(func() { n.Stop() })
	return n
}

// OpenKeyring opens the exchange's keyring: its own, and another node's where it lies in PostgreSQL.
func (x *Exchange) OpenKeyring() *keyring.Ring {
	x.t.Helper()
	kek, err := keyring.OpenFileKEK(filepath.Join(x.Dir, "kek"))
	x.must(err)
	place := x.o.keys.Serving
	if place == "" {
		place = filepath.Join(x.Dir, "keyring.db")
	}
	ring, err := keyring.Open(place, kek, keyring.Forgetful)
	x.must(err)
	return ring
}

// serve opens the files and serves on a port of loopback.
func (x *Exchange) serve() {
	x.t.Helper()
	dir := filepath.Join(x.Dir, "certs")
	material, err := identity.LoadMaterial(identity.Files{
		Certificate: filepath.Join(dir, certs.ServerFile), Key: filepath.Join(dir, certs.ServerKeyFile), ClientCAs: filepath.Join(dir, certs.CAFile),
	})
	x.must(err)
	x.revocation, err = identity.NewRevocation(identity.RevocationOptions{Path: filepath.Join(dir, certs.ListFile), Authorities: material.Authorities, Now: x.o.clock})
	x.must(err)
	x.ring = x.OpenKeyring()
	x.marks = x.ring.Shelfmarks()
	if x.Metrics = metrics.New("test"); x.o.blind {
		x.Metrics = nil
	}
	var drafts func(bool)
	if x.o.drafted {
		drafts = x.draft
	}
	x.server, err = services.New(context.Background(), services.Options{
		Database: x.Database(), Postgres: postgres.Options{Forgetful: true}, Keyring: x.ring, Law: x.law.Load, Use: x.law.Store, Material: material, Revocation: x.revocation,
		TrustDomain: certs.DefaultTrustDomain, Clock: x.o.clock, Random: x.o.random,
		Log:   slog.New(slog.NewJSONHandler(x.Log, nil)),
		Fatal: func(err error) { x.Fatal.Store(&err) },
		Tick:  x.o.tick, Budgets: x.o.limits, Metrics: x.Metrics, Tracing: x.o.tracing,
		About: agreements.Server{Version: "test", Development: true}, Drafts: drafts,
	})
	x.must(err)
	x.must(x.server.Resume(context.Background(), x.law.Load(), x.law.Store))
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	x.must(err)
	x.addr = listener.Addr().String()
	x.served = make(chan error, 1)
	server, served := x.server, x.served
	go func() { served <- server.Serve(listener) }()
	x.stopped = false
}

func (x *Exchange) draft(drafted bool) {
	if drafted {
		x.Drafts.Add(1)
	} else {
		x.Turns.Add(1)
	}
}

// Addr is the address that agencies call.
func (x *Exchange) Addr() string { return x.addr }

// Publish publishes a revocation list that is good for so long, and lets the exchange read it.
func (x *Exchange) Publish(validity time.Duration) {
	x.t.Helper()
	x.must(x.ca.PublishFor(filepath.Join(x.Dir, "certs"), validity))
	x.must(x.revocation.Refresh(context.Background()))
}

// Database is the path or the URL of the case database.
func (x *Exchange) Database() string {
	if x.o.cases.Serving != "" {
		return x.o.cases.Serving
	}
	return filepath.Join(x.Dir, "jisr.db")
}

// Keyring holds its keys.
func (x *Exchange) Keyring() *keyring.Ring { return x.ring }

// Law is the agreement in force.
func (x *Exchange) Law() *agreement.Law { return x.law.Load() }

// Adopt puts another agreement in force, as a reload does.
func (x *Exchange) Adopt(text []byte) {
	x.t.Helper()
	law, err := agreement.Parse(text)
	x.must(err)
	x.must(x.server.Adopt(context.Background(), law, x.law.Store))
}

// Tick brings states up to their terms, as the server does by itself now and then.
func (x *Exchange) Tick() {
	x.t.Helper()
	x.must(x.server.Expire(context.Background()))
}

// Health tells of each part of the server, and of the whole, whether it is well.
func (x *Exchange) Health() map[string]bool { return x.server.Health() }

// Stop drains and ends the exchange; the files stay.
func (x *Exchange) Stop() {
	x.t.Helper()
	if x.stopped {
		return
	}
	x.stopped = true
	x.mu.Lock()
	for _, c := range x.clients {
		c.close()
	}
	clear(x.clients)
	x.mu.Unlock()
	if err := x.server.Stop(5 * time.Second); err != nil && x.Fatal.Load() == nil {
		x.t.Errorf("stop: %v", err)
	}
	if err := <-x.served; err != nil {
		x.t.Errorf("serve: %v", err)
	}
	if err := x.ring.Close(); err != nil {
		x.t.Errorf("close the keyring: %v", err)
	}
}

// Restart stops the exchange and serves the same files again.
func (x *Exchange) Restart() {
	x.t.Helper()
	x.Stop()
	x.serve()
}

// Address is where it listens.
func (x *Exchange) Address() string { return x.addr }

// Authority issues its certificates; those of clients that tests ask for lie in Dir/certs.
func (x *Exchange) Authority() *certs.Authority { return x.ca }

// TLS is that of an agency's system, to change and to connect with.
func (x *Exchange) TLS(agency, system string) *tls.Config { return x.tlsFor(agency, system) }

// tlsFor returns the TLS of an agency's system, whose certificate is made on first use.
func (x *Exchange) tlsFor(agency, system string) *tls.Config {
	x.t.Helper()
	dir := filepath.Join(x.Dir, "certs")
	if file, _ := certs.ClientFiles(dir, agency, system); !exists(file) {
		_, err := x.ca.WriteClient(dir, agency, system)
		x.must(err)
	}
	config, err := certs.ClientTLS(dir, agency, system)
	x.must(err)
	config.Time = x.o.clock
	return config
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func (x *Exchange) must(err error) {
	x.t.Helper()
	if err != nil {
		x.t.Fatal(err, status.Convert(err).Details())
	}
}

// Buffer is a log that can be read while it is written.
type Buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write appends.
func (b *Buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

// String returns what was written so far.
func (b *Buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Clone(b.b.String())
}
