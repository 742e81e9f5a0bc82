package identity_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net"
	"os"
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
	r := x.refusedHandshake(t, once(x.as("police"), getCase, good()...), identity.RefusalReason(fault.CertificateRevoked))
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
	x.refusedHandshake(t, once(x.as("court"), health), identity.RefusalReason(fault.CertificateUnchecked))

	must(t, x.authority.Publish(x.dir))
	must(t, x.revocation.Refresh(context.Background()))
	admitted(t, call(police, getCase, good()...))
}

func TestAListThatIsStaleForOneAuthorityIsNotStaleForAnother(t *testing.T) {
	x := open(t)
	other, err := certs.New(certs.Options{Now: x.clock.Now, ListValidity: 3 * time.Hour})
	must(t, err)
	long, err := other.List()
	must(t, err)
	short, err := x.authority.List()
	must(t, err)
	path := x.file("both.pem")
	must(t, os.WriteFile(path, append(short, long...), 0o600))
	r, err := identity.NewRevocation(identity.RevocationOptions{
		Path: path, Now: x.clock.Now,
		Authorities: func() []*x509.Certificate {
			return []*x509.Certificate{x.authority.Certificate(), other.Certificate()}
		},
	})
	must(t, err)
	for _, want := range [][2]bool{{true, true}, {true, false}, {false, false}} {
		if some, all := r.Fresh(); some != want[0] || all != want[1] {
			t.Errorf("some %v, all %v; want %v", some, all, want)
		}
		x.clock.advance(2 * time.Hour)
	}
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
