// Package services puts the exchange together: the chain around every rpc, the
// three gates in it, and the services behind them.
package services

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"time"

	"buf.build/go/protovalidate"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/reflection"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/agencies"
	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/agreements"
	"github.com/jisr-exchange/jisr/services/budget"
	"github.com/jisr-exchange/jisr/services/cases"
	"github.com/jisr-exchange/jisr/services/consents"
	"github.com/jisr-exchange/jisr/services/disclosure"
	"github.com/jisr-exchange/jisr/services/identity"
	"github.com/jisr-exchange/jisr/services/keyring"
	"github.com/jisr-exchange/jisr/services/logentries"
	"github.com/jisr-exchange/jisr/services/metrics"
	"github.com/jisr-exchange/jisr/services/notifications"
	"github.com/jisr-exchange/jisr/services/orders"
	"github.com/jisr-exchange/jisr/services/postgres"
	"github.com/jisr-exchange/jisr/services/referrals"
	"github.com/jisr-exchange/jisr/services/store"
	"github.com/jisr-exchange/jisr/services/tracing"
)

// Limits of the transport, each with its because in docs/threats.md: 4 MiB of
// wire became 158 MiB of heap with grpc-go's defaults.
const (
	maxRequest    = 256 << 10
	maxStreams    = 64
	maxHeaders    = 16 << 10
	connectionAge = 10 * time.Minute
	ageGrace      = 30 * time.Second
	pingAfter     = 30 * time.Second
	pingTimeout   = 10 * time.Second
	pingAtMost    = 20 * time.Second
	// A call keeps its worker while it waits for the log, and one that finds none
	// grows a stack of its own, which was a tenth of its cost: as many as an agency
	// may have in flight where nothing else is said.
	workers = 128
	// window is what a client may send ahead on a stream, and on a connection,
	// before it is read. Without it grpc-go lets a fast sender have 16 MiB.
	window = 64 << 10
)

// Options are what a server is made of; all are required but Recent, Budgets, Metrics, Tracing and Drafts.
type Options struct {
	// Database is the path of the embedded store's file, or the postgres:// URL of
	// the database that several nodes share.
	Database string
	// Postgres is what is demanded of a PostgreSQL server beyond what always is.
	Postgres postgres.Options
	// Recent bounds the records that are kept in memory after they were read, in bytes; the store's default when 0.
	Recent int
	// Keyring holds the data keys.
	Keyring *keyring.Ring
	// Law returns the agreement in force.
	Law func() *agreement.Law
	// Use makes Law return what another node has adopted; needed where several share
	// the database.
	Use func(*agreement.Law)
	// Material is the server's certificate and the client authorities.
	Material *identity.Material
	// Revocation knows which certificates were revoked.
	Revocation *identity.Revocation
	// TrustDomain stands in every client certificate's name.
	TrustDomain string
	// Clock tells the time.
	Clock func() time.Time
	// Random is the source of ids and salts.
	Random io.Reader
	// Log takes what operators must know: typed ids, never a payload.
	Log *slog.Logger
	// Fatal is called when the disk refused to keep what it took; the process must end.
	Fatal func(error)
	// Tick is how often states are brought up to their terms and the parts are
	// asked how they are; it must be positive.
	Tick time.Duration
	// Budgets bound what one agency may ask for; the default where nothing is set.
	Budgets budget.Limits
	// Metrics takes what is measured; nothing is when nil.
	Metrics *metrics.Set
	// Tracing makes the spans of calls; none when nil.
	Tracing *tracing.Tracer
	// About is what WhoAmI tells of the server.
	About agreements.Server
	// Drafts is the store's; for tests alone.
	Drafts func(drafted bool)
}

// Server is the exchange.
type Server struct {
	opts       Options
	store      *store.Store
	door       *identity.Door
	gate       *disclosure.Gate
	grpc       *grpc.Server
	health     *pulse
	budgets    *budget.Book
	strays     *strays
	handshakes *handshakes
	stop       context.CancelFunc
	probing    chan struct{}
	ticking    chan struct{}
	following  chan struct{}
}

