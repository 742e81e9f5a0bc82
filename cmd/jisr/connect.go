package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"sync"
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
	w := &watch{server: g.server, config: cfg}
	conn, err := grpc.NewClient(g.server,
		grpc.WithTransportCredentials(&watchedTLS{credentials.NewTLS(cfg), w}),
		grpc.WithUnaryInterceptor(a.call(w)),
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
func (a *app) call(w *watch) grpc.UnaryClientInterceptor {
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
		switch code := status.Code(err); {
		case err == nil, len(status.Convert(err).Details()) > 0:
			return err
		case code == codes.Unavailable, code == codes.DeadlineExceeded && !w.reached():
			return w.diagnose(ctx, err)
		}
		return err
	}
}

// watch remembers how far a connection came and what ended it.
type watch struct {
	server string
	config *tls.Config

	mu      sync.Mutex
	began   bool  // the handshake began: there is a listener
	read    bool  // the exchange has sent something after the handshake
	failure error // of the handshake, or of the first read after it
}

func (w *watch) set(change func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change()
}

func (w *watch) reached() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.read
}

// watchedTLS lets a watch see the handshake: with TLS 1.3 the refusal of a
// client certificate arrives after it, as the first thing that is read.
type watchedTLS struct {
	credentials.TransportCredentials
	w *watch
}

// ClientHandshake is the handshake, watched.
func (c *watchedTLS) ClientHandshake(ctx context.Context, authority string, raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	c.w.set(func() { c.w.began = true })
	conn, info, err := c.TransportCredentials.ClientHandshake(ctx, authority, raw)
	if err != nil {
		c.w.set(func() { c.w.failure = err })
		return nil, nil, err
	}
	return &watchedConn{Conn: conn, w: c.w}, info, nil
}

// Clone copies the credentials and keeps the watch.
func (c *watchedTLS) Clone() credentials.TransportCredentials {
	return &watchedTLS{c.TransportCredentials.Clone(), c.w}
}

type watchedConn struct {
	net.Conn
	w *watch
}

// Read notes the first thing that comes, or the error that comes instead.
func (c *watchedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.w.set(func() {
		switch {
		case n > 0:
			c.w.read = true
		case err != nil && !c.w.read && !errors.Is(err, net.ErrClosed):
			c.w.failure = err
		}
	})
	return n, err
}
