package identity_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/jisr-exchange/jisr/services/certs"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/identity"
)

func TestRevokedCertificateIsRefusedOnANewConnection(t *testing.T) {
	x := open(t)
	admitted(t, call(x.as("police"), getCase, good()...))
	x.revoke("police")
	r := x.refusedHandshake(t, call(x.as("police"), getCase, good()...), identity.RefusalReason(fault.CertificateRevoked))
	if r.Serial == "" || r.Subject == "" || r.Issuer == "" {
		t.Fatalf("the log was not told which certificate: %+v", r)
	}
	admitted(t, call(x.as("court"), getCase, good(identity.RoleHeader, "investigating_judge")...))
}

func TestRevokedCertificateIsRefusedOnAnOpenConnection(t *testing.T) {
	x := open(t)
	police, court := x.as("police"), x.as("court")
	admitted(t, call(police, getCase, good()...))
	admitted(t, call(court, getCase, good(identity.RoleHeader, "investigating_judge")...))
	x.revoke("police")
	refusedFor(t, call(police, getCase, good()...), fault.CertificateRevoked)
	refusedFor(t, call(police, health), fault.CertificateRevoked)
	admitted(t, call(court, getCase, good(identity.RoleHeader, "investigating_judge")...))
}

func TestRevokedCertificateDoesNotComeBackByResumption(t *testing.T) {
	x := open(t)
	// connect opens a connection and reads from it, which takes a ticket if there is one.
	connect := func(address string, conf *tls.Config) (resumed bool, err error) {
		conn, err := tls.Dial("tcp", address, conf)
		if err != nil {
			return false, err
		}
		defer func() {
			if err := conn.Close(); err != nil {
				t.Log(err)
			}
		}()
		must(t, conn.SetReadDeadline(time.Now().Add(10*time.Second)))
		_, err = conn.Read(make([]byte, 1)) // the server's HTTP/2 preface, or its alert
		return conn.ConnectionState().DidResume, err
	}
	// weaken serves the same door with tickets, and on request with the checks
	// where they do not run on resumption.
	weaken := func(onlyVerifyPeer bool) (address string, client *tls.Config) {
		outer := x.tls.Clone()
		outer.SessionTicketsDisabled = false
		outer.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			c, err := x.tls.GetConfigForClient(hello)
			if err != nil {
				return nil, err
			}
			c.SessionTicketsDisabled = false
			if onlyVerifyPeer {
				verify := c.VerifyConnection
				c.VerifyConnection = nil
				c.VerifyPeerCertificate = func(_ [][]byte, chains [][]*x509.Certificate) error {
					return verify(tls.ConnectionState{PeerCertificates: chains[0], VerifiedChains: chains})
				}
			}
			return c, nil
		}
		return x.serve(outer), x.clientWithSessions("police")
	}
	sound := x.clientWithSessions("police")
	weakAddress, weak := weaken(true)
	ticketAddress, tickets := weaken(false)
	for address, conf := range map[string]*tls.Config{x.address: sound, weakAddress: weak, ticketAddress: tickets} {
		if _, err := connect(address, conf); err != nil {
			t.Fatal(err)
		}
	}
	if resumed, err := connect(ticketAddress, tickets); err != nil || !resumed {
		t.Fatalf("control: a good client does not resume where tickets are on: %v, %v", resumed, err)
	}
	x.revoke("police")
	if resumed, err := connect(weakAddress, weak); err != nil || !resumed {
		t.Fatalf("control: VerifyPeerCertificate alone kept the revoked client out: resumed %v, %v", resumed, err)
	}
	if _, err := connect(ticketAddress, tickets); err == nil {
		t.Fatal("a revoked certificate came back where tickets are on")
	}
	if resumed, err := connect(x.address, sound); err == nil || resumed {
		t.Fatalf("a revoked certificate came back: resumed %v", resumed)
	}
}

func (x *exchange) clientWithSessions(agency string) *tls.Config {
	conf, err := certs.ClientTLS(x.dir, agency, "desk")
	must(x.t, err)
	conf.ServerName, _, err = net.SplitHostPort(x.address)
	must(x.t, err)
	conf.ClientSessionCache = tls.NewLRUClientSessionCache(8)
	return conf
}

