package peer

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"

	"buf.build/go/protovalidate"
	grpcprom "github.com/grpc-ecosystem/go-grpc-middleware/providers/prometheus"
	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/auth"
	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/logging"
	validator "github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/protovalidate"
	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/recovery"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"go.opentelemetry.io/otel/sdk/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/certs"
	"github.com/jisr-exchange/jisr/services/record"
)

// ClearFile is the page of victims in clear, as ListVictims would answer it to
// somebody who may read all.
const ClearFile = "clear.bin"

// traced is the share of calls that are traced: all would cost the peer more.
const traced = 0.01

// Typed is how such a service is usually built: who calls is told by the
// certificate, the record decoded into its type, the granted fields copied by
// reflection, the copy encoded, in the usual stack of middleware. The copy is not
// deep, since nobody else holds what was decoded for the call; and classes are of
// whole sections, so that it looks no deeper either. Its records lie ready in
// memory and nothing is sealed or written down, no etag made and nothing said of
// what was withheld, which spares it more than the exchange is spared.
func Typed(dir string) (*Peer, error) {
	v, err := protovalidate.New()
	if err != nil {
		return nil, err
	}
	service, err := newTyped(dir)
	if err != nil {
		return nil, err
	}
	log := slog.New(slog.NewJSONHandler(os.Stderr, nil))
	metrics := grpcprom.NewServerMetrics(grpcprom.WithServerHandlingTimeHistogram())
	prometheus.NewRegistry().MustRegister(metrics)
	tracer := trace.NewTracerProvider(trace.WithSampler(trace.ParentBased(trace.TraceIDRatioBased(traced))))
	return serve(dir, func(s *grpc.Server) { jisrv1.RegisterCaseServiceServer(s, service) },
		grpc.StatsHandler(otelgrpc.NewServerHandler(otelgrpc.WithTracerProvider(tracer))),
		grpc.ChainUnaryInterceptor(
			metrics.UnaryServerInterceptor(),
			logging.UnaryServerInterceptor(logging.LoggerFunc(func(ctx context.Context, level logging.Level, message string, fields ...any) {
				log.Log(ctx, slog.Level(level), message, fields...)
			}), logging.WithLogOnEvents(logging.FinishCall)),
			recovery.UnaryServerInterceptor(),
			auth.UnaryServerInterceptor(service.admit),
			validator.UnaryServerInterceptor(v),
		))
}

type typed struct {
	jisrv1.UnimplementedCaseServiceServer
	callers map[string]filter // by the URI of their certificate
	names   []string
	stored  map[string][]byte
}

func newTyped(dir string) (*typed, error) {
	encoded, err := os.ReadFile(filepath.Join(dir, ClearFile))
	if err != nil {
		return nil, err
	}
	page := &jisrv1.ListVictimsResponse{}
	if err := proto.Unmarshal(encoded, page); err != nil {
		return nil, err
	}
	f, err := newFilter()
	if err != nil {
		return nil, err
	}
	id := certs.Client{Agency: Prosecutor, System: System}.ID(certs.DefaultTrustDomain)
	t := &typed{callers: map[string]filter{id.String(): f}, stored: make(map[string][]byte)}
	for _, victim := range page.GetVictims() {
		t.names = append(t.names, victim.GetName())
		if t.stored[victim.GetName()], err = proto.Marshal(victim); err != nil {
			return nil, err
		}
	}
	return t, nil
}

type filterKey struct{}

// admit finds what is granted to whom the certificate names.
func (t *typed) admit(ctx context.Context) (context.Context, error) {
	from, ok := peer.FromContext(ctx)
	if !ok {
		return nil, status.Error(codes.Unauthenticated, "no peer")
	}
	session, ok := from.AuthInfo.(credentials.TLSInfo)
	if !ok || session.SPIFFEID == nil {
		return nil, status.Error(codes.Unauthenticated, "no certificate")
	}
	f, ok := t.callers[session.SPIFFEID.String()]
	if !ok {
		return nil, status.Error(codes.PermissionDenied, "an unknown caller")
	}
	return context.WithValue(ctx, filterKey{}, f), nil
}

// GetVictim answers one victim.
func (t *typed) GetVictim(ctx context.Context, r *jisrv1.GetVictimRequest) (*jisrv1.Victim, error) {
	return t.victim(ctx, r.GetName())
}

// ListVictims answers all of them.
func (t *typed) ListVictims(ctx context.Context, _ *jisrv1.ListVictimsRequest) (*jisrv1.ListVictimsResponse, error) {
	victims := make([]*jisrv1.Victim, len(t.names))
	for i, name := range t.names {
		v, err := t.victim(ctx, name)
		if err != nil {
			return nil, err
		}
		victims[i] = v
	}
	return jisrv1.ListVictimsResponse_builder{Victims: victims}.Build(), nil
}

func (t *typed) victim(ctx context.Context, name string) (*jisrv1.Victim, error) {
	stored, ok := t.stored[name]
	if !ok {
		return nil, status.Error(codes.NotFound, "no such victim")
	}
	f, _ := ctx.Value(filterKey{}).(filter) // without one nothing is granted
	return f.granted(stored)
}

// filter copies granted fields by reflection; what is granted was looked up once.
type filter struct {
	grants map[protoreflect.FieldNumber]bool
}

func newFilter() (filter, error) {
	l, err := law()
	if err != nil {
		return filter{}, err
	}
	lens, err := reading(l)
	if err != nil {
		return filter{}, err
	}
	f := filter{grants: make(map[protoreflect.FieldNumber]bool)}
	t := record.ByName("Victim")
	for _, field := range append(t.Header, t.Sections...) {
		f.grants[field.Number] = lens.Has(field.Class)
	}
	return f, nil
}

func (f filter) granted(stored []byte) (*jisrv1.Victim, error) {
	victim := &jisrv1.Victim{}
	if err := proto.Unmarshal(stored, victim); err != nil {
		return nil, err
	}
	shown := &jisrv1.Victim{}
	to := shown.ProtoReflect()
	victim.ProtoReflect().Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		if f.grants[fd.Number()] {
			to.Set(fd, v)
		}
		return true
	})
	return shown, nil
}
