package daemon_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/jisr-exchange/jisr/services/daemon"
)

// everyMistake breaks each rule once; each line says what must be said of it.
const everyMistake = `# a comment moves the lines
listen: nowhere
trust_domain: Not A Domain
agreement: no-such-file
shelter: open
database: jisr.db
database: other.db
keyring: [one, two]
tls:
  certificate: tls/server.pem
  colour: red
log: loud
development: perhaps
`

func TestEveryMistakeOfAConfigurationIsNamedWithItsLineInOneRun(t *testing.T) {
	path := placed(t, []byte(everyMistake))
	_, err := daemon.LoadConfig(path)
	if err == nil {
		t.Fatal("it was taken")
	}
	want := []string{
		": key_encryption_key: is missing",
		":2: listen: must be host:port",
		":3: trust_domain: may hold only",
		":4: agreement: cannot be read",
		":5: shelter: is not a setting",
		":7: database: stands in line 6 already",
		":8: keyring: must be one text",
		":9: tls.client_authorities: is missing",
		":9: tls.key: is missing",
		":9: tls.revocation_lists: is missing",
		":11: tls.colour: is not a setting",
		":12: log: must be json or text",
		":13: development: must be true or false",
	}
	for _, line := range want {
		if !strings.Contains(err.Error(), filepath.Base(path)+line) {
			t.Errorf("not said: %s", line)
		}
	}
	if got := strings.Count(err.Error(), "\n"); got != len(want) {
		t.Errorf("%d mistakes are named, not %d:\n%v", got, len(want), err)
	}
}

func TestATextThatIsNoSettingsIsNamedByItsLineAlone(t *testing.T) {
	for text, want := range map[string]string{
		"listen: a\nlog: [\n": ":2: did not find expected node content",
		"- listen\n- log\n":   ":1: must be settings",
	} {
		_, err := daemon.LoadConfig(placed(t, []byte(text)))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Count(err.Error(), "\n") != 1 {
			t.Errorf("%q: %v", text, err)
		}
	}
}
