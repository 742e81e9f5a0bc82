package crash_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"math/big"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/jisr-exchange/jisr/services/certs"
	"github.com/jisr-exchange/jisr/services/jisrtest"
)

// set gives a setting a value in place of what it had.
func (x *exchange) set(setting, value string) {
	x.t.Helper()
	path := filepath.Join(x.dir, "jisrd.yaml")
	text, err := os.ReadFile(path)
	x.must(err)
	var kept []string
	for _, line := range strings.Split(string(text), "\n") {
		if !strings.HasPrefix(line, setting+":") {
			kept = append(kept, line)
		}
	}
	x.must(os.WriteFile(path, []byte(strings.Join(append(kept, setting+": "+value), "\n")), 0o600))
}

// ask asks the operators' port.
func (x *exchange) ask(path string) (code int, text string) {
	x.t.Helper()
	r, err := http.Get("http://" + x.ops + path)
	x.must(err)
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	x.must(err)
	return r.StatusCode, string(body)
}

// tells returns when the operators' port tells that, whatever it told on the way.
func (x *exchange) tells(code int, text string) {
	x.t.Helper()
	again := time.NewTicker(time.Millisecond)
	defer again.Stop()
	for late := bounded(x.t); ; {
		was, told := x.ask("/readyz")
		if was == code && told == text {
			return
		}
		select {
		case <-again.C:
		case <-late.Done():
			x.t.Fatalf("the operators' port tells %d\n%s", was, told)
		}
	}
}

// held makes a call whose entry the disk is slow to take: it is in flight until
// the gateway opens.
func (x *exchange) held(w *world) (g *gateway, ended chan error) {
	x.t.Helper()
	g, ended = closedGateway(), make(chan error, 1)
	x.disk.on(g.rule)
	c := w.read(jisrtest.Police, w.desks[0].changed)
	client := x.as(c.Who)
	go func() { ended <- c.send(context.Background(), client) }()
	g.await(x.t)
	return g, ended
}

func TestAStopGivesNoticeAndThenWaitsForCallsInFlight(t *testing.T) {
	x := install(t)
	x.disk = &disk{}
	x.set("drain_notice", "3s")
	x.set("drain_limit", "1m")
	x.start()
	w := x.settle(rand.Uint64())
	watch, err := x.as(jisrtest.Police).Health.Watch(bounded(t), &grpc_health_v1.HealthCheckRequest{Service: "jisr.log"})
	x.must(err)
	_, err = watch.Recv()
	x.must(err)
	if code, text := x.ask("/readyz"); code != http.StatusOK || !strings.Contains(text, "whole SERVING") {
		t.Errorf("before the stop: %d %s", code, text)
	}
	g, ended := x.held(w)
	x.signal(syscall.SIGTERM)
	if last, err := watch.Recv(); err != nil || last.GetStatus() != grpc_health_v1.HealthCheckResponse_NOT_SERVING {
		t.Errorf("a watcher heard %v (%v) and not that the server is going", last.GetStatus(), err)
	}
	// The time of notice: who has not heard yet is answered all the same.
	if code, text := x.ask("/readyz"); code != http.StatusServiceUnavailable || !strings.Contains(text, "whole NOT_SERVING") || !strings.Contains(text, "store SERVING") {
		t.Errorf("at the stop: %d %s", code, text)
	}
	if code, _ := x.ask("/healthz"); code != http.StatusOK {
		t.Errorf("at the stop the process is told dead: %d", code)
	}
	if got := x.alive(); got != grpc_health_v1.HealthCheckResponse_NOT_SERVING {
		t.Errorf("a call in the time of notice heard %v", got)
	}
	select {
	case <-x.process.Ended():
		t.Fatalf("jisrd ended with a call in flight:\n%s", x.log)
	case err := <-ended:
		t.Fatalf("the call in flight ended with %v before its entry was written", err)
	case <-x.refuses(): // the notice is over
	}
	close(g.open)
	if err := <-ended; err != nil {
		t.Errorf("the call in flight was told %v", err)
	}
	if code := x.wait(); code != 0 {
		t.Fatalf("jisrd ended with %d:\n%s", code, x.log)
	}
	x.disk.on(nil)
	x.start()
	x.stop()
	x.audited(w.book)
}

