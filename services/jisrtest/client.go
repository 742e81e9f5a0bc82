package jisrtest

import (
	"context"
	"crypto/tls"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/fault"
)

// patience bounds every call of a test; a call that takes as long hangs.
const patience = 30 * time.Second

// Client is one agency's system: every rpc of the exchange, with that agency's
// certificate and headers.
type Client struct {
	jisrv1.CaseServiceClient
	jisrv1.ReferralServiceClient
	jisrv1.ConsentServiceClient
	jisrv1.OrderServiceClient
	jisrv1.NotificationServiceClient
	jisrv1.AgreementServiceClient
	jisrv1.AuditServiceClient
	jisrv1.DirectoryServiceClient
	// Health is the standard health service.
	Health grpc_health_v1.HealthClient
	// Conn is the connection below.
	Conn *grpc.ClientConn
	// Agency is the agency's resource name.
	Agency string
	// Role and Purpose are those of the client's calls.
	Role    jisrv1.Role
	Purpose jisrv1.Purpose

	header *metadata.MD
}

// As returns the client of "agency/system". It calls in the agency's first role
// and for that role's first purpose; As("moi-ct/cases") is the police's case system.
func (x *Exchange) As(who string) *Client {
	x.t.Helper()
	agency, system, ok := strings.Cut(who, "/")
	if !ok {
		x.t.Fatalf("As(%q): want agency/system", who)
	}
	a, ok := x.Law().Agency(agency)
	if !ok {
		x.t.Fatalf("As(%q): the agreement has no such agency", who)
	}
	role := a.Roles[0]
	return x.in(who, system, a, role, x.Law().Purposes(role)[0])
}

// AsFor is As in a role and for a purpose.
func (x *Exchange) AsFor(who string, role jisrv1.Role, purpose jisrv1.Purpose) *Client {
	x.t.Helper()
	agency, system, _ := strings.Cut(who, "/")
	a, ok := x.Law().Agency(agency)
	if !ok {
		x.t.Fatalf("AsFor(%q): the agreement has no such agency", who)
	}
	return x.in(who, system, a, role, purpose)
}

func (x *Exchange) in(who, system string, a *agreement.Agency, role jisrv1.Role, purpose jisrv1.Purpose) *Client {
	x.t.Helper()
	key := strings.Join([]string{who, role.String(), purpose.String()}, "|")
	x.mu.Lock()
	defer x.mu.Unlock()
	if c, ok := x.clients[key]; ok {
		return c
	}
	md := metadata.Pairs("jisr-officer", "officer-1", "jisr-purpose", agreement.PurposeName(purpose))
	if len(a.Roles) > 1 {
		md.Set("jisr-role", agreement.RoleName(role))
	}
	c := x.Dial(a.Slug, system, md)
	c.Role, c.Purpose = role, purpose
	x.clients[key] = c
	return c
}

// Dial connects as an agency's system with headers of the test's own; the
// caller closes Conn if the exchange does not stop before the test ends.
func (x *Exchange) Dial(agency, system string, md metadata.MD) *Client {
	x.t.Helper()
	c, err := Connect(x.addr, x.tlsFor(agency, system), agency, md, grpc.WithStatsHandler(&x.told))
	x.must(err)
	x.t.Cleanup(func() { c.Conn.Close() })
	return c
}

// Connect is Dial for an exchange of another making, such as a process of its own.
func Connect(addr string, config *tls.Config, agency string, md metadata.MD, more ...grpc.DialOption) (*Client, error) {
	c := &Client{Agency: "agencies/" + agency, header: &md}
	conn, err := grpc.NewClient(addr, append(more,
		grpc.WithTransportCredentials(credentials.NewTLS(config)),
		grpc.WithUnaryInterceptor(c.unary), grpc.WithStreamInterceptor(c.stream))...)
	if err != nil {
		return nil, err
	}
	c.Conn = conn
	c.CaseServiceClient = jisrv1.NewCaseServiceClient(conn)
	c.ReferralServiceClient = jisrv1.NewReferralServiceClient(conn)
	c.ConsentServiceClient = jisrv1.NewConsentServiceClient(conn)
	c.OrderServiceClient = jisrv1.NewOrderServiceClient(conn)
	c.NotificationServiceClient = jisrv1.NewNotificationServiceClient(conn)
	c.AgreementServiceClient = jisrv1.NewAgreementServiceClient(conn)
	c.AuditServiceClient = jisrv1.NewAuditServiceClient(conn)
	c.DirectoryServiceClient = jisrv1.NewDirectoryServiceClient(conn)
	c.Health = grpc_health_v1.NewHealthClient(conn)
	return c, nil
}

func (c *Client) close() { c.Conn.Close() }

func (c *Client) unary(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, patience)
		defer cancel()
	}
	return invoke(c.headers(ctx), method, req, reply, cc, opts...)
}

func (c *Client) stream(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, streamer grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	return streamer(c.headers(ctx), desc, cc, method, opts...)
}

// headers adds the client's own headers to what the test set.
func (c *Client) headers(ctx context.Context) context.Context {
	out, _ := metadata.FromOutgoingContext(ctx)
	return metadata.NewOutgoingContext(ctx, metadata.Join(*c.header, out))
}

// Reason is the catalogue's reason of an error, or "" if it has none.
func Reason(err error) fault.Reason {
	for _, d := range status.Convert(err).Details() {
		if info, ok := d.(*errdetails.ErrorInfo); ok {
			return fault.Reason(info.GetReason())
		}
	}
	return ""
}

// Refused fails the test unless err has the reason.
func Refused(t testing.TB, err error, want fault.Reason) {
	t.Helper()
	if got := Reason(err); err == nil || got != want {
		t.Fatalf("want %s, got %q (%v)", want, got, err)
	}
}
