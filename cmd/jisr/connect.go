package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/jisr-exchange/jisr/services/certs"
	"github.com/jisr-exchange/jisr/services/identity"
)

// retryPolicy repeats what was unavailable, and nothing else (AIP-194). Reads
// repeat safely; every change that jisr sends carries a request id.
const retryPolicy = `{"methodConfig": [{"name": [{}], "retryPolicy": {
	"maxAttempts": 4, "initialBackoff": "0.05s", "maxBackoff": "1s", "backoffMultiplier": 2,
	"retryableStatusCodes": ["UNAVAILABLE"]}}]}`

// connect opens the connection of a command. It does not wait for it: the
// first call does, and says what is wrong.
func (a *app) connect() (*grpc.ClientConn, error) {
	g := a.flags
	if g.server == "" {
		return nil, usage("no exchange is named", "give --server host:port, or set JISR_SERVER")
	}
	if _, _, err := net.SplitHostPort(g.server); err != nil {
		return nil, usage("--server "+quoted(g.server)+" is not host:port", "for example --server localhost:7443")
	}
	cfg, err := a.tls()
	if err != nil {
		return nil, err
	}
	conn, err := grpc.NewClient(g.server,
		grpc.WithTransportCredentials(credentials.NewTLS(cfg)),
		grpc.WithUnaryInterceptor(a.call(cfg)),
		grpc.WithDefaultServiceConfig(retryPolicy),
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: backoff.DefaultConfig, MinConnectTimeout: g.timeout}),
		grpc.WithUserAgent("jisr"),
	)
	if err != nil {
		return nil, usage("--server "+quoted(g.server)+" is not host:port", "for example --server localhost:7443")
	}
	return conn, nil
}

// tls reads the certificate, key and authority, and refuses at once what the exchange would refuse.
func (a *app) tls() (*tls.Config, error) {
	g := a.flags
	ca, cert, key := g.ca, g.cert, g.key
	switch {
	case g.dir != "" && (ca != "" || cert != "" || key != ""):
		return nil, usage("--dir names certificate, key and authority together", "leave out --ca, --cert and --key, or --dir")
	case g.dir != "" && g.agency == "":
		return nil, usage("--dir holds the certificates of several agencies", "say which with --agency")
	case g.dir != "":
		ca = g.dir + "/" + certs.CAFile
		cert, key = certs.ClientFiles(g.dir, g.agency, g.system)
	case ca == "" || cert == "" || key == "":
		return nil, usage("no certificate is named", "give --ca, --cert and --key, or --dir and --agency for a directory made by jisr certs")
	}
	cfg, err := certs.LoadClientTLS(ca, cert, key)
	if err != nil {
		return nil, badFiles(ca, cert, key, err)
	}
	pair, err := cfg.GetClientCertificate(nil)
	if err != nil {
		return nil, badFiles(ca, cert, key, err)
	}
	return cfg, checkClient(cert, pair, time.Now())
}

// checkClient finds what is wrong with a certificate before the exchange does.
func checkClient(file string, pair *tls.Certificate, now time.Time) error {
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		return &connectionError{file + " is not a certificate", "take the file that the operator of the exchange issued"}
	}
	switch {
	case now.After(leaf.NotAfter):
		return &connectionError{fmt.Sprintf("the certificate %s expired on %s", file, leaf.NotAfter.UTC().Format(time.DateTime)), "ask the operator of the exchange for a new one, or check this machine's clock"}
	case now.Before(leaf.NotBefore):
		return &connectionError{fmt.Sprintf("the certificate %s is not valid before %s", file, leaf.NotBefore.UTC().Format(time.DateTime)), "check this machine's clock"}
	case !isClient(leaf):
		return &connectionError{"the certificate " + file + " is not for client authentication", "take the certificate of your system, not that of a server or an authority"}
	case len(leaf.URIs) != 1 || leaf.URIs[0].Scheme != "spiffe":
		return &connectionError{"the certificate " + file + " does not name one agency and system", "its only URI SAN must be spiffe://<domain>/agency/<agency>/system/<system>"}
	}
	return nil
}

func isClient(leaf *x509.Certificate) bool {
	for _, usage := range leaf.ExtKeyUsage {
		if usage == x509.ExtKeyUsageClientAuth {
			return !leaf.IsCA
		}
	}
	return false
}

// call adds the identity headers and the deadline to a call, and names what
// stands behind a call that did not reach the exchange.
func (a *app) call(cfg *tls.Config) grpc.UnaryClientInterceptor {
	return func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoker grpc.UnaryInvoker, opts ...grpc.CallOption) error {
		for header, value := range map[string]string{
			identity.OfficerHeader: a.flags.officer, identity.PurposeHeader: a.flags.purpose, identity.RoleHeader: a.flags.role,
		} {
			if value != "" {
				ctx = metadata.AppendToOutgoingContext(ctx, header, value)
			}
		}
		ctx, cancel := context.WithTimeout(ctx, a.flags.timeout)
		defer cancel()
		err := invoker(ctx, method, req, reply, cc, opts...)
		code := status.Code(err)
		if code != codes.Unavailable && code != codes.DeadlineExceeded || len(status.Convert(err).Details()) > 0 {
			return err
		}
		return a.diagnose(context.WithoutCancel(ctx), cfg, err)
	}
}
