package daemon

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync/atomic"
	"time"

	"github.com/jisr-exchange/jisr/services"
	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/agreements"
	"github.com/jisr-exchange/jisr/services/budget"
	"github.com/jisr-exchange/jisr/services/identity"
	"github.com/jisr-exchange/jisr/services/keyring"
	"github.com/jisr-exchange/jisr/services/store"
)

const (
	// refreshEvery is how often certificates and revocation lists are read
	// again: well within the sixty seconds that a revocation may take.
	refreshEvery = 10 * time.Second
	// drain bounds how long calls in flight may take to end at a stop.
	drain = 20 * time.Second
)

// Daemon is an exchange that was checked and opened, and serves when told to.
type Daemon struct {
	config   *Config
	log      *slog.Logger
	law      atomic.Pointer[agreement.Law]
	ring     *keyring.Ring
	server   *services.Server
	listener net.Listener
	refresh  []func(context.Context) error
	fatal    chan error
}

// Open checks and opens everything and binds the port; it serves nothing yet.
func Open(ctx context.Context, c *Config, version string, log *slog.Logger) (_ *Daemon, err error) {
	d := &Daemon{config: c, log: log, fatal: make(chan error, 1)}
	law, err := d.readLaw()
	if err != nil {
		return nil, err
	}
	d.law.Store(law)
	material, err := identity.LoadMaterial(identity.Files{Certificate: c.TLS.Certificate, Key: c.TLS.Key, ClientCAs: c.TLS.ClientAuthorities})
	if err != nil {
		return nil, err
	}
	revocation, err := identity.NewRevocation(identity.RevocationOptions{Path: c.TLS.RevocationLists, Authorities: material.Authorities})
	if err != nil {
		return nil, err
	}
	d.refresh = []func(context.Context) error{material.Refresh, revocation.Refresh}
	kek, err := keyring.OpenFileKEK(c.KeyEncryptionKey)
	if err != nil {
		return nil, err
	}
	if d.ring, err = keyring.Open(c.Keyring, kek); err != nil {
		return nil, err
	}
	d.server, err = services.New(ctx, services.Options{
		Database: c.Database, Keyring: d.ring, Law: d.law.Load, Material: material, Revocation: revocation,
		TrustDomain: c.TrustDomain, Clock: time.Now, Random: rand.Reader, Log: log,
		Fatal: func(err error) { d.fatal <- err },
		Tick:  10 * time.Second, Budgets: budget.Limits(c.Budgets),
		About: agreements.Server{Version: version, Development: c.Development},
	})
	if err != nil {
		return nil, errors.Join(err, d.ring.Close())
	}
	if err := d.server.Adopt(ctx, law); err != nil {
		return nil, errors.Join(fmt.Errorf("agreement: %w", err), d.close())
	}
	if d.listener, err = (&net.ListenConfig{}).Listen(ctx, "tcp", c.Listen); err != nil {
		return nil, errors.Join(err, d.close())
	}
	return d, nil
}

// readLaw reads the agreement's file. One that does not validate is refused, and
// the last good one, which the database names, stays in force.
func (d *Daemon) readLaw() (*agreement.Law, error) {
	text, err := os.ReadFile(d.config.Agreement)
	if err != nil {
		return nil, fmt.Errorf("agreement: %w", err)
	}
	law, mistakes := agreement.Parse(text)
	if mistakes == nil {
		return law, nil
	}
	last, err := store.InForce(d.config.Database)
	if err != nil || last == nil {
		return nil, fmt.Errorf("agreement %s: %w", d.config.Agreement, mistakes)
	}
	law, err = agreement.Parse(last)
	if err != nil {
		return nil, fmt.Errorf("agreement %s: %w", d.config.Agreement, mistakes)
	}
	d.log.Error("the agreement's file does not validate; the last good agreement stays in force",
		slog.String("in_force", law.Hash()), slog.Any("mistakes", mistakes))
	return law, nil
}

// Reload reads the agreement's file again and puts it in force.
func (d *Daemon) Reload(ctx context.Context) error {
	law, err := d.readLaw()
	if err != nil {
		return err
	}
	if law.Hash() == d.law.Load().Hash() {
		return nil
	}
	if err := d.server.Adopt(ctx, law); err != nil {
		return err
	}
	d.law.Store(law)
	d.log.Info("agreement in force", slog.String("agreement", law.Hash()))
	return nil
}

// Addr is the address that the exchange is bound to.
func (d *Daemon) Addr() string { return d.listener.Addr().String() }

// Run serves until ctx ends, then drains. It returns an error when the disk
// refused to keep what it took: what follows cannot be trusted, and recovery is
// a restart.
func (d *Daemon) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	watching := make(chan error, 1)
	go func() {
		watching <- identity.Watch(ctx, refreshEvery, d.reportRefresh, d.refresh...)
	}()
	served := make(chan error, 1)
	go func() { served <- d.server.Serve(d.listener) }()
	d.log.Info("serving", slog.String("address", d.Addr()), slog.String("agreement", d.law.Load().Hash()))
	var err error
	select {
	case <-ctx.Done():
	case err = <-served:
	case err = <-d.fatal:
		// The file may hold anything now: nothing is drained, nothing is written.
		d.log.Error("the disk refused to keep what it took; ending, recovery is a restart")
		return fmt.Errorf("store: %w", err)
	}
	cancel()
	err = errors.Join(err, d.close(), <-watching)
	select {
	case broken := <-d.fatal: // while draining: what is still unanswered stays uncertain, and the exit code says so
		err = errors.Join(err, fmt.Errorf("store: %w", broken))
	default:
	}
	d.log.Info("stopped")
	return err
}

func (d *Daemon) reportRefresh(err error) {
	if err != nil {
		d.log.Error("certificates or revocation lists cannot be refreshed; the last good ones hold until they run out", slog.String("error", err.Error()))
		return
	}
	d.log.Info("certificates and revocation lists are fresh again")
}

func (d *Daemon) close() error {
	return errors.Join(d.server.Stop(drain), d.ring.Close())
}
