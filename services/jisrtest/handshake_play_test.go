package jisrtest_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"net"
	"strings"
	"testing"

	"google.golang.org/grpc/health/grpc_health_v1"

	"github.com/jisr-exchange/jisr/services/certs"
	"github.com/jisr-exchange/jisr/services/jisrtest"
)

// refusedLine is what the server's log says of refused handshakes.
type refusedLine struct {
	Msg, Reason, Action, Subject, Serial, Issuer string
	Count                                        int
}

func refusedLines(t *testing.T, x *jisrtest.Exchange) (one, more []refusedLine) {
	t.Helper()
	for line := range strings.Lines(x.Log.String()) {
		var l refusedLine
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatal(err)
		}
		switch l.Msg {
		case "handshake refused":
			one = append(one, l)
		case "more handshakes refused":
			more = append(more, l)
		}
	}
	return one, more
}

func TestTheServersLogSaysWhyAHandshakeWasRefusedAndWhoseItWas(t *testing.T) {
	x := jisrtest.Start(t)
	stranger, err := certs.New(certs.Options{})
	if err != nil {
		t.Fatal(err)
	}
	pair, err := stranger.Issue("a stranger's desk", func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} })
	if err != nil {
		t.Fatal(err)
	}
	for _, certificates := range [][]tls.Certificate{{pair.TLS()}, nil} {
		config := x.TLS("moi-ct", "cases")
		config.GetClientCertificate = nil
		config.Certificates = certificates
		if certificates != nil {
			config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &certificates[0], nil }
		}
		c, err := jisrtest.Connect(x.Address(), config, "moi-ct", nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Health.Check(ctx, &grpc_health_v1.HealthCheckRequest{}); err == nil {
			t.Error("a stranger was let in")
		}
		if err := c.Conn.Close(); err != nil {
			t.Fatal(err)
		}
	}
	x.Stop()
	one, _ := refusedLines(t, x)
	seen := make(map[string]refusedLine)
	for _, l := range one {
		seen[l.Reason] = l
	}
	foreign, none := seen["CERTIFICATE_FOREIGN"], seen["NO_CERTIFICATE"]
	if foreign.Action == "" || !strings.Contains(foreign.Subject, "a stranger's desk") || foreign.Serial != pair.Certificate.SerialNumber.Text(16) || !strings.Contains(foreign.Issuer, "authority") {
		t.Errorf("of the stranger: %+v", foreign)
	}
	if none.Action == "" || none.Subject+none.Serial+none.Issuer != "" {
		t.Errorf("of who sent no certificate: %+v", none)
	}
}

func TestAFloodOfBadHandshakesDoesNotFillTheLog(t *testing.T) {
	const flood = 100
	x := jisrtest.Start(t)
	for range flood {
		conn, err := net.Dial("tcp", x.Address())
		if err != nil {
			t.Fatal(err)
		}
		// Plain text is answered with an alert, so each is refused before the next comes.
		if _, err := conn.Write([]byte("GET / HTTP/1.1\r\n\r\n")); err != nil {
			t.Fatal(err)
		}
		_, _ = conn.Read(make([]byte, 16))
		if err := conn.Close(); err != nil {
			t.Fatal(err)
		}
	}
	x.Stop()
	one, more := refusedLines(t, x)
	if len(one) >= flood/2 || len(more) == 0 {
		t.Fatalf("%d lines for %d handshakes, and %v", len(one), flood, more)
	}
	total := len(one)
	for _, l := range more {
		total += l.Count
	}
	if total != flood {
		t.Errorf("%d refusals are told or counted, want %d", total, flood)
	}
}
