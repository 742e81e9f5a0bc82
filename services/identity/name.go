package identity

import (
	"crypto/x509"
	"errors"
	"slices"
	"strings"
	"sync"

	"github.com/spiffe/go-spiffe/v2/spiffeid"
)

// name is what a certificate says about its holder.
type name struct {
	agency, system, serial string
}

var errName = errors.New("identity: the certificate's name is not spiffe://<domain>/agency/<agency>/system/<system>")

// parseName reads the only URI SAN of a client certificate. Exactly one,
// because with two another verifier may read the other (SPIFFE X509-SVID 4.1
// asks the same). The certificate must be for client authentication by name:
// crypto/x509 also lets one pass that names no usage at all. Nor may it be an
// authority's, which could sign itself any agency.
func parseName(cert *x509.Certificate, domain spiffeid.TrustDomain) (name, error) {
	if len(cert.URIs) != 1 || cert.IsCA || !slices.Contains(cert.ExtKeyUsage, x509.ExtKeyUsageClientAuth) {
		return name{}, errName
	}
	id, err := spiffeid.FromURI(cert.URIs[0])
	if err != nil || id.TrustDomain() != domain {
		return name{}, errName
	}
	agency, system, ok := splitPath(id.Path())
	if !ok {
		return name{}, errName
	}
	return name{agency: agency, system: system, serial: serialOf(cert)}, nil
}

// splitPath takes /agency/<agency>/system/<system> apart, and nothing else.
func splitPath(path string) (agency, system string, ok bool) {
	rest, ok := strings.CutPrefix(path, "/agency/")
	if !ok {
		return "", "", false
	}
	agency, system, ok = strings.Cut(rest, "/system/")
	if !ok || !isLabel(agency) || !isLabel(system) {
		return "", "", false
	}
	return agency, system, true
}

// isLabel reports whether s is [a-z0-9-]{1,63}.
func isLabel(s string) bool {
	if len(s) < 1 || len(s) > 63 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}

// serialOf writes a serial number as logs and callers have it: hex, lower case.
func serialOf(cert *x509.Certificate) string {
	if cert.SerialNumber == nil {
		return ""
	}
	return cert.SerialNumber.Text(16)
}

// maxNames bounds the cache of names: far more than the systems of an
// exchange, and small enough for the certificates that it keeps alive.
const maxNames = 1024

// names remembers what certificates say, because that never changes. Whether
// one is still good is asked at every call and never remembered. It is keyed
// by the parsed certificate itself: a connection has the same one all along.
type names struct {
	domain spiffeid.TrustDomain

	mu    sync.RWMutex
	known map[*x509.Certificate]name
}

func (n *names) of(cert *x509.Certificate) (name, error) {
	n.mu.RLock()
	found, ok := n.known[cert]
	n.mu.RUnlock()
	if ok {
		return found, nil
	}
	found, err := parseName(cert, n.domain)
	if err != nil {
		return name{}, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.known) >= maxNames {
		// All at once: closed connections' entries go too, and a new one costs a microsecond.
		clear(n.known)
	}
	n.known[cert] = found
	return found, nil
}
