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

	"golang.org/x/sys/unix"
	"google.golang.org/grpc/status"

	"github.com/jisr-exchange/jisr/services"
	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/agreements"
	"github.com/jisr-exchange/jisr/services/budget"
	"github.com/jisr-exchange/jisr/services/identity"
	"github.com/jisr-exchange/jisr/services/keyring"
	"github.com/jisr-exchange/jisr/services/logline"
	"github.com/jisr-exchange/jisr/services/metrics"
	"github.com/jisr-exchange/jisr/services/store"
	"github.com/jisr-exchange/jisr/services/tracing"
)

const (
	// refreshEvery is how often certificates and revocation lists are read
	// again: well within the sixty seconds that a revocation may take.
	refreshEvery = 10 * time.Second
	// tick is how often states follow their terms and parts are asked how they are.
	tick = 10 * time.Second
	// parting bounds how long the last traces may take to leave at a stop.
	parting = 5 * time.Second
)

// Daemon is an exchange that was checked and opened, and serves when told to.
type Daemon struct {
	config   *Config
	log      *slog.Logger
	law      atomic.Pointer[agreement.Law]
	placed   atomic.Pointer[placed] // the agreement's file that was last acted on
	ring     *keyring.Ring
	server   *services.Server
	listener net.Listener
	ops      *operations
	metrics  *metrics.Set
	tracing  *tracing.Tracer
	refresh  []func(context.Context) error
	fatal    chan error
	lost     atomic.Bool // the collector does not take traces
	spare    []byte      // held, and nothing else
}

// placed is an agreement's file as somebody put it in its place.
type placed struct {
	hash string
	at   time.Time
}

// ErrMisconfigured marks what only another configuration, agreement, certificate or environment mends.
var ErrMisconfigured = errors.New("what the configuration names cannot be served")

// Open checks and opens everything and binds the port; it serves nothing yet.
func Open(ctx context.Context, c *Config, version string, log *slog.Logger) (_ *Daemon, err error) {
	d := &Daemon{config: c, log: log, metrics: metrics.New(version), fatal: make(chan error, 1)}
	when := d.lawPlaced()
	law, unlawful := d.readLaw(ctx)
	material, revocation, unknown := c.identity()
	collector, unsaid := traces()
	if err := errors.Join(unlawful, unknown, unsaid); err != nil {
		return nil, fmt.Errorf("%w:\n%w", ErrMisconfigured, err)
	}
	if err := c.review(ctx); err != nil {
		return nil, err
	}
	d.law.Store(law)
	// Material first: lists are held against its authorities.
	d.refresh = []func(context.Context) error{d.counted("certificate", material.Refresh), d.counted("revocation", revocation.Refresh)}
	kek, err := keyring.OpenFileKEK(c.KeyEncryptionKey)
	if err != nil {
		return nil, err
	}
	if d.ring, err = keyring.Open(c.Keyring, kek, c.keyDemands()...); err != nil {
		return nil, err
	}
	if d.tracing, err = tracing.Open(ctx, collector, version, d.reportTraces); err != nil {
		return nil, errors.Join(err, d.ring.Close())
	}
	d.server, err = services.New(ctx, services.Options{
		Database: c.Database, Postgres: c.demands(), Keyring: d.ring, Law: d.law.Load, Use: d.law.Store, Material: material, Revocation: revocation,
		TrustDomain: c.TrustDomain, Clock: time.Now, Random: rand.Reader, Log: log,
		Fatal: d.fail, Recent: c.RecordsInMemory << 20,
		Tick: tick, Budgets: budget.Limits(c.Budgets), Metrics: d.metrics, Tracing: d.tracing,
		About: agreements.Server{Version: version, Development: c.Development},
	})
	if err != nil {
		return nil, errors.Join(err, d.tracing.Close(ctx), d.ring.Close())
	}
	if err := d.server.Resume(ctx, law, d.law.Store); err != nil {
		return nil, errors.Join(fmt.Errorf("agreement: %w", err), d.close())
	}
	d.placed.Store(&placed{law.Hash(), when})
	if now := d.law.Load(); now.Hash() != law.Hash() {
		log.LogAttrs(ctx, slog.LevelWarn, "another agreement than the file's is in force, since the exchange has replaced that of the file: put the file right", logline.Agreement(now.Hash()))
	}
	if d.listener, err = bind(ctx, "listen", c.Listen); err != nil {
		return nil, errors.Join(err, d.close())
	}
	if c.measures() {
		listener, err := bind(ctx, "metrics_listen", c.MetricsListen)
		if err != nil {
			return nil, errors.Join(err, d.listener.Close(), d.close())
		}
		d.ops = newOperations(listener, d.metrics.Handler(), d.server.Health)
	}
	d.spare = settle()
	return d, nil
}