// New opens the store and builds the server. It refuses to start on a reply that
// the page gate does not handle.
func New(ctx context.Context, o Options) (*Server, error) {
	if o.Keyring == nil || o.Law == nil || o.Clock == nil || o.Random == nil || o.Log == nil || o.Fatal == nil {
		return nil, errors.New("services: refusing to serve without keyring, law, clock, randomness, log and a fatal handler")
	}
	if postgres.IsURL(o.Database) && o.Use == nil {
		return nil, errors.New("services: refusing to share a database without a way to take up what another node adopts")
	}
	if o.Tick <= 0 {
		return nil, errors.New("services: refusing to serve without a tick: terms would pass and no state would say so")
	}
	if o.Budgets == (budget.Limits{}) {
		o.Budgets = budget.Default()
	}
	page, err := disclosure.NewPage(o.Keyring)
	if err != nil {
		return nil, err
	}
	door, err := identity.NewDoor(identity.Options{Law: o.Law, Revocation: o.Revocation, TrustDomain: o.TrustDomain, Now: o.Clock})
	if err != nil {
		return nil, err
	}
	shelf, err := store.Open(ctx, o.Database, store.Options{
		Page: page, Keyring: o.Keyring, Law: o.Law, Clock: o.Clock, Random: o.Random, Log: o.Log, Fatal: o.Fatal,
		Meter: meter(o.Metrics), Recent: o.Recent, Server: o.Postgres, Drafts: o.Drafts,
	})
	if err != nil {
		return nil, err
	}
	s := &Server{opts: o, store: shelf, door: door, handshakes: newHandshakes(o.Log), probing: make(chan struct{}), ticking: make(chan struct{}), following: make(chan struct{})}
	s.health = newPulse(o.Log, s.parts()...)
	if err := s.build(page); err != nil {
		return nil, errors.Join(err, shelf.Close())
	}
	o.Metrics.Watch(s.readings())
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	s.stop = stop
	go func() {
		defer close(s.probing)
		s.health.run(background, o.Tick)
	}()
	go func() {
		defer close(s.ticking)
		s.timers(background)
	}()
	go func() {
		defer close(s.following)
		if o.Use != nil {
			shelf.Follow(background, o.Use)
		}
	}()
	return s, nil
}

func (s *Server) build(page *disclosure.Page) (err error) {
	if s.gate, err = disclosure.NewGate(page, accounts{s.store, s.opts.Metrics, s.opts.Tracing}, s.store, s.door.Recheck, s.opts.Clock); err != nil {
		return err
	}
	config, err := identity.TLSConfig(s.opts.Material, s.door)
	if err != nil {
		return err
	}
	// The one of the process: each holds megabytes of compiled rules, and a register
	// that is imported in this process is held to the same.
	validator := protovalidate.GlobalValidator
	if err := validator.Validate(&jisrv1.WhoAmIRequest{}); err != nil {
		return err // the rules cannot be compiled
	}
	if s.budgets, err = budget.NewBook(s.opts.Budgets, s.inAgreement, s.reportCut); err != nil {
		return err
	}
	s.strays = newStrays(s.store, s.opts.Law, s.door, s.opts.Metrics)
	s.grpc = grpc.NewServer(append(s.chain(newNamed(validator)),
		grpc.Creds(s.budgets.Credentials(identity.ReportRefusals(credentials.NewTLS(config), s.reportHandshake), s.whose)),
		grpc.InTapHandle(s.tap),
		grpc.ForceServerCodecV2(newCodec()),
		grpc.RPCDecompressor(plainOnly{}), //nolint:staticcheck // the newer way is a registry of the whole process
		grpc.StaticStreamWindowSize(window),
		grpc.StaticConnWindowSize(window),
		grpc.MaxRecvMsgSize(maxRequest),
		grpc.MaxConcurrentStreams(maxStreams),
		grpc.MaxHeaderListSize(maxHeaders),
		grpc.ConnectionTimeout(budget.HandshakeTime),
		grpc.KeepaliveParams(keepalive.ServerParameters{
			MaxConnectionAge: connectionAge, MaxConnectionAgeGrace: ageGrace, Time: pingAfter, Timeout: pingTimeout,
		}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: pingAtMost, PermitWithoutStream: true}),
		grpc.NumStreamWorkers(workers),
		grpc.WaitForHandlers(true),
	)...)
	s.register()
	s.strays.know(s.grpc)
	return checkReplies(s.grpc)
}