// refuses is closed when the process takes no new connections.
func (x *exchange) refuses() <-chan struct{} {
	done := make(chan struct{})
	addr, limit := x.addr, bounded(x.t)
	go func() {
		defer close(done)
		for again := time.NewTicker(10 * time.Millisecond); ; {
			conn, err := (&net.Dialer{}).DialContext(limit, "tcp", addr)
			if err != nil {
				again.Stop()
				return
			}
			conn.Close()
			<-again.C
		}
	}()
	return done
}

func TestCallsThatOutlastTheDrainAreCutAndNotToldOK(t *testing.T) {
	x := install(t)
	x.disk = &disk{}
	x.set("drain_limit", "200ms")
	x.start()
	w := x.settle(rand.Uint64())
	g, ended := x.held(w)
	x.signal(syscall.SIGTERM)
	if err := <-ended; status.Code(err) != codes.Unavailable {
		t.Errorf("the call that was cut was told %v", err)
	}
	close(g.open)
	if code := x.wait(); code != 0 {
		t.Fatalf("jisrd ended with %d:\n%s", code, x.log)
	}
	x.disk.on(nil)
	x.start()
	x.stop()
	x.audited(w.book)
}

func TestASecondSignalEndsAtOnce(t *testing.T) {
	x := install(t)
	x.set("drain_notice", "10m")
	x.start()
	w := x.settle(rand.Uint64())
	watch, err := x.as(jisrtest.Police).Health.Watch(bounded(t), &grpc_health_v1.HealthCheckRequest{})
	x.must(err)
	_, err = watch.Recv()
	x.must(err)
	x.signal(syscall.SIGTERM)
	if last, err := watch.Recv(); err != nil || last.GetStatus() != grpc_health_v1.HealthCheckResponse_NOT_SERVING {
		t.Errorf("a watcher heard %v (%v)", last.GetStatus(), err)
	}
	x.signal(syscall.SIGTERM)
	if code := x.wait(); code != 1 {
		t.Fatalf("jisrd ended with %d:\n%s", code, x.log)
	}
	x.set("drain_notice", "0s")
	x.start()
	x.report(x.readBack(w.book, w.book.told()))
	x.stop()
	x.audited(w.book)
}

func TestSIGHUPTakesARenewedCertificateWithoutARestart(t *testing.T) {
	x := install(t)
	x.start()
	dir := filepath.Join(x.dir, "certs")
	first := x.serial()
	// Half of a renewal is not taken, and the log says so.
	authority, err := certs.Open(dir, certs.Options{})
	x.must(err)
	pair, err := authority.IssueServer("localhost", "127.0.0.1")
	x.must(err)
	x.must(certs.WriteCertificates(filepath.Join(dir, certs.ServerFile), pair.Certificate))
	x.signal(syscall.SIGHUP)
	x.log.Until(t, "not all was reloaded")
	if x.serial().Cmp(first) != 0 {
		t.Error("a certificate without its key was taken")
	}
	der, err := x509.MarshalPKCS8PrivateKey(pair.TLS().PrivateKey)
	x.must(err)
	x.must(os.WriteFile(filepath.Join(dir, certs.ServerKeyFile), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600))
	x.signal(syscall.SIGHUP)
	x.log.Until(t, "were read again")
	if x.serial().Cmp(first) == 0 {
		t.Error("the renewed certificate is not shown")
	}
	if _, text := x.ask("/metrics"); strings.Contains(text, `jisr_refreshes_failed_total{kind="certificate"} 0`) {
		t.Error("the refresh that failed is not counted")
	}
	x.stop()
}

// serial is that of the certificate which the process shows to whoever connects.
func (x *exchange) serial() *big.Int {
	x.t.Helper()
	conn, err := tls.Dial("tcp", x.addr, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}})
	x.must(err)
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0].SerialNumber
}

func TestTracesLeaveAProcessOnlyWhereTheEnvironmentAsksForThem(t *testing.T) {
	c := jisrtest.Collect(t)
	x := install(t)
	for _, on := range []bool{false, true} {
		if on {
			t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://"+c.Addr)
			t.Setenv("OTEL_TRACES_SAMPLER", "always_on")
		}
		x.start()
		x.settle(rand.Uint64())
		x.stop() // which gives out what is left
		if got := len(c.Spans()); (got > 0) != on {
			t.Errorf("asked for: %v; spans that left: %d", on, got)
		}
	}
	t.Setenv("OTEL_TRACES_SAMPLER", "every second one")
	if x.tryStart() {
		t.Error("a sampler that is none was taken")
	}
}
