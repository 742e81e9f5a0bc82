package identity_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/url"
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/certs"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/identity"
)

func noLaw() *agreement.Law { return nil }

// peerOf is the context of a call over a connection in that state.
func peerOf(state *tls.ConnectionState) context.Context {
	p := &peer.Peer{}
	if state != nil {
		p.AuthInfo = credentials.TLSInfo{State: *state}
	}
	return peer.NewContext(context.Background(), p)
}

// stateOf is the state of a connection that was verified for that certificate.
func (x *exchange) stateOf(cert *x509.Certificate) *tls.ConnectionState {
	return &tls.ConnectionState{
		PeerCertificates: []*x509.Certificate{cert},
		VerifiedChains:   [][]*x509.Certificate{{cert, x.authority.Certificate()}},
	}
}

func (x *exchange) contextOf(agency string) context.Context {
	x.t.Helper()
	pair, err := tls.LoadX509KeyPair(certs.ClientFiles(x.dir, agency, "desk"))
	must(x.t, err)
	return peerOf(x.stateOf(pair.Leaf))
}

func unverified(t *testing.T, x *exchange) *tls.ConnectionState {
	t.Helper()
	pair, err := x.authority.IssueClient("police", "desk")
	must(t, err)
	state := x.stateOf(pair.Certificate)
	state.VerifiedChains = nil
	return state
}

func TestCertificateThatDoesNotNameOneAgencyAndSystemIsRefused(t *testing.T) {
	x := open(t)
	client := func(uris ...string) func(*x509.Certificate) {
		return func(c *x509.Certificate) {
			c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
			for _, u := range uris {
				parsed, err := url.Parse(u)
				must(t, err)
				c.URIs = append(c.URIs, parsed)
			}
		}
	}
	const police = "spiffe://jisr.test/agency/police/system/desk"
	for what, shape := range map[string]func(*x509.Certificate){
		"sound":                client(police),
		"no URI SAN":           client(),
		"two URI SANs":         client(police, "spiffe://jisr.test/agency/court/system/desk"),
		"the same twice":       client(police, police),
		"wrong trust domain":   client("spiffe://other.test/agency/police/system/desk"),
		"a sub-domain":         client("spiffe://x.jisr.test/agency/police/system/desk"),
		"not SPIFFE":           client("https://jisr.test/agency/police/system/desk"),
		"no system":            client("spiffe://jisr.test/agency/police"),
		"no agency":            client("spiffe://jisr.test/system/desk"),
		"more behind":          client(police + "/officer/o-17"),
		"a slash behind":       client(police + "/"),
		"capitals":             client("spiffe://jisr.test/agency/Police/system/desk"),
		"an empty system":      client("spiffe://jisr.test/agency/police/system/"),
		"dots":                 client("spiffe://jisr.test/agency/../agency/police/system/desk"),
		"a query":              client(police + "?role=court"),
		"a fragment":           client(police + "#x"),
		"a port":               client("spiffe://jisr.test:1/agency/police/system/desk"),
		"escaped":              client("spiffe://jisr.test/agency/polic%65/system/desk"),
		"name only in subject": func(c *x509.Certificate) { client()(c); c.Subject.CommonName = police },
		"name in DNS": func(c *x509.Certificate) {
			client()(c)
			c.DNSNames = []string{"police.jisr.test"}
		},
		"no usage named": func(c *x509.Certificate) { client(police)(c); c.ExtKeyUsage = nil },
		"server usage": func(c *x509.Certificate) {
			client(police)(c)
			c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
		},
		"an authority": func(c *x509.Certificate) {
			client(police)(c)
			c.IsCA, c.BasicConstraintsValid = true, true
		},
	} {
		t.Run(what, func(t *testing.T) {
			pair, err := x.authority.Issue("test", shape)
			must(t, err)
			err = once(x.with(pair), getCase, good()...)
			_, direct := x.door.Admit(peerOf(x.stateOf(pair.Certificate)), health, false)
			if what == "sound" {
				admitted(t, err)
				admitted(t, direct)
				return
			}
			if what == "server usage" {
				// Not a client's certificate at all: TLS refuses it.
				r := x.refusedHandshake(t, err, identity.RefusalReason(fault.CertificateInvalid))
				if r.Serial != pair.Certificate.SerialNumber.Text(16) {
					t.Fatalf("the log was told the certificate %q", r.Serial)
				}
			} else if st := status.Convert(err); st.Code() != codes.Unauthenticated || reasonOf(st) != fault.CertificateInvalid {
				// The call is answered in words, so that whoever made the certificate can mend it.
				t.Fatalf("got %v, want UNAUTHENTICATED CERTIFICATE_INVALID", err)
			}
			if !errors.Is(direct, fault.New(fault.CertificateInvalid)) {
				t.Fatalf("the call got %v, want CERTIFICATE_INVALID", direct)
			}
		})
	}
}

