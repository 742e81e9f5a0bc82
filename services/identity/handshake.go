package identity

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"unicode"

	"google.golang.org/grpc/credentials"

	"github.com/jisr-exchange/jisr/services/budget"
	"github.com/jisr-exchange/jisr/services/fault"
)

// RefusalReason is why a handshake failed: one of the constants here, or a
// CERTIFICATE_ reason of the fault catalogue.
type RefusalReason string

// The reasons beside the catalogue's.
const (
	NoCertificate      RefusalReason = "NO_CERTIFICATE"
	CertificateForeign RefusalReason = "CERTIFICATE_FOREIGN"
	OldTLS             RefusalReason = "OLD_TLS"
	NotTLS             RefusalReason = "NOT_TLS"
	NotHTTP2           RefusalReason = "NOT_HTTP2"
	RefusedByClient    RefusalReason = "REFUSED_BY_CLIENT"
	Disconnected       RefusalReason = "DISCONNECTED"
	BadHandshake       RefusalReason = "BAD_HANDSHAKE"
	TooManyHandshakes  RefusalReason = "TOO_MANY_HANDSHAKES"
)

var refusalActions = map[RefusalReason]string{
	NoCertificate:      "the client must send a certificate; some libraries withhold one whose issuer the server does not list",
	CertificateForeign: "the client's certificate must come from one of the client authorities; check the chain that it sends",
	OldTLS:             "the client must speak TLS 1.3",
	NotTLS:             "the client must speak TLS, not plain text",
	NotHTTP2:           "the client must offer h2 by ALPN, as gRPC does",
	RefusedByClient:    "the client does not trust the server's certificate, or its own name for the server differs",
	Disconnected:       "the client went away in the middle: a probe, a time-out or a proxy",
	BadHandshake:       "the handshake broke TLS, or the client does not hold the certificate's key",
	TooManyHandshakes:  "more connections are opened than can be served in turn, most of them from this one's address; find at the firewall where they come from",
}

// RefusalReasons returns every reason for which a handshake can fail, in order.
func RefusalReasons() []RefusalReason {
	all := []RefusalReason{
		RefusalReason(fault.CertificateInvalid), RefusalReason(fault.CertificateExpired),
		RefusalReason(fault.CertificateRevoked), RefusalReason(fault.CertificateUnchecked),
	}
	for r := range refusalActions {
		all = append(all, r)
	}
	slices.Sort(all)
	return all
}

// Known reports whether a reason is one of RefusalReasons.
func (r RefusalReason) Known() bool { return slices.Contains(RefusalReasons(), r) }

// Refused tells the server's log of a handshake that failed, and no more than this.
type Refused struct {
	// Reason is why.
	Reason RefusalReason
	// Action is what helps.
	Action string
	// Subject, Serial (hex) and Issuer are the certificate's; empty where none
	// was sent. Nobody vouches for them: they are what the client says.
	Subject, Serial, Issuer string
}

// ReportRefusals wraps server credentials so that each handshake that fails is
// reported. The client learns no more than TLS tells it; the operator can
// help it by this. report is called on the connection's goroutine.
func ReportRefusals(inner credentials.TransportCredentials, report func(Refused)) credentials.TransportCredentials {
	return &reporting{TransportCredentials: inner, report: report}
}

type reporting struct {
	credentials.TransportCredentials
	report func(Refused)
}

func (r *reporting) ServerHandshake(raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	conn, info, err := r.TransportCredentials.ServerHandshake(raw)
	if err != nil {
		r.report(refusalOf(err))
	}
	return conn, info, err
}

func (r *reporting) Clone() credentials.TransportCredentials {
	return &reporting{TransportCredentials: r.TransportCredentials.Clone(), report: r.report}
}

func refusalOf(err error) Refused {
	reason := reasonOf(err)
	refused := Refused{Reason: reason, Action: refusalActions[reason]}
	if refused.Action == "" {
		_, _, refused.Action = fault.Describe(fault.Reason(reason))
	}
	if cert := certificateOf(err); cert != nil {
		refused.Subject = clean(cert.Subject.String())
		refused.Serial = clean(serialOf(cert))
		refused.Issuer = clean(cert.Issuer.String())
	}
	return refused
}

func certificateOf(err error) *x509.Certificate {
	var door *refusedCertificate
	if errors.As(err, &door) {
		return door.cert
	}
	var tlsErr *tls.CertificateVerificationError
	if errors.As(err, &tlsErr) && len(tlsErr.UnverifiedCertificates) > 0 {
		return tlsErr.UnverifiedCertificates[0]
	}
	return nil
}

func reasonOf(err error) RefusalReason {
	var f *fault.Fault
	if errors.As(err, &f) {
		return RefusalReason(f.Reason())
	}
	if errors.Is(err, budget.ErrCrowded) {
		return TooManyHandshakes
	}
	var verification *tls.CertificateVerificationError
	if errors.As(err, &verification) {
		return reasonOfVerification(verification.Err)
	}
	var record tls.RecordHeaderError
	if errors.As(err, &record) {
		return NotTLS
	}
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "remote error" {
		return RefusedByClient
	}
	// Every other trouble of the network itself is an OpError too, time-outs among them.
	if op != nil || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.ErrClosedPipe) || errors.Is(err, os.ErrDeadlineExceeded) {
		return Disconnected
	}
	// crypto/tls has no types for these; a test pins its words.
	text := err.Error()
	switch {
	case strings.Contains(text, "didn't provide a certificate"):
		return NoCertificate
	case strings.Contains(text, "unsupported versions"):
		return OldTLS
	case strings.Contains(text, "application protocol"), strings.Contains(text, "ALPN"):
		return NotHTTP2
	}
	return BadHandshake
}

func reasonOfVerification(err error) RefusalReason {
	var invalid x509.CertificateInvalidError
	var foreign x509.UnknownAuthorityError
	switch {
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return RefusalReason(fault.CertificateExpired)
	case errors.As(err, &foreign):
		return CertificateForeign
	}
	return RefusalReason(fault.CertificateInvalid)
}

// clean makes a text of a certificate fit for a log: one line, no control or
// direction characters, 200 characters at the most.
func clean(s string) string {
	var b strings.Builder
	n := 0
	for _, r := range s {
		if n++; n > 200 {
			b.WriteString("…")
			break
		}
		if !unicode.IsPrint(r) {
			r = unicode.ReplacementChar
		}
		b.WriteRune(r)
	}
	return b.String()
}