// chain is the order in which every call passes. Each layer has its because.
func (s *Server) chain(v protovalidate.Validator) []grpc.ServerOption {
	around := layers{
		s.measured, // outside of recovery, so that a panic counts as what its caller is told
		recovered(s.recoverPanic()),
		s.logging,    // outermost but these two, so that it sees the code that the caller sees
		s.catalogued, // nothing but catalogued errors crosses what stands outside
		s.lawful,     // a call that the agreement in force did not decide comes through the door again
		s.refusals,   // a refusal is in the log before the caller hears of it
		s.enter,      // the door: who calls, and may they call this
		s.pace,       // after the door, since the budget is the agency's
	}
	return []grpc.ServerOption{
		grpc.UnaryInterceptor(around.unary(s.within(v))),
		grpc.ChainStreamInterceptor(around.stream(), s.paceMessages, validateStream(v), s.pageStream),
	}
}

// within is what stands inside of the layers around a unary rpc of the contract:
// validation, after the door (AIP-211) and before the page, which looks nothing up
// for a malformed request; the page gate; and the weight of what it gave out.
// Health and reflection carry no record and are not of the contract.
func (s *Server) within(v protovalidate.Validator) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		if !ours(info.FullMethod) {
			return handler(ctx, request)
		}
		if err := validate(v, request); err != nil {
			return nil, err
		}
		reply, err := s.gate.Unary(ctx, request, info, s.handling(handler))
		if err != nil {
			return nil, err
		}
		s.weigh(ctx, reply)
		return reply, nil
	}
}

func (s *Server) pageStream(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	if !ours(info.FullMethod) {
		return handler(srv, watch{ServerStream: ss, going: &s.health.going})
	}
	return s.gate.Stream(srv, ss, info, handler)
}

func ours(fullMethod string) bool { return strings.HasPrefix(fullMethod, "/jisr.v1.") }

func rpcName(fullMethod string) string {
	return strings.TrimPrefix(strings.TrimPrefix(fullMethod, "/"), "jisr.v1.")
}

func (s *Server) register() {
	jisrv1.RegisterCaseServiceServer(s.grpc, cases.NewService(s.store))
	jisrv1.RegisterReferralServiceServer(s.grpc, referrals.NewService(s.store))
	jisrv1.RegisterConsentServiceServer(s.grpc, consents.NewService(s.store))
	jisrv1.RegisterOrderServiceServer(s.grpc, orders.NewService(s.store))
	jisrv1.RegisterNotificationServiceServer(s.grpc, notifications.NewService(s.store))
	jisrv1.RegisterAgreementServiceServer(s.grpc, agreements.NewService(s.store, s.opts.About, s.opts.Clock))
	jisrv1.RegisterAuditServiceServer(s.grpc, logentries.NewService(s.store))
	jisrv1.RegisterDirectoryServiceServer(s.grpc, agencies.NewService())
	grpc_health_v1.RegisterHealthServer(s.grpc, s.health.server)
	reflection.Register(s.grpc)
}

// Serve answers on the listener until Stop.
func (s *Server) Serve(l net.Listener) error { return s.grpc.Serve(s.budgets.Listener(l)) }

// Leave says by health that the server is going, and goes on serving: whoever
// sends calls here has the time until Stop to send them elsewhere.
func (s *Server) Leave() { s.health.leave() }

// Health tells of each part, and of the whole, whether it is well.
func (s *Server) Health() map[string]bool { return s.health.well() }

// Stop drains: health says NOT_SERVING, calls in flight end, then everything
// that was taken is committed and the files are closed. After grace the
// connections are cut; what was acknowledged is durable all the same.
func (s *Server) Stop(grace time.Duration) error {
	s.health.leave()
	cut := time.AfterFunc(grace, s.grpc.Stop)
	s.grpc.GracefulStop()
	cut.Stop()
	s.stop()
	<-s.probing
	<-s.ticking
	<-s.following
	s.strays.close()
	s.handshakes.close()
	return s.store.Close()
}

// Adopt makes an agreement the one in force, in the database, in the log and, by
// use, for Options.Law, at one moment.
func (s *Server) Adopt(ctx context.Context, law *agreement.Law, use func(*agreement.Law)) error {
	return s.store.Adopt(ctx, law, use)
}

// Resume is Adopt at the start: where several nodes share the database, one that
// the others have replaced meanwhile is not put back.
func (s *Server) Resume(ctx context.Context, law *agreement.Law, use func(*agreement.Law)) error {
	return s.store.Resume(ctx, law, use)
}
