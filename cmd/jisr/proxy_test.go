package main

import (
	"bufio"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/jisr-exchange/jisr/services/certs"
)

// asProcess marks a run of the test binary that is jisr itself: Go reads the
// proxy's variables once in a process, and never takes one to loopback.
const asProcess = "JISR_TEST_AS_PROCESS"

// behindProxy runs the doctor as a process that reaches exchange.test only by a proxy.
func behindProxy(t *testing.T, s *stand, proxy string) outcome {
	t.Helper()
	cert, key := certs.ClientFiles(s.dir, "dcoc", "main")
	cmd := exec.CommandContext(t.Context(), os.Args[0], "doctor", "--server", "exchange.test:7443", "--ca", filepath.Join(s.dir, certs.CAFile), "--cert", cert, "--key", key, "--timeout", "5s")
	cmd.Env = append(os.Environ(), asProcess+"=1", "HTTPS_PROXY=http://"+proxy, "NO_PROXY=")
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return outcome{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// proxyTo answers CONNECT with a status and, where that is 200, hands the connection on.
func proxyTo(t *testing.T, status string, pass func(net.Conn)) string {
	return listener(t, func(c net.Conn) {
		if r, err := http.ReadRequest(bufio.NewReader(c)); err != nil || r.Method != http.MethodConnect || r.Host != "exchange.test:7443" {
			_ = c.Close()
			return
		}
		_, _ = io.WriteString(c, "HTTP/1.1 "+status+"\r\n\r\n")
		if pass != nil {
			go pass(c)
		}
	})
}

// bridge passes bytes both ways between a connection and an address.
func bridge(t *testing.T, addr string) func(net.Conn) {
	return func(near net.Conn) {
		far, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", addr)
		if err != nil {
			_ = near.Close()
			return
		}
		go func() {
			_, _ = io.Copy(far, near)
			_ = far.Close()
		}()
		_, _ = io.Copy(near, far)
		_ = near.Close()
	}
}

func TestAProxyInTheWayIsNamed(t *testing.T) {
	s := newStand(t, nil)
	pair, err := s.authority.IssueServer("exchange.test")
	if err != nil {
		t.Fatal(err)
	}
	behind := newShaped(t, s, func(c *tls.Config) { c.Certificates = []tls.Certificate{pair.TLS()} })
	behind.now = timestamppb.Now
	opened, err := stranger(t).IssueServer("exchange.test")
	if err != nil {
		t.Fatal(err)
	}
	for name, proxy := range map[string]string{
		"closed":  closedPort(t),
		"refuses": proxyTo(t, "403 Forbidden", nil),
		"no_http": listener(t, func(c net.Conn) { _, _ = io.WriteString(c, "SSH-2.0-test\r\n") }),
		"opens_tls": proxyTo(t, "200 OK", func(c net.Conn) {
			_ = tls.Server(c, &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{opened.TLS()}, NextProtos: []string{"h2"}}).HandshakeContext(t.Context())
		}),
		// The control: a proxy that passes TLS through is no fault.
		"passes": proxyTo(t, "200 OK", bridge(t, behind.addr)),
	} {
		t.Run(name, func(t *testing.T) {
			o := behindProxy(t, s, proxy)
			for _, mask := range masks {
				o.stdout = mask.find.ReplaceAllString(o.stdout, mask.put)
			}
			golden(t, "doctor_proxy_"+name, o, proxy, "PROXY", s.dir, "CERTS")
		})
	}
}
