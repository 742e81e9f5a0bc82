package identity

import (
	"crypto/tls"
	"crypto/x509"
	"errors"

	"github.com/jisr-exchange/jisr/services/fault"
)

// TLSConfig returns the server's TLS configuration: TLS 1.3 alone, a client
// certificate of one of the client authorities always, HTTP/2 alone, and the
// door's checks of name and revocation at every handshake.
//
// Those hang on VerifyConnection, because VerifyPeerCertificate is not called
// when a session is resumed: a revoked client came back that way. Session
// tickets are off besides, so there is nothing to resume.
func TLSConfig(m *Material, d *Door) (*tls.Config, error) {
	if m == nil || d == nil {
		return nil, errors.New("identity: TLS without material or without a door is refused")
	}
	base := &tls.Config{
		MinVersion:             tls.VersionTLS13,
		NextProtos:             []string{"h2"},
		ClientAuth:             tls.RequireAndVerifyClientCert,
		SessionTicketsDisabled: true,
		VerifyConnection:       d.verifyConnection,
		Time:                   d.now,
		// Nobody: a server that forgot GetConfigForClient trusts no authority, not the machine's.
		ClientCAs: x509.NewCertPool(),
	}
	forClient := func(*tls.ClientHelloInfo) (*tls.Config, error) {
		now := m.now.Load()
		c := base.Clone()
		c.Certificates = []tls.Certificate{now.server}
		c.ClientCAs = now.pool
		return c, nil
	}
	outer := base.Clone()
	outer.GetConfigForClient = forClient
	return outer, nil
}

// verifyConnection is the door's part of a handshake: time and revocation. Whom
// the certificate names, and whether the agreement knows it, is left to the
// call, where the answer can say so in words.
func (d *Door) verifyConnection(state tls.ConnectionState) error {
	if !verified(&state) {
		return fault.New(fault.CertificateInvalid)
	}
	if err := d.inForce(state.VerifiedChains); err != nil {
		return &refusedCertificate{cert: state.PeerCertificates[0], cause: err}
	}
	return nil
}

// refusedCertificate carries the certificate that a handshake was refused for to the server's log.
type refusedCertificate struct {
	cert  *x509.Certificate
	cause error
}

func (r *refusedCertificate) Error() string { return r.cause.Error() }
func (r *refusedCertificate) Unwrap() error { return r.cause }
