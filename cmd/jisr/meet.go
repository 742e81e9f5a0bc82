package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"net"
	"net/http"
	"net/url"
	"time"
)

// maxProbe bounds the second look at a connection that failed.
const maxProbe = 3 * time.Second

// meeting is what came of meeting an exchange without a call. Of the errors one
// at the most is set, each named with what to do.
type meeting struct {
	// proxy is the host of the proxy on the way, or "".
	proxy string
	// unreached is why nothing that speaks gRPC over TLS was met.
	unreached error
	// mistrusted is what is wrong with the server's certificate.
	mistrusted error
	// refused is why the exchange did not let the certificate in.
	refused error
	// cause is what stands behind unreached, mistrusted or refused.
	cause error
	// server is the server's certificate, as far as one came.
	server *x509.Certificate
	// issuers are the authorities that the server says it takes, as raw names.
	issuers [][]byte
}

// takes reports whether the server says that it takes certificates of an issuer; one that lists none may take any.
func (m *meeting) takes(issuer []byte) bool {
	for _, known := range m.issuers {
		if bytes.Equal(known, issuer) {
			return true
		}
	}
	return len(m.issuers) == 0
}

// meet goes the way of a call, through the proxy if there is one, and does the handshake.
func (a *app) meet(ctx context.Context, cfg *tls.Config) *meeting {
	server := a.flags.server
	ctx, cancel := context.WithTimeout(ctx, min(a.flags.timeout, maxProbe))
	defer cancel()
	m := &meeting{}
	raw, err := m.reach(ctx, server)
	if err != nil {
		m.unreached = err
		return m
	}
	defer raw.Close()
	if m.cause = m.shakeHands(ctx, raw, server, cfg); m.cause != nil {
		m.mistrusted = serverError(server, m.proxy, m.cause)
	}
	if m.cause != nil && m.mistrusted == nil {
		if named := alertError(server, m.cause); m.server == nil || errors.Is(m.cause, errNotGRPC) {
			m.unreached = named
		} else {
			m.refused = named
		}
	}
	return m
}

// shakeHands does the handshake and waits for the first byte after it, which
// an exchange sends unasked, or for the alert that comes instead.
func (m *meeting) shakeHands(ctx context.Context, raw net.Conn, server string, cfg *tls.Config) error {
	cfg = cfg.Clone()
	cfg.ServerName, _, _ = net.SplitHostPort(server) // checked when the flags were
	own := cfg.GetClientCertificate
	cfg.GetClientCertificate = func(info *tls.CertificateRequestInfo) (*tls.Certificate, error) {
		m.issuers = info.AcceptableCAs
		if own == nil {
			return &tls.Certificate{}, nil
		}
		return own(info)
	}
	conn := tls.Client(raw, cfg)
	err := conn.HandshakeContext(ctx)
	var verification *tls.CertificateVerificationError
	if errors.As(err, &verification) && len(verification.UnverifiedCertificates) > 0 {
		m.server = verification.UnverifiedCertificates[0]
	}
	if err != nil {
		return err
	}
	m.server = conn.ConnectionState().PeerCertificates[0]
	if conn.ConnectionState().NegotiatedProtocol != "h2" {
		return errNotGRPC
	}
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetReadDeadline(deadline); err != nil {
			return err
		}
	}
	_, err = conn.Read(make([]byte, 1))
	return err
}

var errNotGRPC = errors.New("no application protocol")

// reach connects to a server as gRPC does: by itself, or through the proxy of the environment.
func (m *meeting) reach(ctx context.Context, server string) (net.Conn, error) {
	proxy := proxyFor(server)
	if proxy == nil {
		raw, err := (&net.Dialer{}).DialContext(ctx, "tcp", server)
		if err != nil {
			return nil, dialError(server, err)
		}
		return raw, nil
	}
	m.proxy = proxy.Host
	const action = "name the exchange in NO_PROXY, or mend HTTPS_PROXY; a proxy must pass TLS through unopened"
	raw, err := (&net.Dialer{}).DialContext(ctx, "tcp", withPort(proxy))
	if err != nil {
		return nil, &connectionError{"the proxy " + proxy.Host + ", which HTTPS_PROXY puts before " + server + ", cannot be reached", action}
	}
	if err := tunnel(ctx, raw, server, proxy.User); err != nil {
		return nil, errors.Join(&connectionError{"the proxy " + proxy.Host + ", which HTTPS_PROXY puts before " + server + ", does not let it through: " + err.Error(), action}, raw.Close())
	}
	return raw, nil
}

// tunnel asks a proxy to pass a connection through (RFC 9110, section 9.3.6).
func tunnel(ctx context.Context, raw net.Conn, server string, user *url.Userinfo) error {
	if deadline, ok := ctx.Deadline(); ok {
		if err := raw.SetDeadline(deadline); err != nil {
			return err
		}
	}
	ask := &http.Request{Method: http.MethodConnect, URL: &url.URL{Host: server}, Host: server, Header: make(http.Header)}
	if user != nil {
		password, _ := user.Password()
		ask.Header.Set("Proxy-Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(user.Username()+":"+password)))
	}
	if err := ask.Write(raw); err != nil {
		return errors.New("it closed the connection")
	}
	reply, err := http.ReadResponse(bufio.NewReader(raw), ask)
	if err != nil {
		return errors.New("its answer is not one of HTTP")
	}
	if err := reply.Body.Close(); err != nil || reply.StatusCode != http.StatusOK {
		return errors.New(visible(reply.Status))
	}
	return raw.SetDeadline(time.Time{})
}

// proxyFor returns the proxy that gRPC takes to a server, or nil.
func proxyFor(server string) *url.URL {
	proxy, err := http.ProxyFromEnvironment(&http.Request{URL: &url.URL{Scheme: "https", Host: server}})
	if err != nil {
		return nil
	}
	return proxy
}

// withPort is a proxy's address; without a port it is that of its scheme.
func withPort(proxy *url.URL) string {
	if proxy.Port() != "" {
		return proxy.Host
	}
	if proxy.Scheme == "https" {
		return net.JoinHostPort(proxy.Hostname(), "443")
	}
	return net.JoinHostPort(proxy.Hostname(), "80")
}
