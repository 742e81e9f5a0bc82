package identity_test

import (
	"context"
	"crypto/tls"
	"errors"
	"os"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jisr-exchange/jisr/services/certs"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/identity"
)

func TestNewMaterialIsUsedWithoutRestart(t *testing.T) {
	x := open(t)
	admitted(t, call(x.as("police"), health))
	served := func() string {
		t.Helper()
		conf, err := certs.ClientTLS(x.dir, "police", "desk")
		must(t, err)
		conn, err := tls.Dial("tcp", x.address, withName(conf))
		must(t, err)
		defer func() { must(t, conn.Close()) }()
		return conn.ConnectionState().PeerCertificates[0].SerialNumber.Text(16)
	}
	before := served()
	other := t.TempDir()
	next, err := certs.Create(other, certs.Options{Clients: []certs.Client{{Agency: "police", System: "desk"}}})
	must(t, err)
	// A renewal half done: the key is the next one's, the certificate not yet.
	key, err := os.ReadFile(other + "/" + certs.ServerKeyFile)
	must(t, err)
	x.write(certs.ServerKeyFile, key)
	if err := x.material.Refresh(context.Background()); err == nil {
		t.Fatal("a key that does not match was taken")
	}
	if now := served(); now != before {
		t.Fatal("the last good certificate was given up")
	}
	cert, err := os.ReadFile(other + "/" + certs.ServerFile)
	must(t, err)
	x.write(certs.ServerFile, cert)
	must(t, certs.WriteCertificates(x.file(certs.CAFile), x.authority.Certificate(), next.Certificate()))
	must(t, x.material.Refresh(context.Background()))
	if now := served(); now == before {
		t.Fatal("the new certificate is not served")
	}
	// The new authority's clients are let in once its list is there.
	pair, err := next.IssueClient("police", "desk")
	must(t, err)
	must(t, next.Publish(other))
	x.refusedHandshake(t, once(x.dial(x.client(pair.TLS())), health), identity.RefusalReason(fault.CertificateUnchecked))
	list, err := os.ReadFile(other + "/" + certs.ListFile)
	must(t, err)
	x.write(certs.ListFile, append(x.read(certs.ListFile), list...))
	must(t, x.revocation.Refresh(context.Background()))
	admitted(t, call(x.dial(x.client(pair.TLS())), health))
	// An authority that is no longer trusted takes its open connections with it.
	police := x.as("police")
	admitted(t, call(police, health))
	must(t, certs.WriteCertificates(x.file(certs.CAFile), next.Certificate()))
	must(t, x.material.Refresh(context.Background()))
	if err := x.revocation.Refresh(context.Background()); err == nil {
		t.Fatal("nobody is told of a list that no authority signed")
	}
	refusedFor(t, call(police, health), fault.CertificateUnchecked)
}

func TestClientAuthoritiesAreAuthoritiesAlone(t *testing.T) {
	x := open(t)
	files := identity.Files{Certificate: x.file(certs.ServerFile), Key: x.file(certs.ServerKeyFile), ClientCAs: x.file(certs.CAFile)}
	if _, err := identity.LoadMaterial(files); err != nil {
		t.Fatal(err)
	}
	leaf, err := x.authority.IssueClient("police", "desk")
	must(t, err)
	for what, spoil := range map[string]func(){
		"a leaf":  func() { must(t, certs.WriteCertificates(files.ClientCAs, x.authority.Certificate(), leaf.Certificate)) },
		"a key":   func() { x.write(certs.CAFile, x.read(certs.CAKeyFile)) },
		"nothing": func() { x.write(certs.CAFile, nil) },
		"no file": func() { files.ClientCAs = x.file("no-such-file.pem") },
	} {
		spoil()
		if m, err := identity.LoadMaterial(files); err == nil || m != nil {
			t.Errorf("%s: was taken for client authorities", what)
		}
	}
}

func TestWatchRefreshesAndTellsEachTroubleOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		trouble := errors.New("trouble")
		var now atomic.Pointer[error]
		rounds := 0
		var told []error
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() {
			done <- identity.Watch(ctx, 10*time.Second, func(err error) { told = append(told, err) },
				func(context.Context) error {
					rounds++
					if err := now.Load(); err != nil {
						return *err
					}
					return nil
				})
		}()
		after := func(d time.Duration, rises *error) {
			<-time.After(d) // by the bubble's clock, which does not wait
			synctest.Wait()
			now.Store(rises)
		}
		after(25*time.Second, &trouble)
		after(30*time.Second, nil)
		after(30*time.Second, nil)
		cancel()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if rounds != 8 || len(told) != 2 || !errors.Is(told[0], trouble) || told[1] != nil {
			t.Fatalf("%d rounds told %v", rounds, told)
		}
	})
	for what, err := range map[string]error{
		"too seldom":       identity.Watch(t.Context(), time.Minute, func(error) {}, func(context.Context) error { return nil }),
		"never":            identity.Watch(t.Context(), 0, func(error) {}, func(context.Context) error { return nil }),
		"heard by nobody":  identity.Watch(t.Context(), time.Second, nil, func(context.Context) error { return nil }),
		"nothing to watch": identity.Watch(t.Context(), time.Second, func(error) {}),
	} {
		if err == nil {
			t.Errorf("%s: accepted", what)
		}
	}
}
