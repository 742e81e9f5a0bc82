package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/jisr-exchange/jisr/services/certs"
	"github.com/jisr-exchange/jisr/services/fault"
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
	if err := a.checkServer(); err != nil {
		return nil, err
	}
	cfg, err := a.tls()
	if err != nil {
		return nil, err
	}
	return a.dial(cfg)
}

// checkServer says what is wrong with --server.
func (a *app) checkServer() error {
	if a.flags.server == "" {
		return usage("no exchange is named", "give --server host:port, set JISR_SERVER, or name a --context")
	}
	if _, _, err := net.SplitHostPort(a.flags.server); err != nil {
		return usage("--server "+quoted(a.flags.server)+" is not host:port", "for example --server localhost:7443")
	}
	return nil
}

// dial opens the connection by a TLS of the caller's own.
func (a *app) dial(cfg *tls.Config) (*grpc.ClientConn, error) {
	g := a.flags
	conn, err := grpc.NewClient(g.server,
		grpc.WithTransportCredentials(credentials.NewTLS(cfg)),
		grpc.WithUnaryInterceptor(a.call(cfg)),
		grpc.WithDefaultServiceConfig(retryPolicy),
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: backoff.DefaultConfig, MinConnectTimeout: g.timeout}),
		grpc.WithUserAgent(program()),
	)
	if err != nil {
		return nil, usage("--server "+quoted(g.server)+" is not host:port", "for example --server localhost:7443")
	}
	return conn, nil
}

// files are the paths of authority, certificate and key.
type files struct{ ca, cert, key string }

// files says where authority, certificate and key lie.
func (a *app) files() (files, error) {
	g := a.flags
	switch {
	case g.dir != "" && (g.ca != "" || g.cert != "" || g.key != ""):
		return files{}, usage("--dir names certificate, key and authority together", "leave out --ca, --cert and --key, or --dir")
	case g.dir != "" && g.agency == "":
		return files{}, usage("--dir holds the certificates of several agencies", "say which with --agency")
	case g.dir != "":
		cert, key := certs.ClientFiles(g.dir, g.agency, g.system)
		return files{ca: g.dir + "/" + certs.CAFile, cert: cert, key: key}, nil
	case g.ca == "" || g.cert == "" || g.key == "":
		return files{}, usage("no certificate is named", "give --ca, --cert and --key, or --dir and --agency for a directory made by jisr certs")
	}
	return files{ca: g.ca, cert: g.cert, key: g.key}, nil
}

// tls reads the certificate, key and authority, and refuses at once what the exchange would refuse.
func (a *app) tls() (*tls.Config, error) {
	f, err := a.files()
	if err != nil {
		return nil, err
	}
	cfg, err := certs.LoadClientTLS(f.ca, f.cert, f.key)
	if err != nil {
		return nil, badFiles(f.ca, f.cert, f.key, err)
	}
	cfg.Time = a.now
	pair, err := cfg.GetClientCertificate(nil)
	if err != nil {
		return nil, badFiles(f.ca, f.cert, f.key, err)
	}
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		return nil, badFiles(f.ca, f.cert, f.key, err)
	}
	for _, check := range []error{checkValidity(f.cert, leaf, a.now()), checkUsage(f.cert, leaf), checkName(f.cert, leaf)} {
		if check != nil {
			return nil, check
		}
	}
	return cfg, nil
}

// call adds the identity headers, the language and the deadline to a call, and names what
// stands behind a call that did not reach the exchange.
func (a *app) call(cfg *tls.Config) grpc.UnaryClientInterceptor {
	language := a.languageOf()
	return func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoker grpc.UnaryInvoker, opts ...grpc.CallOption) error {
		for header, value := range map[string]string{
			identity.OfficerHeader: a.flags.officer, identity.PurposeHeader: a.flags.purpose, identity.RoleHeader: a.flags.role, fault.LanguageHeader: language,
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

// program is this program in the form in which the exchange's log names one. A
// build of no release is version 0.
func program() string {
	if v := version(); strings.HasPrefix(v, "v") {
		return "jisr/" + v
	}
	return "jisr/0"
}
