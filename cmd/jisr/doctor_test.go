package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/jisr-exchange/jisr/services/certs"
)

// faults are mistakes that are made for real, each with the check that must find it.
var faults = map[string]struct {
	check string
	code  int
	make  func(*testing.T, *ward)
}{
	"no_server":         {"context", exitUsage, func(_ *testing.T, w *ward) { w.server = "" }},
	"no_such_context":   {"context", exitUsage, func(_ *testing.T, w *ward) { w.args = []string{"--context", "nowhere"} }},
	"key_for_all":       {"key_mode", exitConnection, func(t *testing.T, w *ward) { chmod(t, w.key, 0o644) }},
	"key_missing":       {"key", exitConnection, func(_ *testing.T, w *ward) { w.key = "/nowhere/key.pem" }},
	"not_a_certificate": {"certificate", exitConnection, func(t *testing.T, w *ward) { w.cert = write(t, "text.pem", "no certificate\n") }},
	"key_of_another": {"key", exitConnection, func(t *testing.T, w *ward) {
		cert := w.cert
		w.issue(t, w.Authority(), func(*x509.Certificate) {})
		w.cert = cert
	}},
	"expired": {"expiry", exitConnection, func(t *testing.T, w *ward) {
		w.issue(t, w.Authority(), func(c *x509.Certificate) { c.NotBefore, c.NotAfter = longAgo, longAgo.Add(time.Hour) })
	}},
	"a_servers": {"client_use", exitConnection, func(t *testing.T, w *ward) {
		w.issue(t, w.Authority(), func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} })
	}},
	"no_name": {"agency_name", exitConnection, func(t *testing.T, w *ward) {
		w.issue(t, w.Authority(), func(c *x509.Certificate) { c.URIs = nil })
	}},
	"of_another_agency": {"agency_name", exitConnection, func(_ *testing.T, w *ward) { w.agency = "molsa" }},
	"of_another_authority": {"chain", exitConnection, func(t *testing.T, w *ward) {
		w.issue(t, stranger(t), func(*x509.Certificate) {})
	}},
	"closed_port":  {"address", exitConnection, func(t *testing.T, w *ward) { w.server = closedPort(t) }},
	"unknown_host": {"address", exitConnection, func(_ *testing.T, w *ward) { w.server = "nowhere.invalid:7443" }},
	"another_protocol": {"address", exitConnection, func(t *testing.T, w *ward) {
		w.server = listener(t, func(c net.Conn) { _, _ = c.Write([]byte("SSH-2.0-test\r\n")) })
	}},
	"a_web_server": {"address", exitConnection, func(t *testing.T, w *ward) {
		pair, err := w.Authority().IssueServer()
		if err != nil {
			t.Fatal(err)
		}
		web := &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{pair.TLS()}, NextProtos: []string{"http/1.1"}}
		w.server = listener(t, func(c net.Conn) { _ = tls.Server(c, web).HandshakeContext(t.Context()) })
	}},
	"server_of_another_name": {"server_certificate", exitConnection, func(t *testing.T, w *ward) {
		w.serverOf(t, w.Authority(), func(c *x509.Certificate) { c.IPAddresses, c.DNSNames = nil, []string{"exchange.test"} })
	}},
	"server_of_another_authority": {"server_certificate", exitConnection, func(t *testing.T, w *ward) {
		w.serverOf(t, stranger(t), func(*x509.Certificate) {})
	}},
	"server_expired": {"server_certificate", exitConnection, func(t *testing.T, w *ward) {
		w.serverOf(t, w.Authority(), func(c *x509.Certificate) { c.NotAfter = c.NotBefore.Add(time.Second) })
	}},
	"authority_missing": {"server_certificate", exitConnection, func(_ *testing.T, w *ward) { w.ca = "/nowhere/ca.pem" }},
	// An hour is enough to be wrong and not enough to put any certificate out of date.
	"clock_slow": {"clock", exitConnection, func(_ *testing.T, w *ward) { w.now = ago(time.Hour) }},
	// By these clocks both certificates seem to be out of date, and neither is.
	"clock_a_year_ahead":   {"clock", exitConnection, func(_ *testing.T, w *ward) { w.now = ago(-400 * 24 * time.Hour) }},
	"clock_a_decade_early": {"clock", exitConnection, func(_ *testing.T, w *ward) { w.now = ago(10 * 365 * 24 * time.Hour) }},
	"not_in_the_agreement": {"who_am_i", exitRefused, func(t *testing.T, w *ward) {
		w.issue(t, w.Authority(), func(c *x509.Certificate) {
			c.URIs = []*url.URL{certs.Client{Agency: "nobody", System: "main"}.ID(certs.DefaultTrustDomain)}
		})
	}},
	"role_not_held_in_sorani": {"who_am_i", exitRefused, func(t *testing.T, w *ward) {
		w.args = []string{"--role", "trial_court", "--language", "ckb"}
	}},
	"revoked": {"who_am_i", exitConnection, func(t *testing.T, w *ward) {
		certs, err := readCertificates(w.cert)
		if err != nil {
			t.Fatal(err)
		}
		w.Authority().Revoke(certs[0].SerialNumber)
		if err := w.Authority().Publish(filepath.Join(w.Dir, "certs")); err != nil {
			t.Fatal(err)
		}
		w.Restart()
		w.server = w.Address()
	}},
}

// ago is a clock that goes wrong by that much.
func ago(d time.Duration) func() time.Time { return func() time.Time { return time.Now().Add(-d) } }