// bind binds the port of a setting.
func bind(ctx context.Context, setting, at string) (net.Listener, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", at)
	if errors.Is(err, unix.EADDRINUSE) {
		return nil, fmt.Errorf("%s: %s is in use: stop what listens there, or choose another port: %w", setting, at, err)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", setting, err)
	}
	return l, nil
}

// readLaw reads the agreement's file. One that does not validate is refused, and
// the last good one, which the database names, stays in force.
func (d *Daemon) readLaw(ctx context.Context) (*agreement.Law, error) {
	text, err := os.ReadFile(d.config.Agreement)
	if err != nil {
		return nil, fmt.Errorf("agreement: %w", err)
	}
	law, mistakes := agreement.Parse(text)
	if mistakes == nil {
		return law, nil
	}
	last, err := store.InForce(ctx, d.config.Database, d.config.demands())
	if err != nil || last == nil {
		return nil, fmt.Errorf("agreement %s: %w", d.config.Agreement, mistakes)
	}
	law, err = agreement.Parse(last)
	if err != nil {
		return nil, fmt.Errorf("agreement %s: %w", d.config.Agreement, mistakes)
	}
	d.log.LogAttrs(context.Background(), slog.LevelError, "the agreement's file does not validate; the last good agreement stays in force",
		logline.Agreement(law.Hash()), logline.Amiss(mistakes))
	return law, nil
}

// Reload reads certificates, revocation lists and the agreement again, at once.
// What is amiss in one does not keep the others from taking effect.
func (d *Daemon) Reload(ctx context.Context) error {
	var errs []error
	for _, refresh := range d.refresh {
		errs = append(errs, refresh(ctx))
	}
	return errors.Join(append(errs, d.reloadLaw(ctx))...)
}

// lawPlaced is when the agreement's file was put in its place.
func (d *Daemon) lawPlaced() time.Time {
	info, err := os.Stat(d.config.Agreement)
	if err != nil {
		return time.Time{} // reading it fails too
	}
	return info.ModTime()
}

// reloadLaw reads the agreement's file again and puts it in force, if somebody has
// put it there since: a node may have taken up what another one adopted, and a
// reload for the sake of a certificate must not undo that.
func (d *Daemon) reloadLaw(ctx context.Context) error {
	when := d.lawPlaced()
	law, err := d.readLaw(ctx)
	if err != nil {
		return err
	}
	now := placed{law.Hash(), when}
	if last := *d.placed.Load(); now.hash == last.hash && now.at.Equal(last.at) {
		return nil
	}
	// What is in force is the database's to say, where this node may not have heard.
	if err := d.server.Adopt(ctx, law, d.law.Store); err != nil {
		return err
	}
	d.placed.Store(&now)
	d.log.LogAttrs(ctx, slog.LevelInfo, "agreement in force", logline.Agreement(law.Hash()))
	return nil
}

// Law is the agreement in force.
func (d *Daemon) Law() *agreement.Law { return d.law.Load() }

// Addr is the address that the exchange is bound to.
func (d *Daemon) Addr() string { return d.listener.Addr().String() }

// Operations is the address of metrics and health; empty where they are told nowhere.
func (d *Daemon) Operations() string {
	if d.ops == nil {
		return ""
	}
	return d.ops.listener.Addr().String()
}

