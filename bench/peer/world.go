package peer

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"

	"github.com/jisr-exchange/jisr"
	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/certs"
	"github.com/jisr-exchange/jisr/services/postgres"
)

// Who calls: the police open cases, the judge tells of victims twelve sections,
// of which the prosecutor reads six.
const (
	Police     = "moi-ct"
	Judge      = "sjc-rusafa-inv"
	Prosecutor = "sjc-rusafa-pp"
	System     = "bench"
)

const configuration = `
listen: 127.0.0.1:0
trust_domain: jisr.test
agreement: agreement.txtpb
database: %s
keyring: %s
key_encryption_key: kek
tls:
  certificate: certs/server.pem
  key: certs/server-key.pem
  client_authorities: certs/ca.pem
  revocation_lists: certs/crl.pem
metrics_listen: none
drain_notice: 0s
budgets:
  calls_per_second: 1000000 # what is measured is not what an agency may ask for
  calls_in_flight: 1024
`

// Certificates is where a laid directory has its certificates.
func Certificates(dir string) string { return filepath.Join(dir, "certs") }

// Files are the databases of a directory that has its own.
var Files = Databases{"jisr.db", "keyring.db"}

// Databases are where an exchange keeps its records and its keys: files in its
// directory, or URLs of PostgreSQL.
type Databases struct{ Records, Keys string }

// Lay makes a directory in which peers start: certificates, agreement, configuration.
func Lay(dir string, d Databases) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	var clients []certs.Client
	for _, agency := range []string{Police, Judge, Prosecutor} {
		clients = append(clients, certs.Client{Agency: agency, System: System})
	}
	if _, err := certs.Create(Certificates(dir), certs.Options{Clients: clients}); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "agreement.txtpb"), jisr.Agreement, 0o600); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "jisrd.yaml"), fmt.Appendf(nil, configuration, d.Records, d.Keys), 0o600)
}

// databases reads where a laid directory has its databases.
func databases(dir string) (d Databases, err error) {
	text, err := readFile(filepath.Join(dir, "jisrd.yaml"))
	if err != nil {
		return d, err
	}
	if _, err := fmt.Sscanf(text[strings.Index(text, "database: "):], "database: %s\nkeyring: %s\n", &d.Records, &d.Keys); err != nil {
		return d, err
	}
	for _, place := range []*string{&d.Records, &d.Keys} {
		if !postgres.IsURL(*place) {
			*place = filepath.Join(dir, *place)
		}
	}
	return d, nil
}

func law() (*agreement.Law, error) { return agreement.Parse(jisr.Agreement) }

func readFile(path string) (string, error) {
	b, err := os.ReadFile(path)
	return string(b), err
}

// words are what invented texts are made of.
var words = strings.Fields("river stone cedar lantern meadow harbour copper orchard window ladder basket thread saddle garden barley compass feather kettle marble willow anchor bridge canvas dolphin ember falcon granite hollow island jasmine")

// text is an invented text of about so many bytes.
func text(bytes int) string {
	var b strings.Builder
	for b.Len() < bytes {
		b.WriteString(words[rand.IntN(len(words))]) //nolint:gosec // chance is enough for a made-up text
		b.WriteByte(' ')
	}
	return b.String()[:bytes]
}

// NewCase is an invented case in Baghdad.
func NewCase() *jisrv1.Case {
	return jisrv1.Case_builder{
		CrimeType:              jisrv1.Case_CRIME_TYPE_TRAFFICKING_IN_PERSONS,
		Governorate:            "IQG08",
		AdministeringAuthority: jisrv1.Jurisdiction_JURISDICTION_FEDERAL,
		Narrative:              jisrv1.CaseNarrative_builder{Account: text(300)}.Build(),
	}.Build()
}

// Purpose is the header by which an agency's calls say what they are for.
func Purpose(l *agreement.Law, agency string) (string, error) {
	a, ok := l.Agency(agency)
	if !ok {
		return "", fmt.Errorf("the agreement has no agency %s", agency)
	}
	return agreement.PurposeName(l.Purposes(a.Roles[0])[0]), nil
}
