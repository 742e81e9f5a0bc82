package identity

import (
	"crypto/x509"
	"math/big"
	"net/url"
	"regexp"
	"testing"

	"github.com/spiffe/go-spiffe/v2/spiffeid"
	"google.golang.org/grpc/metadata"
)

// The rules as the contract's page words them; the door's own code has no regular expressions.
var (
	nameRule    = regexp.MustCompile(`\A(?i:spiffe)://jisr\.test/agency/([a-z0-9-]{1,63})/system/([a-z0-9-]{1,63})#?\z`)
	officerRule = regexp.MustCompile(`\A[A-Za-z0-9._-]{1,64}\z`)
	wordRule    = regexp.MustCompile(`\A[a-z]+(_[a-z]+)*\z`)
)

func FuzzNameIsTakenByTheRuleOrNotAtAll(f *testing.F) {
	for _, s := range []string{
		"spiffe://jisr.test/agency/police/system/desk", "spiffe://jisr.test/agency/system/system/x",
		"spiffe://jisr.test/agency/a/system/b/system/c", "spiffe://jisr.test//agency/a/system/b", "SPIFFE://jisr.test/agency/a/system/b",
		"spiffe://jisr.test/agency/%61/system/b", "spiffe://u@jisr.test/agency/a/system/b", "spiffe://jisr.test/agency/a/system/b?", "spiffe:opaque",
	} {
		f.Add(s)
	}
	domain := spiffeid.RequireTrustDomainFromString("jisr.test")
	f.Fuzz(func(t *testing.T, text string) {
		uri, err := url.Parse(text)
		if err != nil {
			return
		}
		got, err := parseName(&x509.Certificate{
			URIs: []*url.URL{uri}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, SerialNumber: big.NewInt(1),
		}, domain)
		want := nameRule.FindStringSubmatch(text)
		if (err == nil) != (want != nil) {
			t.Fatalf("%q: taken is %v, the rule says %v", text, err == nil, want != nil)
		}
		if want != nil && (got.agency != want[1] || got.system != want[2]) {
			t.Fatalf("%q: read as %+v", text, got)
		}
	})
}

func FuzzHeadersAreTakenByTheRuleOrNotAtAll(f *testing.F) {
	f.Add(OfficerHeader, "o-17", PurposeHeader, "investigation", RoleHeader, "ngo")
	f.Add(OfficerHeader, "o-17", OfficerHeader, "o-17", "jisr-agency", "x")
	f.Add("Jisr-Officer", "o", "jisr-", "", "jisr-purpose-bin", "x")
	f.Fuzz(func(t *testing.T, k1, v1, k2, v2, k3, v3 string) {
		md := metadata.Pairs(k1, v1, k2, v2, k3, v3)
		h, err := readHeaders(md)
		sound := true
		for key, values := range md {
			known := key == OfficerHeader || key == PurposeHeader || key == RoleHeader
			if !known && len(key) >= 5 && key[:5] == "jisr-" {
				sound = false
			}
			if !known {
				continue
			}
			v := values[0]
			if len(values) != 1 ||
				key == OfficerHeader && (!officerRule.MatchString(v) || h.officer != v) ||
				key == PurposeHeader && (!wordRule.MatchString(v) || purposeByHeader[v] == 0 || h.purpose != purposeByHeader[v]) ||
				key == RoleHeader && (!wordRule.MatchString(v) || roleByHeader[v] == 0 || h.role != roleByHeader[v]) {
				sound = false
			}
		}
		if (err == nil) != sound {
			t.Fatalf("%q: taken is %v, the rule says %v", md, err == nil, sound)
		}
		if err != nil && h != (headers{}) {
			t.Fatalf("%q: refused, and read all the same: %+v", md, h)
		}
	})
}

func FuzzRevocationFileNeverPanics(f *testing.F) {
	f.Add([]byte("-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----\n"))
	f.Add([]byte{0x30, 0x00})
	f.Fuzz(func(t *testing.T, text []byte) {
		ders, err := file{"list.crl", text}.lists()
		if err != nil {
			return
		}
		for _, der := range ders {
			if _, l, err := parseList(der, nil); err == nil || l != nil {
				t.Fatal("a list was taken without an authority")
			}
		}
	})
}

func TestTheCacheOfNamesIsBounded(t *testing.T) {
	n := names{domain: spiffeid.RequireTrustDomainFromString("jisr.test"), known: make(map[*x509.Certificate]name)}
	uri, err := url.Parse("spiffe://jisr.test/agency/police/system/desk")
	if err != nil {
		t.Fatal(err)
	}
	for range 3 * maxNames {
		cert := &x509.Certificate{URIs: []*url.URL{uri}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
		if _, err := n.of(cert); err != nil {
			t.Fatal(err)
		}
		if len(n.known) > maxNames {
			t.Fatalf("%d names are kept, at the most %d should be", len(n.known), maxNames)
		}
	}
}
