package demo

import (
	"context"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/certs"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/identity"
)

// patience bounds one call; the whole demonstration takes less.
const patience = 10 * time.Second

// client is one party's connection, with its certificate and headers.
type client struct {
	jisrv1.CaseServiceClient
	jisrv1.ReferralServiceClient
	jisrv1.ConsentServiceClient
	jisrv1.OrderServiceClient
	jisrv1.NotificationServiceClient
	jisrv1.AuditServiceClient
	conn *grpc.ClientConn
}

// as returns the connection of a party; each has its own.
func (x *exchange) as(p party) (*client, error) {
	if c, ok := x.clients[p]; ok {
		return c, nil
	}
	config, err := certs.ClientTLS(x.dir, p.agency, p.system)
	if err != nil {
		return nil, err
	}
	conn, err := grpc.NewClient(x.daemon.Addr(),
		grpc.WithTransportCredentials(credentials.NewTLS(config)), grpc.WithUnaryInterceptor(p.call))
	if err != nil {
		return nil, err
	}
	c := &client{
		CaseServiceClient: jisrv1.NewCaseServiceClient(conn), ReferralServiceClient: jisrv1.NewReferralServiceClient(conn),
		ConsentServiceClient: jisrv1.NewConsentServiceClient(conn), OrderServiceClient: jisrv1.NewOrderServiceClient(conn),
		NotificationServiceClient: jisrv1.NewNotificationServiceClient(conn), AuditServiceClient: jisrv1.NewAuditServiceClient(conn),
		conn: conn,
	}
	x.clients[p] = c
	return c, nil
}

// call adds the party's headers and a deadline.
func (p party) call(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	ctx = metadata.AppendToOutgoingContext(ctx, identity.OfficerHeader, p.officer, identity.PurposeHeader, agreement.PurposeName(p.purpose))
	if p.several {
		ctx = metadata.AppendToOutgoingContext(ctx, identity.RoleHeader, agreement.RoleName(p.role))
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return invoke(ctx, method, req, reply, cc, opts...)
}

// reason is the catalogue's reason of a refusal, or "".
func reason(err error) fault.Reason {
	for _, d := range status.Convert(err).Details() {
		if info, ok := d.(*errdetails.ErrorInfo); ok {
			return fault.Reason(info.GetReason())
		}
	}
	return ""
}

// violations names the fields at fault in a refusal.
func violations(err error) (text string) {
	for _, d := range status.Convert(err).Details() {
		if bad, ok := d.(*errdetails.BadRequest); ok {
			for _, v := range bad.GetFieldViolations() {
				text += "; " + v.GetField() + " " + v.GetDescription()
			}
		}
	}
	return text
}