// Run serves until ctx ends, then drains. It returns an error when the disk
// refused to keep what it took: what follows cannot be trusted, and recovery is
// a restart.
func (d *Daemon) Run(ctx context.Context) error {
	// Revocations are heard of until the last call has ended, which is later than ctx.
	fresh, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	watching := make(chan error, 1)
	go func() {
		watching <- identity.Watch(fresh, refreshEvery, d.reportRefresh, d.refresh...)
	}()
	served := make(chan error, 1)
	go func() { served <- d.server.Serve(d.listener) }()
	attrs := []slog.Attr{logline.Address(d.Addr()), logline.Agreement(d.law.Load().Hash())}
	if d.ops != nil {
		go func() {
			if err := d.ops.serve(); err != nil {
				d.log.LogAttrs(ctx, slog.LevelError, "metrics and health are told no more; agencies are served all the same", logline.TypeOf(err))
			}
		}()
		attrs = append(attrs, logline.Operations(d.Operations()))
	}
	if d.config.unkept() {
		d.log.LogAttrs(ctx, slog.LevelWarn, "what is answered may be lost with its server, and a server that was left for another may go on answering: set postgres.survives_node_loss where that matters")
	}
	d.log.LogAttrs(ctx, slog.LevelInfo, "serving", attrs...)
	var err error
	select {
	case <-ctx.Done():
		err = d.notice()
	case err = <-served:
	case err = <-d.fatal:
		return d.broken(err)
	}
	if errors.Is(err, errBroken) {
		return err
	}
	err = errors.Join(err, d.close())
	cancel()
	err = errors.Join(err, <-watching)
	select {
	case broken := <-d.fatal: // while draining: what is still unanswered stays uncertain, and the exit code says so
		err = errors.Join(err, fmt.Errorf("store: %w", broken))
	default:
	}
	d.log.LogAttrs(context.Background(), slog.LevelInfo, "stopped")
	return err
}

// fail lets the process end of the first error that it must end of.
func (d *Daemon) fail(err error) {
	select {
	case d.fatal <- err:
	default: // it is ending
	}
}

// errBroken says that the disk refused to keep what it took.
var errBroken = errors.New("store")

func (d *Daemon) broken(err error) error {
	// The file may hold anything now: nothing is drained, nothing is written.
	d.log.LogAttrs(context.Background(), slog.LevelError, "the disk refused to keep what it took; ending, recovery is a restart")
	return fmt.Errorf("%w: %w", errBroken, err)
}

// notice lets health say that the server is going, for as long as whoever sends
// calls here may need to hear of it. Calls are answered all the while.
func (d *Daemon) notice() error {
	d.server.Leave()
	d.log.LogAttrs(context.Background(), slog.LevelInfo, "stopping; a second signal ends at once")
	wait := time.NewTimer(d.config.DrainNotice)
	defer wait.Stop()
	select {
	case <-wait.C:
		return nil
	case err := <-d.fatal:
		return d.broken(err)
	}
}

// counted counts the refreshes of a material that failed.
func (d *Daemon) counted(material string, refresh func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error {
		err := refresh(ctx)
		if err != nil && ctx.Err() == nil {
			d.metrics.RefreshFailed(material)
		}
		return err
	}
}

// reportTraces is told of each batch of traces; the log hears when that changes.
func (d *Daemon) reportTraces(err error) {
	if err != nil {
		d.metrics.ExportFailed()
	}
	if was := d.lost.Swap(err != nil); was == (err != nil) {
		return
	}
	if err != nil {
		d.log.LogAttrs(context.Background(), slog.LevelWarn, "traces are lost: the collector does not take them", logline.Code(status.Code(err)))
		return
	}
	d.log.LogAttrs(context.Background(), slog.LevelInfo, "the collector takes traces again")
}

func (d *Daemon) reportRefresh(err error) {
	if err != nil {
		d.log.LogAttrs(context.Background(), slog.LevelError, "certificates or revocation lists cannot be refreshed; the last good ones hold until they run out", logline.Amiss(err))
		return
	}
	d.log.LogAttrs(context.Background(), slog.LevelInfo, "certificates and revocation lists are fresh again")
}

func (d *Daemon) close() error {
	limit := d.config.DrainLimit
	if limit == 0 {
		limit = drainLimit
	}
	err := d.server.Stop(limit)
	// Metrics go last: a drain that takes long should be seen to.
	if d.ops != nil {
		err = errors.Join(err, d.ops.close())
	}
	ctx, cancel := context.WithTimeout(context.Background(), parting)
	defer cancel()
	if d.tracing.Close(ctx) != nil {
		d.metrics.ExportFailed() // lost with the collector, which is no reason to end badly
	}
	return errors.Join(err, d.ring.Close())
}