func chmod(t *testing.T, file string, mode os.FileMode) {
	t.Helper()
	if err := os.Chmod(file, mode); err != nil {
		t.Fatal(err)
	}
}

// findingsOf reads what the doctor says in JSON.
func findingsOf(t *testing.T, o outcome) []finding {
	t.Helper()
	var said struct {
		OK     bool
		Checks []finding
	}
	if err := json.Unmarshal([]byte(o.stdout), &said); err != nil {
		t.Fatalf("%v\n%+v", err, o)
	}
	if len(said.Checks) != 12 || said.OK != (o.code == exitOK) {
		t.Fatalf("%d checks, ok is %v with exit code %d", len(said.Checks), said.OK, o.code)
	}
	return said.Checks
}

func TestTheDoctorNamesTheRightCauseAndWhatToDo(t *testing.T) {
	found := make(map[string]bool)
	for name, fault := range faults {
		found[fault.check] = true
		t.Run(name, func(t *testing.T) {
			w := newWard(t)
			fault.make(t, w)
			o := w.examine(t, "--json")
			if o.code != fault.code {
				t.Errorf("exit code %d, want %d", o.code, fault.code)
			}
			for _, f := range findingsOf(t, o) {
				if (f.Result == resultFailed) != (f.Check == fault.check) {
					t.Errorf("%s %s: %s", f.Check, f.Result, f.Found)
				}
				if (f.Result == resultFailed) != (f.Action != "") || f.Found == "" {
					t.Errorf("%s %s says %q, and to do %q", f.Check, f.Result, f.Found, f.Action)
				}
			}
			golden(t, "doctor_"+name, masked(w, w.examine(t)))
		})
	}
	for _, c := range (&patient{}).checks() {
		if !found[c.name] {
			t.Errorf("no fault is made that %s should find", c.name)
		}
	}
}

func TestTheDoctorFindsNothingWhereAllIsWell(t *testing.T) {
	w := newWard(t)
	golden(t, "doctor_well", masked(w, w.examine(t)))
	for _, f := range findingsOf(t, w.examine(t, "--json")) {
		if f.Result != resultOK || f.Action != "" {
			t.Errorf("%+v", f)
		}
	}
}

// masks are what differs from run to run beside paths and addresses.
var masks = []struct {
	find *regexp.Regexp
	put  string
}{
	{regexp.MustCompile(`serial number [0-9a-f]+`), "serial number SERIAL"},
	{regexp.MustCompile(`until [0-9-]+ [0-9:]+ UTC`), "until DATE UTC"},
	{regexp.MustCompile(`agree to within [0-9]+s`), "agree to within SECONDS"},
	{regexp.MustCompile(`clock is [0-9a-z ]+ (ahead of|behind)`), "clock is LONG $1"},
}

// masked takes out of what the doctor says what differs from run to run.
func masked(w *ward, o outcome) outcome {
	pairs := []string{w.server, "HOST", w.Address(), "HOST", filepath.Join(w.Dir, "certs"), "CERTS"}
	for _, f := range []string{w.ca, w.cert, w.key} {
		if dir := filepath.Dir(f); dir != filepath.Join(w.Dir, "certs") && dir != "/nowhere" {
			pairs = append(pairs, dir, "FILES")
		}
	}
	if w.server == "" {
		pairs = pairs[2:]
	}
	o.stdout = strings.NewReplacer(pairs...).Replace(o.stdout)
	for _, mask := range masks {
		o.stdout = mask.find.ReplaceAllString(o.stdout, mask.put)
	}
	return o
}

func TestWhatTheDoctorSkipsItSaysWhy(t *testing.T) {
	w := newWard(t)
	w.server = closedPort(t)
	var skipped []string
	for _, f := range findingsOf(t, w.examine(t, "--json")) {
		if f.Result == resultSkipped {
			skipped = append(skipped, f.Check+" "+f.Found)
		}
	}
	if want := []string{"server_certificate because of address", "clock because of address", "who_am_i because of address"}; !slices.Equal(skipped, want) {
		t.Errorf("skipped %q, want %q", skipped, want)
	}
}

func TestTheDoctorsHelpListsItsChecks(t *testing.T) {
	rest := doctorLong
	for _, c := range (&patient{}).checks() {
		_, after, found := strings.Cut(rest, "\n  "+c.name+" ")
		if !found {
			t.Fatalf("%s is not where it belongs in the help", c.name)
		}
		rest = after
	}
}

// By this machine's clock the server's certificate is out of date, so somebody
// who found an old one might be answering: for the time alone, no officer is named.
func TestNoOfficerIsNamedToAServerThatMayBeAnother(t *testing.T) {
	s := newStand(t, nil)
	s.now = timestamppb.Now
	cert, key := certs.ClientFiles(s.dir, "dcoc", "main")
	w := &ward{files: files{filepath.Join(s.dir, certs.CAFile), cert, key}, server: s.addr, now: time.Now, args: []string{"--officer", "d.12", "--purpose", "investigation"}}
	for _, c := range []struct {
		now   func() time.Time
		named int
	}{{time.Now, 1}, {ago(-400 * 24 * time.Hour), 0}} {
		w.now = c.now
		w.examine(t)
		if got := s.headers.Get("jisr-officer"); len(got) != c.named {
			t.Errorf("the officer went along as %q", got)
		}
		if said := s.headers.Get("user-agent"); len(said) != 1 || !strings.HasPrefix(said[0], program()+" ") {
			t.Errorf("who called says that it is %q", said)
		}
	}
}