func TestWithoutAFreshListEveryCertificateIsRefused(t *testing.T) {
	x := open(t)
	police := x.as("police")
	admitted(t, call(police, getCase, good()...))
	if want := x.clock.Now().Add(time.Hour); x.revocation.NextUpdate().Sub(want).Abs() > time.Second {
		t.Fatalf("next update is %v, want %v", x.revocation.NextUpdate(), want)
	}
	x.clock.advance(time.Hour + time.Second)
	must(t, x.revocation.Refresh(context.Background()))
	refusedFor(t, call(police, getCase, good()...), fault.CertificateUnchecked)
	x.refusedHandshake(t, call(x.as("court"), health), identity.RefusalReason(fault.CertificateUnchecked))

	must(t, x.authority.Publish(x.dir))
	must(t, x.revocation.Refresh(context.Background()))
	admitted(t, call(police, getCase, good()...))
}

func TestVanishedOrSpoiltListLeavesTheLastGoodOneUntilItsNextUpdate(t *testing.T) {
	for what, spoil := range map[string]func(x *exchange){
		"vanished":  func(x *exchange) { must(t, os.Remove(x.file(certs.ListFile))) },
		"empty":     func(x *exchange) { x.write(certs.ListFile, nil) },
		"half":      func(x *exchange) { text := x.read(certs.ListFile); x.write(certs.ListFile, text[:len(text)/2]) },
		"nonsense":  func(x *exchange) { x.write(certs.ListFile, []byte("no list at all")) },
		"unsigned":  func(x *exchange) { x.write(certs.ListFile, flipLastByte(x.read(certs.ListFile))) },
		"otherwise": func(x *exchange) { x.write(certs.ListFile, x.read(certs.CAFile)) },
		"too long":  func(x *exchange) { x.write(certs.ListFile, make([]byte, 16<<20+1)) },
	} {
		t.Run(what, func(t *testing.T) {
			x := open(t)
			police, court := x.as("police"), x.as("court")
			x.revoke("court")
			spoil(x)
			if err := x.revocation.Refresh(context.Background()); err == nil {
				t.Fatal("nobody is told that the list is amiss")
			}
			admitted(t, call(police, getCase, good()...))
			x.refusedHandshake(t, call(court, health), identity.RefusalReason(fault.CertificateRevoked))
			x.clock.advance(time.Hour + time.Second)
			if err := x.revocation.Refresh(context.Background()); err == nil {
				t.Fatal("nobody is told that the list is amiss")
			}
			refusedFor(t, call(police, getCase, good()...), fault.CertificateUnchecked)
		})
	}
}

func flipLastByte(text []byte) []byte {
	block, _ := pem.Decode(text)
	block.Bytes[len(block.Bytes)-1] ^= 1
	return pem.EncodeToMemory(block)
}

func TestListOfAStrangerRevokesNobodyAndFreshensNothing(t *testing.T) {
	x := open(t)
	police := x.as("police")
	admitted(t, call(police, getCase, good()...))
	// A namesake: the same subject, another key.
	stranger, err := certs.New(certs.Options{Now: x.clock.Now, ListValidity: 1000 * time.Hour})
	must(t, err)
	must(t, stranger.Publish(x.dir))
	if err := x.revocation.Refresh(context.Background()); err == nil {
		t.Fatal("a stranger's list was taken")
	}
	admitted(t, call(police, getCase, good()...))
	x.clock.advance(time.Hour + time.Second)
	refusedFor(t, call(police, getCase, good()...), fault.CertificateUnchecked)
}

func TestOlderListNeverReplacesANewerOne(t *testing.T) {
	x := open(t)
	police := x.as("police")
	admitted(t, call(police, getCase, good()...))
	before := x.read(certs.ListFile)
	x.revoke("police")
	refusedFor(t, call(police, getCase, good()...), fault.CertificateRevoked)
	x.write(certs.ListFile, before)
	if err := x.revocation.Refresh(context.Background()); err == nil {
		t.Fatal("nobody is told that an older list was put back")
	}
	refusedFor(t, call(police, getCase, good()...), fault.CertificateRevoked)
	// Control: the same list is good where it is the newest.
	fresh, err := identity.NewRevocation(identity.RevocationOptions{Path: x.file(certs.ListFile), Authorities: x.material.Authorities, Now: x.clock.Now})
	must(t, err)
	admitted(t, fresh.Check(x.lastCaller().Chains()))
}

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
	publish("other-0-newer.crl") // the older file stays beside it
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
