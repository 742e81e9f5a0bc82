package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"strings"
	"syscall"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// connectionError says why the exchange was not reached, and what to do.
type connectionError struct{ what, action string }

func (e *connectionError) Error() string { return e.what }

// diagnose names what stands behind a call that no exchange answered. gRPC
// gives the cause as text, and loses it where the refusal of a certificate (in
// TLS 1.3 the first thing after the handshake) races with the call; so it looks
// again by itself, with errors that have types, and sends nothing.
func (a *app) diagnose(ctx context.Context, cfg *tls.Config, callErr error) error {
	m := a.meet(ctx, cfg)
	for _, err := range []error{m.unreached, m.mistrusted, m.refused} {
		if err != nil {
			return err
		}
	}
	if status.Code(callErr) == codes.DeadlineExceeded {
		return callErr // the exchange is there and slow
	}
	return &connectionError{"the connection to " + a.flags.server + " was lost: " + status.Convert(callErr).Message(), "repeat the call; a change repeated with the same request id has one effect"}
}

func dialError(server string, err error) error {
	var dns *net.DNSError
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return &connectionError{"nothing listens at " + server, "start the exchange, or name its address with --server"}
	case errors.As(err, &dns):
		return &connectionError{"the name in " + server + " is not known", "check the spelling of --server, and the name service of this machine"}
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH):
		return &connectionError{"there is no way from this machine to " + server, "check the network or the tunnel to the exchange"}
	case errors.Is(err, context.DeadlineExceeded), isTimeout(err):
		return &connectionError{server + " does not answer", "a firewall may drop the traffic; check --server and the network"}
	}
	return &connectionError{server + " could not be reached", "check --server and the network"}
}

func isTimeout(err error) bool {
	var t net.Error
	return errors.As(err, &t) && t.Timeout()
}

// serverError names what is wrong with the server's certificate; nil where err is of another kind.
func serverError(server, through string, err error) error {
	var (
		name    x509.HostnameError
		unknown x509.UnknownAuthorityError
		invalid x509.CertificateInvalidError
	)
	switch {
	case errors.As(err, &name):
		return &connectionError{fmt.Sprintf("the certificate of %s is for other names: %s", server, strings.Join(hostsOf(name.Certificate), ", ")), "name the exchange as its certificate does, or have the operator issue one for this name"}
	case errors.As(err, &unknown) && through != "":
		return &connectionError{"the certificate of " + server + " is not from the authority in --ca: the proxy " + through + " seems to open TLS", "the proxy must pass TLS through unopened; name " + server + " in NO_PROXY, or have the proxy let it through"}
	case errors.As(err, &unknown):
		return &connectionError{"the certificate of " + server + " is not from the authority in --ca", "take the exchange's own authority file, and make sure that nobody stands in between"}
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return &connectionError{"the certificate of " + server + " has expired or is not valid yet", "tell the operator of the exchange, and check this machine's clock"}
	case errors.As(err, &invalid):
		return &connectionError{"the certificate of " + server + " is not one of a server", "tell the operator of the exchange"}
	}
	return nil
}

// alerts are the refusals that a server sends by TLS alert, by the words that
// crypto/tls has for them (RFC 8446, section 6.2).
var alerts = []struct{ words, what, action string }{
	{"certificate required", "the exchange asks for a client certificate, and none reached it", "check --cert, and that no proxy ends TLS on the way"},
	{"unknown certificate authority", "the exchange does not know the authority that issued your certificate", "take a certificate issued for this exchange; a throw-away one ends with its exchange"},
	{"expired certificate", "the exchange says that your certificate has expired", "ask the operator for a new one, or check the clocks of both machines"},
	{"revoked certificate", "your certificate was revoked", "ask the operator of the exchange for a new one"},
	{"bad certificate", "the exchange refused your certificate", "it may be of another exchange, revoked or misnamed; ask the operator, whose log has the reason"},
	{"unsupported certificate", "the exchange refuses certificates of this kind", "take a certificate for client authentication"},
	{"protocol version", "the exchange and jisr have no version of TLS in common", "the exchange speaks TLS 1.3; check the port in --server, and that no proxy ends TLS on the way"},
	{"no application protocol", "the server speaks TLS and not gRPC", "check the port in --server"},
	{"ALPN", "the server speaks TLS and not gRPC", "check the port in --server"},
	{"handshake failure", "the exchange and jisr found no common ground for TLS", "check that no proxy ends TLS on the way"},
}

func alertError(server string, err error) error {
	var plain tls.RecordHeaderError
	if errors.As(err, &plain) {
		return &connectionError{server + " does not speak TLS", "the exchange speaks nothing else; check the port in --server"}
	}
	text := err.Error()
	for _, a := range alerts {
		if strings.Contains(text, a.words) {
			return &connectionError{a.what + " (" + server + ")", a.action}
		}
	}
	if isTimeout(err) {
		return &connectionError{server + " accepts connections and does not answer", "something else may listen there, or a firewall holds the traffic back; check --server"}
	}
	return &connectionError{server + " closed the connection during the handshake", "it may have refused your certificate or not be an exchange; the operator's log has the reason"}
}

func hostsOf(cert *x509.Certificate) []string {
	var hosts []string
	if cert != nil {
		hosts = append(hosts, cert.DNSNames...)
		for _, ip := range cert.IPAddresses {
			hosts = append(hosts, ip.String())
		}
	}
	if len(hosts) == 0 {
		hosts = []string{"none"}
	}
	return hosts
}

// badFiles names what is wrong with the files of certificate, key and authority.
func badFiles(ca, cert, key string, err error) error {
	var path *fs.PathError
	switch {
	case errors.As(err, &path) && errors.Is(err, fs.ErrNotExist):
		return &connectionError{"there is no file " + path.Path, "check --dir, --agency and --system, or --ca, --cert and --key; jisr certs makes throw-away ones"}
	case errors.As(err, &path) && errors.Is(err, fs.ErrPermission):
		return &connectionError{"the file " + path.Path + " may not be read by this user", "change its owner, or run jisr as the user it belongs to"}
	case errors.As(err, &path):
		return &connectionError{"the file " + path.Path + " cannot be read", "check --ca, --cert and --key"}
	case strings.Contains(err.Error(), "does not match"):
		return &connectionError{"the key " + key + " does not belong to the certificate " + cert, "name the two files that were issued together"}
	case strings.Contains(err.Error(), "no PEM certificate"):
		return &connectionError{ca + " holds no certificate in PEM", "name the authority's certificate with --ca"}
	}
	return &connectionError{cert + " and " + key + " are not a certificate and its key in PEM", "name the two files that were issued together"}
}
