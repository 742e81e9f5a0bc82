package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/certs"
	"github.com/jisr-exchange/jisr/services/jisrtest"
)

// ward is a real exchange, with a good certificate of the police for it.
type ward struct {
	*jisrtest.Exchange
	files
	server, agency string
	args           []string
	now            func() time.Time
}

func newWard(t *testing.T, opts ...jisrtest.Option) *ward {
	t.Helper()
	w := &ward{Exchange: jisrtest.Start(t, opts...), now: time.Now}
	w.server = w.Address()
	// It serves before anything is done to it.
	if _, err := w.As(jisrtest.Shelter).WhoAmI(t.Context(), &jisrv1.WhoAmIRequest{}); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(w.Dir, "certs")
	if _, err := w.Authority().WriteClient(dir, "moi-ct", "cases"); err != nil {
		t.Fatal(err)
	}
	cert, key := certs.ClientFiles(dir, "moi-ct", "cases")
	w.files = files{ca: filepath.Join(dir, certs.CAFile), cert: cert, key: key}
	return w
}

// issue gives the ward a certificate that an authority issued in the shape asked for.
func (w *ward) issue(t *testing.T, authority *certs.Authority, shape func(*x509.Certificate)) {
	t.Helper()
	w.cert, w.key = pairFiles(t, authority, func(c *x509.Certificate) {
		c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
		c.URIs = []*url.URL{certs.Client{Agency: "moi-ct", System: "cases"}.ID(certs.DefaultTrustDomain)}
		shape(c)
	})
}

// shaped puts another server in the exchange's place: one with the shape of
// TLS asked for, whose clock is right and which takes the ward's certificates.
func (w *ward) shaped(t *testing.T, shape func(*tls.Config)) {
	t.Helper()
	s := newStand(t, func(c *tls.Config) {
		pair, err := w.Authority().IssueServer()
		if err != nil {
			t.Fatal(err)
		}
		c.Certificates = []tls.Certificate{pair.TLS()}
		c.ClientCAs = x509.NewCertPool()
		c.ClientCAs.AddCert(w.Authority().Certificate())
		shape(c)
	})
	s.now = timestamppb.Now
	w.server = s.addr
}

func (w *ward) serverOf(t *testing.T, authority *certs.Authority, shape func(*x509.Certificate)) {
	t.Helper()
	pair, err := authority.Issue("shaped server", func(c *x509.Certificate) {
		c.ExtKeyUsage, c.IPAddresses = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, []net.IP{net.IPv4(127, 0, 0, 1)}
		shape(c)
	})
	if err != nil {
		t.Fatal(err)
	}
	w.shaped(t, func(c *tls.Config) { c.Certificates = []tls.Certificate{pair.TLS()} })
}

func stranger(t *testing.T) *certs.Authority {
	t.Helper()
	a, err := certs.New(certs.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func (w *ward) flags() []string {
	args := []string{"doctor", "--server", w.server, "--ca", w.ca, "--cert", w.cert, "--key", w.key, "--timeout", "2s"}
	if w.agency != "" {
		args = append(args, "--agency", w.agency)
	}
	return append(args, w.args...)
}

func (w *ward) examine(t *testing.T, more ...string) outcome {
	t.Helper()
	var stdout, stderr bytes.Buffer
	a := &app{stdout: &stdout, stderr: &stderr, getenv: os.Getenv, now: w.now}
	code := a.run(t.Context(), append(w.flags(), more...))
	return outcome{code, stdout.String(), stderr.String()}
}
