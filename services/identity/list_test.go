package identity_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/jisr-exchange/jisr/services/certs"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/identity"
)

func TestListsOfADirectoryCountForEachAuthority(t *testing.T) {
	x := open(t)
	other, err := certs.New(certs.Options{Now: x.clock.Now})
	must(t, err)
	dir := t.TempDir()
	lists := func() *identity.Revocation {
		t.Helper()
		r, err := identity.NewRevocation(identity.RevocationOptions{
			Path: dir, Now: x.clock.Now,
			Authorities: func() []*x509.Certificate {
				return []*x509.Certificate{x.authority.Certificate(), other.Certificate()}
			},
		})
		if err != nil {
			return nil
		}
		return r
	}
	chains := func(a *certs.Authority) (*certs.Pair, [][]*x509.Certificate) {
		t.Helper()
		pair, err := a.IssueClient("police", "desk")
		must(t, err)
		return pair, [][]*x509.Certificate{{pair.Certificate, a.Certificate()}}
	}
	must(t, x.authority.Publish(dir))
	if lists() != nil {
		t.Fatal("a server started with an authority that has no list")
	}
	otherPair, ofOther := chains(other)
	_, ofFirst := chains(x.authority)
	must(t, os.Rename(filepath.Join(dir, certs.ListFile), filepath.Join(dir, "first.crl")))
	der := func(text []byte) []byte { block, _ := pem.Decode(text); return block.Bytes }
	publish := func(name string) {
		text, err := other.List()
		must(t, err)
		must(t, os.WriteFile(filepath.Join(dir, name), der(text), 0o600)) // DER beside PEM
	}
	publish("other-1.crl")
	must(t, os.WriteFile(filepath.Join(dir, ".new-half"), []byte("half"), 0o600))
	r := lists()
	if r == nil {
		t.Fatal("two authorities with a list each were refused")
	}
	admitted(t, r.Check(ofFirst))
	admitted(t, r.Check(ofOther))
	other.Revoke(otherPair.Certificate.SerialNumber)
	older, err := os.ReadFile(filepath.Join(dir, "other-1.crl"))
	must(t, err)
	// Older ones stay beside it, before and behind.
	publish("other-2.crl")
	must(t, os.WriteFile(filepath.Join(dir, "other-3.crl"), older, 0o600))
	must(t, r.Refresh(context.Background()))
	admitted(t, r.Check(ofFirst))
	if err := r.Check(ofOther); !errors.Is(err, fault.New(fault.CertificateRevoked)) {
		t.Fatalf("got %v, want CERTIFICATE_REVOKED", err)
	}
	if err := r.Check(append(ofFirst, ofOther...)); !errors.Is(err, fault.New(fault.CertificateRevoked)) {
		t.Fatalf("one clean chain let a revoked one pass: %v", err)
	}
	for what, none := range map[string][][]*x509.Certificate{
		"no chain": nil, "an authority itself": {{x.authority.Certificate()}},
	} {
		if err := r.Check(none); !errors.Is(err, fault.New(fault.CertificateUnchecked)) {
			t.Fatalf("%s: got %v, want CERTIFICATE_UNCHECKED", what, err)
		}
	}
}

func TestListThatDoesNotTellAllIsRefused(t *testing.T) {
	x := open(t)
	for what, change := range map[string]func(*x509.RevocationList){
		"delta":    critical(27),
		"partial":  critical(28),
		"unheard":  critical(99),
		"indirect": func(l *x509.RevocationList) { l.RevokedCertificateEntries = []x509.RevocationListEntry{ofAnother()} },
		"whole":    func(*x509.RevocationList) {},
	} {
		t.Run(what, func(t *testing.T) {
			ca, list := x.listOfItsOwn(change)
			path := filepath.Join(t.TempDir(), "list.crl")
			must(t, os.WriteFile(path, list, 0o600))
			_, err := identity.NewRevocation(identity.RevocationOptions{
				Path: path, Now: x.clock.Now, Authorities: func() []*x509.Certificate { return []*x509.Certificate{ca} },
			})
			if whole := what == "whole"; (err == nil) != whole {
				t.Fatalf("accepted is %v: %v", err == nil, err)
			}
		})
	}
}

// critical adds a critical extension id-ce-<number> (RFC 5280 5.2).
func critical(number int) func(*x509.RevocationList) {
	return func(l *x509.RevocationList) {
		l.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, number}, Critical: true, Value: []byte{0x30, 0}}}
	}
}

// ofAnother is an entry that belongs to another authority (RFC 5280 5.3.3).
func ofAnother() x509.RevocationListEntry {
	return x509.RevocationListEntry{
		SerialNumber: big.NewInt(7), RevocationTime: time.Now(),
		ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 29}, Critical: true, Value: []byte{0x30, 0}}},
	}
}

// listOfItsOwn makes an authority and a list of any shape.
func (x *exchange) listOfItsOwn(change func(*x509.RevocationList)) (*x509.Certificate, []byte) {
	x.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(x.t, err)
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "another authority"},
		NotBefore: x.clock.Now(), NotAfter: x.clock.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, SubjectKeyId: []byte{1},
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	must(x.t, err)
	ca, err := x509.ParseCertificate(der)
	must(x.t, err)
	list := &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: x.clock.Now(), NextUpdate: x.clock.Now().Add(time.Hour)}
	change(list)
	der, err = x509.CreateRevocationList(rand.Reader, list, ca, key)
	must(x.t, err)
	return ca, der
}
