package certs_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jisr-exchange/jisr/services/certs"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// agencies are as many as an exchange has.
func agencies(n int) []certs.Client {
	var all []certs.Client
	for i := range n {
		all = append(all, certs.Client{Agency: fmt.Sprintf("agency-%d", i), System: "desk"})
	}
	return all
}

func TestKeysAreReadableByTheirOwnerAlone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "certs")
	_, err := certs.Create(dir, certs.Options{Clients: agencies(2)})
	must(t, err)
	entries, err := os.ReadDir(dir)
	must(t, err)
	keys := 0
	for _, e := range entries {
		info, err := e.Info()
		must(t, err)
		want := fs.FileMode(0o644)
		if strings.HasSuffix(e.Name(), "-key.pem") {
			keys++
			want = 0o600
		}
		if info.Mode().Perm() != want {
			t.Errorf("%s has mode %v, want %v", e.Name(), info.Mode().Perm(), want)
		}
	}
	if keys != 4 || len(entries) != 9 {
		t.Fatalf("%d keys among %d files, want 4 among 9", keys, len(entries))
	}
}

func TestClientAndServerOfOneDirectoryTrustEachOther(t *testing.T) {
	dir := t.TempDir()
	a, err := certs.Create(dir, certs.Options{Clients: agencies(1), TrustDomain: "exchange.test", Hosts: []string{"exchange.test", "127.0.0.1"}})
	must(t, err)
	conf, err := certs.ClientTLS(dir, "agency-0", "desk")
	must(t, err)
	server, err := tls.LoadX509KeyPair(filepath.Join(dir, certs.ServerFile), filepath.Join(dir, certs.ServerKeyFile))
	must(t, err)
	// handshake lets a client meet the server; the server lists no authority that a client could go by.
	handshake := func(conf *tls.Config, host string, trusted *x509.Certificate) (*x509.Certificate, error) {
		pool := x509.NewCertPool()
		pool.AddCert(trusted)
		near, far := net.Pipe()
		conf = conf.Clone()
		conf.ServerName = host
		client, accepting := tls.Client(near, conf), tls.Server(far, &tls.Config{
			Certificates: []tls.Certificate{server}, MinVersion: tls.VersionTLS13,
			ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool,
		})
		done := make(chan error, 1)
		go func() {
			done <- client.Handshake()
			if _, err := client.Read(make([]byte, 1)); err == nil {
				done <- fmt.Errorf("read something")
			}
		}()
		err := accepting.Handshake()
		if closing := far.Close(); err == nil {
			err = closing
		}
		if other := <-done; err == nil {
			err = other
		}
		if err != nil {
			return nil, err
		}
		return accepting.ConnectionState().PeerCertificates[0], nil
	}
	cert, err := handshake(conf, "exchange.test", a.Certificate())
	must(t, err)
	if len(cert.URIs) != 1 || cert.URIs[0].String() != "spiffe://exchange.test/agency/agency-0/system/desk" {
		t.Fatalf("the server saw the names %v", cert.URIs)
	}
	if _, err := handshake(conf, "127.0.0.1", a.Certificate()); err != nil {
		t.Fatal(err)
	}
	if _, err := handshake(conf, "elsewhere.test", a.Certificate()); err == nil {
		t.Fatal("the server passed for another host")
	}
	// A client whose issuer is not listed hands its certificate over all the
	// same, so that the server can name the mistake.
	other, err := certs.New(certs.Options{})
	must(t, err)
	_, err = handshake(conf, "exchange.test", other.Certificate())
	if err == nil || !strings.Contains(err.Error(), "unknown authority") {
		t.Fatalf("got %v, want that the server does not know the authority", err)
	}
	// A renewed certificate is used without restart.
	renewed, err := a.WriteClient(dir, "agency-0", "desk")
	must(t, err)
	cert, err = handshake(conf, "exchange.test", a.Certificate())
	must(t, err)
	if cert.SerialNumber.Cmp(renewed.Certificate.SerialNumber) != 0 {
		t.Fatal("the old certificate was handed over")
	}
}

func listOf(t testing.TB, dir string) *x509.RevocationList {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, certs.ListFile))
	must(t, err)
	block, _ := pem.Decode(text)
	list, err := x509.ParseRevocationList(block.Bytes)
	must(t, err)
	return list
}

func TestRevocationOutlivesTheProcessAndNumbersOnlyGrow(t *testing.T) {
	dir := t.TempDir()
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	o := certs.Options{Now: func() time.Time { return now }, ListValidity: time.Hour}
	a, err := certs.Create(dir, o)
	must(t, err)
	first := listOf(t, dir)
	if len(first.RevokedCertificateEntries) != 0 || !first.NextUpdate.Equal(now.Add(time.Hour)) {
		t.Fatalf("the first list holds %d and is fresh until %v", len(first.RevokedCertificateEntries), first.NextUpdate)
	}
	pair, err := a.IssueClient("police", "desk")
	must(t, err)
	a.Revoke(pair.Certificate.SerialNumber, pair.Certificate.SerialNumber)
	must(t, a.Publish(dir))
	again, err := certs.Open(dir, o)
	must(t, err)
	again.Revoke(big.NewInt(7))
	must(t, again.Publish(dir))
	last := listOf(t, dir)
	if len(last.RevokedCertificateEntries) != 2 || last.RevokedCertificateEntries[0].SerialNumber.Cmp(pair.Certificate.SerialNumber) != 0 {
		t.Fatalf("the last list holds %v", last.RevokedCertificateEntries)
	}
	if last.Number.Cmp(first.Number) <= 0 {
		t.Fatalf("the number went from %v to %v", first.Number, last.Number)
	}
	must(t, last.CheckSignatureFrom(a.Certificate()))
	must(t, again.PublishFor(dir, -time.Hour))
	if stale := listOf(t, dir); !stale.NextUpdate.Before(now) || !stale.ThisUpdate.Before(stale.NextUpdate) {
		t.Fatalf("a list to be stale runs from %v to %v", stale.ThisUpdate, stale.NextUpdate)
	}
}

func TestNoFileIsWrittenOverAnother(t *testing.T) {
	dir := t.TempDir()
	a, err := certs.Create(dir, certs.Options{Clients: []certs.Client{{Agency: "a-b", System: "c"}}})
	must(t, err)
	if _, err := certs.Create(dir, certs.Options{}); err == nil {
		t.Error("an authority was written over another")
	}
	if _, err := a.WriteClient(dir, "a-b", "c"); err != nil {
		t.Errorf("a client could not be renewed: %v", err)
	}
	for what, c := range map[string]certs.Client{
		"a client over another":   {Agency: "a", System: "b-c"},
		"a client over a key":     {Agency: "server", System: "key"},
		"a client over one's key": {Agency: "a-b", System: "c-key"},
		"a path":                  {Agency: "..", System: "x"},
		"no agency":               {System: "x"},
		"capitals":                {Agency: "Police", System: "x"},
	} {
		if _, err := a.WriteClient(dir, c.Agency, c.System); err == nil {
			t.Errorf("%s: written", what)
		}
	}
	if _, err := certs.Open(t.TempDir(), certs.Options{}); err == nil {
		t.Error("an authority was opened where there is none")
	}
	if _, err := certs.ClientTLS(dir, "nobody", "x"); err == nil {
		t.Error("a client without files was configured")
	}
}

func BenchmarkCreateForThirtyAgencies(b *testing.B) {
	for b.Loop() {
		if _, err := certs.Create(b.TempDir(), certs.Options{Clients: agencies(30)}); err != nil {
			b.Fatal(err)
		}
	}
}