func TestRefusedHandshakesAreToldToTheLogAndNoMore(t *testing.T) {
	x := open(t)
	admitted(t, call(x.as("police"), health))
	t.Run("no certificate", func(t *testing.T) {
		conf := x.client(tls.Certificate{})
		r := x.refusedHandshake(t, once(x.dial(conf), health), identity.NoCertificate)
		if r.Subject != "" || r.Serial != "" || r.Issuer != "" {
			t.Fatalf("a certificate was reported where none was sent: %+v", r)
		}
	})
	t.Run("foreign certificate", func(t *testing.T) {
		stranger, err := certs.New(certs.Options{})
		must(t, err)
		pair, err := stranger.Issue("evil\n\u202etxt"+strings.Repeat("x", 1000), func(c *x509.Certificate) {
			c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
		})
		must(t, err)
		r := x.refusedHandshake(t, once(x.with(pair), health), identity.CertificateForeign)
		if r.Serial == "" || strings.ContainsAny(r.Subject, "\n\u202e") || len([]rune(r.Subject)) > 201 {
			t.Fatalf("the log was told %+q", r)
		}
	})
	t.Run("TLS 1.2", func(t *testing.T) {
		conf, err := certs.ClientTLS(x.dir, "police", "desk")
		must(t, err)
		conf.MinVersion, conf.MaxVersion = tls.VersionTLS12, tls.VersionTLS12
		x.refusedHandshake(t, once(x.dial(conf), health), identity.OldTLS)
	})
	for what, protocols := range map[string][]string{"another protocol": {"http/1.1"}, "no protocol": nil, "a strange protocol": {"x"}} {
		t.Run(what, func(t *testing.T) {
			conf, err := certs.ClientTLS(x.dir, "police", "desk")
			must(t, err)
			conf.NextProtos = protocols
			// The server's refusal may come after the client's part.
			if conn, err := tls.Dial("tcp", x.address, withName(conf)); err == nil {
				defer func() { must(t, conn.Close()) }()
			}
			x.told(t, identity.NotHTTP2)
		})
	}
	t.Run("plain text", func(t *testing.T) {
		conn, err := grpc.NewClient(x.address, grpc.WithTransportCredentials(insecure.NewCredentials()))
		must(t, err)
		defer func() { must(t, conn.Close()) }()
		x.refusedHandshake(t, call(conn, health), identity.NotTLS)
	})
	t.Run("a client that does not trust the server", func(t *testing.T) {
		conf, err := certs.ClientTLS(x.dir, "police", "desk")
		must(t, err)
		conf.RootCAs = x509.NewCertPool()
		x.refusedHandshake(t, once(x.dial(conf), health), identity.RefusedByClient)
	})
	t.Run("gone", func(t *testing.T) {
		conn, err := net.Dial("tcp", x.address)
		must(t, err)
		must(t, conn.Close())
		x.told(t, identity.Disconnected)
	})
	t.Run("a certificate without its key", func(t *testing.T) {
		mine, err := x.authority.IssueClient("police", "desk")
		must(t, err)
		theirs, err := x.authority.IssueClient("court", "desk")
		must(t, err)
		stolen := mine.TLS()
		stolen.Certificate = theirs.TLS().Certificate
		x.refusedHandshake(t, once(x.dial(x.client(stolen)), health), identity.BadHandshake)
	})
}

func withName(conf *tls.Config) *tls.Config {
	conf.ServerName = "127.0.0.1"
	return conf
}

// reasonOf is the catalogue's reason of a status.
func reasonOf(st *status.Status) fault.Reason {
	for _, d := range st.Details() {
		if info, ok := d.(*errdetails.ErrorInfo); ok {
			return fault.Reason(info.GetReason())
		}
	}
	return ""
}
