package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jisr-exchange/jisr/services/certs"
)

// listener gives every connection to serve, until the test ends.
func listener(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	var open []net.Conn
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			open = append(open, conn)
			serve(conn)
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		<-done
		for _, conn := range open {
			_ = conn.Close()
		}
	})
	return l.Addr().String()
}

// pairFiles writes a certificate that an authority issued in the shape asked for.
func pairFiles(t *testing.T, authority *certs.Authority, shape func(*x509.Certificate)) (cert, key string) {
	t.Helper()
	pair, err := authority.Issue("shaped", shape)
	if err != nil {
		t.Fatal(err)
	}
	return writePair(t, pair)
}

func clientShape(t *x509.Certificate) {
	t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	t.URIs = append(t.URIs, certs.Client{Agency: "dcoc", System: "main"}.ID(certs.DefaultTrustDomain))
}

func TestConnectionMistakesAreNamedWithWhatToDo(t *testing.T) {
	s := newStand(t, nil)
	foreign, err := certs.New(certs.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ca := filepath.Join(s.dir, certs.CAFile)
	cert, key := certs.ClientFiles(s.dir, "dcoc", "main")
	text := write(t, "text.pem", "no certificate at all\n")
	server := func(shape func(*tls.Config)) string { return newShaped(t, s, shape).addr }
	issued := func(shape func(*x509.Certificate)) string {
		return server(func(c *tls.Config) {
			pair, err := s.authority.Issue("shaped server", func(t *x509.Certificate) {
				t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
				shape(t)
			})
			if err != nil {
				t.Fatal(err)
			}
			c.Certificates = []tls.Certificate{pair.TLS()}
		})
	}
	pair, err := s.authority.IssueServer()
	if err != nil {
		t.Fatal(err)
	}
	web := &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{pair.TLS()}, NextProtos: []string{"http/1.1"}}
	local := []net.IP{net.IPv4(127, 0, 0, 1)}
	type files struct{ ca, cert, key string }
	good := files{ca, cert, key}
	client := func(a *certs.Authority, shape func(*x509.Certificate)) files {
		c, k := pairFiles(t, a, shape)
		return files{ca, c, k}
	}
	_, otherKey := pairFiles(t, s.authority, clientShape)
	for name, tc := range map[string]struct {
		server string
		files  files
	}{
		"closed_port":  {closedPort(t), good},
		"unknown_host": {"nowhere.invalid:7443", good},
		"silent":       {listener(t, func(net.Conn) {}), good},
		"hangs_up":     {listener(t, func(c net.Conn) { _ = c.Close() }), good},
		"plaintext": {listener(t, func(c net.Conn) {
			_, _ = c.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
		}), good},
		"old_tls":  {server(func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS12, tls.VersionTLS12 }), good},
		"not_grpc": {listener(t, func(c net.Conn) { _ = tls.Server(c, web).HandshakeContext(t.Context()) }), good},
		"server_of_another_authority": {server(func(c *tls.Config) {
			pair, err := foreign.IssueServer()
			if err != nil {
				t.Fatal(err)
			}
			c.Certificates = []tls.Certificate{pair.TLS()}
		}), good},
		"server_of_another_name": {issued(func(t *x509.Certificate) { t.DNSNames = []string{"exchange.test"} }), good},
		"server_expired":         {issued(func(t *x509.Certificate) { t.IPAddresses, t.NotAfter = local, t.NotBefore.Add(time.Second) }), good},
		"server_is_a_client": {issued(func(t *x509.Certificate) {
			t.IPAddresses, t.ExtKeyUsage = local, []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
		}), good},
		"client_of_another_authority": {s.addr, client(foreign, clientShape)},
		"client_refused": {server(func(c *tls.Config) {
			c.VerifyConnection = func(tls.ConnectionState) error { return errors.New("revoked") }
		}), good},
		"client_expired":       {s.addr, client(s.authority, func(t *x509.Certificate) { clientShape(t); t.NotBefore, t.NotAfter = longAgo, longAgo.Add(time.Hour) })},
		"client_not_yet_valid": {s.addr, client(s.authority, func(t *x509.Certificate) { clientShape(t); t.NotBefore, t.NotAfter = farAhead, farAhead.Add(time.Hour) })},
		"client_is_a_server":   {s.addr, client(s.authority, func(t *x509.Certificate) { t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} })},
		"client_without_name":  {s.addr, client(s.authority, func(t *x509.Certificate) { t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} })},
		"client_missing":       {s.addr, files{ca, "/nowhere/cert.pem", key}},
		"client_not_pem":       {s.addr, files{ca, text, key}},
		"key_of_another":       {s.addr, files{ca, cert, otherKey}},
		"authority_missing":    {s.addr, files{"/nowhere/ca.pem", cert, key}},
		"authority_not_pem":    {s.addr, files{text, cert, key}},
	} {
		t.Run(name, func(t *testing.T) {
			o := jisr(t, "whoami", "--server", tc.server, "--ca", tc.files.ca, "--cert", tc.files.cert, "--key", tc.files.key, "--timeout", "500ms")
			if o.code != exitConnection || !strings.Contains(o.stderr, "what to do: ") {
				t.Errorf("exit %d, want %d and what to do", o.code, exitConnection)
			}
			golden(t, "connection_"+name, o, tc.server, "HOST", s.dir, "DIR", filepath.Dir(tc.files.cert), "FILES", filepath.Dir(otherKey), "OTHER", filepath.Dir(text), "TEXT")
		})
	}
}

