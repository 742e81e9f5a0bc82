package process

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc/metadata"

	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/certs"
	"github.com/jisr-exchange/jisr/services/jisrtest"
	"github.com/jisr-exchange/jisr/services/keyring"
	"github.com/jisr-exchange/jisr/services/postgres"
)

// Configuration is what the configurations over the files of Install have in common.
const Configuration = `
trust_domain: jisr.test
agreement: agreement.txtpb
key_encryption_key: kek
tls:
  certificate: certs/server.pem
  key: certs/server-key.pem
  client_authorities: certs/ca.pem
  revocation_lists: certs/crl.pem
drain_notice: 0s
`

// Install puts the agreement as it is shipped into a folder, and certificates: the
// server's, and that of each "agency/system".
func Install(t testing.TB, dir string, who ...string) {
	t.Helper()
	var systems []certs.Client
	for _, w := range who {
		agency, system, _ := strings.Cut(w, "/")
		systems = append(systems, certs.Client{Agency: agency, System: system})
	}
	if _, err := certs.Create(filepath.Join(dir, "certs"), certs.Options{Clients: systems}); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "agreement.txtpb"), jisrtest.Agreement(t), 0o600); err != nil {
		t.Fatal(err)
	}
}

// Connect returns a new client of an "agency/system" that was installed.
func Connect(t testing.TB, dir, address, who string, headers metadata.MD) *jisrtest.Client {
	t.Helper()
	agency, system, _ := strings.Cut(who, "/")
	config, err := certs.ClientTLS(filepath.Join(dir, "certs"), agency, system)
	if err != nil {
		t.Fatal(err)
	}
	c, err := jisrtest.Connect(address, config, agency, headers)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Headers are those of an "agency/system" in its first role and for that role's
// first purpose, without an officer.
func Headers(t testing.TB, who string) metadata.MD {
	t.Helper()
	law, err := shipped()
	if err != nil {
		t.Fatal(err)
	}
	agency, _, _ := strings.Cut(who, "/")
	a, ok := law.Agency(agency)
	if !ok {
		t.Fatalf("the agreement has no agency %s", agency)
	}
	md := metadata.Pairs("jisr-purpose", agreement.PurposeName(law.Purposes(a.Roles[0])[0]))
	if len(a.Roles) > 1 {
		md.Set("jisr-role", agreement.RoleName(a.Roles[0]))
	}
	return md
}

var shipped = sync.OnceValues(func() (*agreement.Law, error) {
	text, err := os.ReadFile(filepath.Join(jisrtest.Root(), "agreement.txtpb"))
	if err != nil {
		return nil, err
	}
	return agreement.Parse(text)
})

// Marks are the shelfmarks by which an exchange over the files of Install has its
// records in the database, from its keyring at a place: of a file from a copy, since
// whoever serves keeps others from it.
func Marks(t testing.TB, dir, place string) *keyring.Shelfmarks {
	t.Helper()
	kek, err := keyring.OpenFileKEK(filepath.Join(dir, "kek"))
	if err != nil {
		t.Fatal(err)
	}
	if !postgres.IsURL(place) {
		place = copied(t, place)
	}
	ring, err := keyring.Open(place, kek, keyring.Forgetful)
	if err != nil {
		t.Fatal(err)
	}
	defer ring.Close()
	return ring.Shelfmarks()
}

// copied copies a database with its log, and returns the path of the copy.
func copied(t testing.TB, path string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), filepath.Base(path))
	for _, end := range []string{"", "-wal"} {
		text, err := os.ReadFile(path + end)
		if errors.Is(err, fs.ErrNotExist) && end != "" {
			continue
		}
		if err == nil {
			err = os.WriteFile(to+end, text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return to
}
