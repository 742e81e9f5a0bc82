// Package certs is a small certificate authority for development, the
// demonstration and tests: a throw-away root, a server certificate, one client
// certificate for each agency's system, and the revocation list without which
// jisr admits nobody. It keeps its key in a file, so it is never the authority
// of an exchange in service.
package certs

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// Defaults of Options.
const (
	// DefaultTrustDomain is the SPIFFE trust domain of throw-away certificates;
	// `.test` never resolves (RFC 2606), so none is taken for a real one.
	DefaultTrustDomain = "jisr.test"
	// DefaultValidity is how long throw-away certificates and lists last: a
	// development directory outlives a holiday, not a season.
	DefaultValidity = 30 * 24 * time.Hour
)

// backdate keeps a certificate valid on a machine whose clock is a little behind the issuer's.
const backdate = time.Minute

// Options says what to make. Zero values take the defaults.
type Options struct {
	// TrustDomain stands in every client certificate's URI SAN.
	TrustDomain string
	// Hosts are the DNS names and IP addresses of the server certificate;
	// localhost, 127.0.0.1 and ::1 when empty.
	Hosts []string
	// Clients are the agencies' systems that get a certificate.
	Clients []Client
	// Validity is how long certificates last.
	Validity time.Duration
	// ListValidity is how long a revocation list counts as fresh; Validity when
	// zero, because nobody reissues the list of a throw-away authority.
	ListValidity time.Duration
	// Now is the clock; time.Now when nil.
	Now func() time.Time
}

// Client is one system of one agency.
type Client struct {
	// Agency is the agency's slug in the agreement.
	Agency string
	// System is the name that the agency gives the system.
	System string
}

// label is what agencies and systems may be called in a certificate.
var label = regexp.MustCompile(`^[a-z0-9-]{1,63}$`)

// check says what is wrong with a client's names.
func (c Client) check() error {
	if !label.MatchString(c.Agency) || !label.MatchString(c.System) {
		return errors.New("certs: an agency and a system are each 1 to 63 of a-z, 0-9 and -")
	}
	// Else the certificate file of one would be the key file of another.
	if c.System == "key" || strings.HasSuffix(c.System, "-key") {
		return errors.New("certs: a system's name does not end in key, because its key file does")
	}
	return nil
}

// ID is the client's name in its certificate.
func (c Client) ID(trustDomain string) *url.URL {
	return &url.URL{Scheme: "spiffe", Host: trustDomain, Path: "/agency/" + c.Agency + "/system/" + c.System}
}

// Authority issues certificates and the list of those it revoked. It is safe for concurrent use.
type Authority struct {
	opts Options
	cert *x509.Certificate
	key  *ecdsa.PrivateKey

	mu      sync.Mutex
	number  *big.Int // of the newest list; RFC 5280 5.2.3: it only grows
	revoked []x509.RevocationListEntry
}

// New makes an authority in memory.
func New(o Options) (*Authority, error) {
	o = o.withDefaults()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("certs: key: %w", err)
	}
	tmpl, err := o.template("jisr development authority")
	if err != nil {
		return nil, err
	}
	tmpl.IsCA = true
	tmpl.BasicConstraintsValid = true
	// Zero: it signs clients and servers itself and no other authority.
	tmpl.MaxPathLenZero = true
	tmpl.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("certs: authority: %w", err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("certs: authority: %w", err)
	}
	return &Authority{opts: o, cert: cert, key: key, number: new(big.Int)}, nil
}

// Certificate returns the authority's own certificate.
func (a *Authority) Certificate() *x509.Certificate { return a.cert }

// TrustDomain returns the trust domain in its client certificates.
func (a *Authority) TrustDomain() string { return a.opts.TrustDomain }

// IssueServer issues a certificate for the server of those hosts, or of Options.Hosts.
func (a *Authority) IssueServer(hosts ...string) (*Pair, error) {
	if len(hosts) == 0 {
		hosts = a.opts.Hosts
	}
	return a.Issue("jisrd", func(t *x509.Certificate) {
		t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
		for _, h := range hosts {
			if ip := net.ParseIP(h); ip != nil {
				t.IPAddresses = append(t.IPAddresses, ip)
			} else {
				t.DNSNames = append(t.DNSNames, h)
			}
		}
	})
}

// IssueClient issues a certificate for a system of an agency.
func (a *Authority) IssueClient(agency, system string) (*Pair, error) {
	c := Client{Agency: agency, System: system}
	if err := c.check(); err != nil {
		return nil, err
	}
	return a.Issue(agency+" "+system, func(t *x509.Certificate) {
		t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
		t.URIs = []*url.URL{c.ID(a.opts.TrustDomain)}
	})
}

// Issue issues a certificate of another shape: shape changes the template
// before it is signed. Tests make with it what an honest authority would not.
func (a *Authority) Issue(commonName string, shape func(*x509.Certificate)) (*Pair, error) {
	tmpl, err := a.opts.template(commonName)
	if err != nil {
		return nil, err
	}
	tmpl.KeyUsage = x509.KeyUsageDigitalSignature
	if shape != nil {
		shape(tmpl)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("certs: key: %w", err)
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, a.cert, key.Public(), a.key)
	if err != nil {
		return nil, fmt.Errorf("certs: issue: %w", err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("certs: issue: %w", err)
	}
	return &Pair{Certificate: cert, key: key}, nil
}

// template returns a certificate that is valid from now on under a random serial number.
func (o Options) template(commonName string) (*x509.Certificate, error) {
	// 128 random bits: more than the 64 that the CA/Browser Forum asks, so serials never collide nor tell an order.
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 128))
	if err != nil {
		return nil, fmt.Errorf("certs: serial: %w", err)
	}
	now := o.Now()
	return &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{Organization: []string{"jisr development"}, CommonName: commonName},
		NotBefore:    now.Add(-backdate),
		NotAfter:     now.Add(o.Validity),
	}, nil
}

func (o Options) withDefaults() Options {
	if o.TrustDomain == "" {
		o.TrustDomain = DefaultTrustDomain
	}
	if len(o.Hosts) == 0 {
		o.Hosts = []string{"localhost", "127.0.0.1", "::1"}
	}
	o.Hosts = slices.Clone(o.Hosts)
	if o.Validity <= 0 {
		o.Validity = DefaultValidity
	}
	if o.ListValidity <= 0 {
		o.ListValidity = o.Validity
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}