var (
	longAgo  = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	farAhead = time.Date(2120, 1, 1, 0, 0, 0, 0, time.UTC)
)

// The report of a closed port is what a newcomer sees first. It comes with the
// first refusal, whatever the deadline: with one of an hour a wait would not end.
func TestClosedPortIsReportedWithoutWaitingForTheDeadline(t *testing.T) {
	s := newStand(t, nil)
	for _, command := range []string{"whoami", "doctor"} {
		o := jisr(t, command, "--server", closedPort(t), "--dir", s.dir, "--agency", "dcoc", "--timeout", "1h")
		if o.code != exitConnection || !strings.Contains(o.stdout+o.stderr, "nothing listens at") {
			t.Errorf("%s: %+v", command, o)
		}
	}
}

func TestImportWithoutConnectionExitsWithThree(t *testing.T) {
	s := newStand(t, nil)
	args := []string{"import", "--register", "../../examples/register.csv", "--mapping", "../../examples/register.mapping.yaml"}
	if o := jisr(t, append(args, "--server", closedPort(t), "--dir", s.dir, "--agency", "dcoc")...); o.code != exitConnection {
		t.Errorf("%+v", o)
	}
}

// closedPort is an address at which nothing listens.
func closedPort(t *testing.T) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// newShaped starts a second stand that trusts the first one's authority and has a certificate of it.
func newShaped(t *testing.T, s *stand, shape func(*tls.Config)) *stand {
	t.Helper()
	return newStand(t, func(c *tls.Config) {
		pair, err := s.authority.IssueServer()
		if err != nil {
			t.Fatal(err)
		}
		c.Certificates = []tls.Certificate{pair.TLS()}
		c.ClientCAs = x509.NewCertPool()
		c.ClientCAs.AddCert(s.authority.Certificate())
		shape(c)
	})
}

// writePair writes a pair as two PEM files.
func writePair(t *testing.T, pair *certs.Pair) (cert, key string) {
	t.Helper()
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	der, err := x509.MarshalPKCS8PrivateKey(pair.TLS().PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	for path, block := range map[string][]byte{cert: pemOf("CERTIFICATE", pair.Certificate.Raw), key: pemOf("PRIVATE KEY", der)} {
		if err := os.WriteFile(path, block, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

func pemOf(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}
