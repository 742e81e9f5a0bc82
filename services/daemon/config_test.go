package daemon_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/jisr-exchange/jisr/services/certs"
	"github.com/jisr-exchange/jisr/services/daemon"
)

// sound is a configuration that can be served, with the files that it names.
func sound(t *testing.T) (dir, path string) {
	t.Helper()
	dir = t.TempDir()
	if _, err := certs.Create(filepath.Join(dir, "certs"), certs.Options{}); err != nil {
		t.Fatal(err)
	}
	law, err := os.ReadFile("../../agreement.txtpb")
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "agreement.txtpb"), string(law))
	path = filepath.Join(dir, "jisrd.yaml")
	write(t, path, `listen: 127.0.0.1:0
trust_domain: jisr.test
agreement: agreement.txtpb
database: jisr.db
keyring: keyring.db
key_encryption_key: kek
tls:
  certificate: certs/server.pem
  key: certs/server-key.pem
  client_authorities: certs/ca.pem
  revocation_lists: certs/crl.pem
metrics_listen: 127.0.0.1:0
`)
	return dir, path
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestAConfigurationNamesAllItsMistakesWithTheirLinesAndNoValue(t *testing.T) {
	dir, path := sound(t)
	if err := daemon.Check(context.Background(), path); err != nil {
		t.Fatalf("the control is not sound: %v", err)
	}
	for _, made := range []string{"jisr.db", "keyring.db", "kek"} {
		if _, err := os.Stat(filepath.Join(dir, made)); err == nil {
			t.Errorf("the check made %s", made)
		}
	}
	if err := os.Chmod(filepath.Join(dir, "certs/server-key.pem"), 0o644); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "agreement.txtpb"), "canary: 1")
	write(t, path, `listen: canary
trust_domain: Canary.test
agreement: agreement.txtpb
database: canary/jisr.db
keyring: keyring.db
key_encryption_key: keyring.db
tls:
  certificate: certs/server.pem
  key: certs/server-key.pem
  client_authorities: certs/canary.pem
  revocation_list: certs/crl.pem
metrics_listen: 0.0.0.0:7444
metrics_beyond_loopback: perhaps
drain_notice: soon
drain_limit: 11m
log: xml
log: json
shelter: open
development:
  - true
budgets:
  calls_per_second: 0
  calls_in_flight: 1000001
  connections: several
  call_time: 0s
`)
	err := daemon.Check(context.Background(), path)
	var wrong daemon.Mistakes
	if !errors.As(err, &wrong) {
		t.Fatal(err)
	}
	for _, want := range []string{
		`:1: listen: must be host:port`,
		`:2: trust_domain: must be`,
		`:4: database: its folder .* is not there: make it`,
		`:6: key_encryption_key: names the same file as keyring`,
		`:9: tls.key: .* can be read by others \(mode 0644\): chmod 600 it`,
		`:10: tls.client_authorities: .* is not there`,
		`:11: tls.revocation_list: is no setting: jisrd --help lists them`,
		`:7: tls.revocation_lists: is missing`,
		`:12: metrics_listen: can be reached from other machines`,
		`:13: metrics_beyond_loopback: must be true or false`,
		`:14: drain_notice: must be a time such as 5s`,
		`:15: drain_limit: must not be longer than 10m`,
		`:16: log: must be json or text`,
		`:17: log: stands in line 16 already`,
		`:18: shelter: is no setting`,
		`:19: development: must be one value`,
		`:22: budgets.calls_per_second: must be a number from 1 to 1000000`,
		`:23: budgets.calls_in_flight: must be a number from 1 to 1000000`,
		`:24: budgets.connections: must be a number from 1 to 1000000`,
		`:25: budgets.call_time: must be a time such as 5s or 1m`,
		`^agreement .*: `,
	} {
		pattern := regexp.MustCompile(want)
		found := 0
		for _, w := range wrong {
			if pattern.MatchString(w) {
				found++
			}
		}
		if found != 1 {
			t.Errorf("%q is said %d times", want, found)
		}
	}
	if t.Failed() || len(wrong) != 21 {
		t.Errorf("%d mistakes:\n%v", len(wrong), err)
	}
	for _, value := range []string{"perhaps", "soon", "xml", "Canary", "several", "1000001"} {
		if strings.Contains(err.Error(), value) {
			t.Errorf("a value is repeated: %s", value)
		}
	}
}

func TestATextThatIsNoSettingsIsNamedByItsLineAlone(t *testing.T) {
	_, path := sound(t)
	for text, want := range map[string]string{
		"listen: a\nlog: [\n": path + ":2: is not YAML: did not find expected node content",
		"- listen\n- log\n":   path + ":1: must be settings, each with its name",
	} {
		write(t, path, text)
		for _, err := range []error{daemon.Check(context.Background(), path), second(daemon.LoadConfig(path))} {
			if err == nil || err.Error() != want {
				t.Errorf("%q: %v", text, err)
			}
		}
	}
	// The control: settings that are missing are named one by one.
	write(t, path, "tls: certs\nlog: json\n")
	var wrong daemon.Mistakes
	if err := daemon.Check(context.Background(), path); !errors.As(err, &wrong) || len(wrong) != 11 || !strings.Contains(err.Error(), ":1: tls: must be settings") || !strings.Contains(err.Error(), "yaml: listen: is missing") {
		t.Errorf("of settings that are missing: %v", err)
	}
}

func second(_ *daemon.Config, err error) error { return err }

func TestTheMetricsPortIsKeptFromAgenciesAndOtherMachines(t *testing.T) {
	_, path := sound(t)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		listen, metrics, more string
		refused               bool
	}{
		{"0.0.0.0:7443", "127.0.0.1:7444", "", false},
		{"0.0.0.0:7443", "[::1]:7444", "", false},
		{"0.0.0.0:7443", "localhost:7444", "", false},
		{"0.0.0.0:7443", "none", "", false},
		{"0.0.0.0:7443", "0.0.0.0:7444", "", true},
		{"0.0.0.0:7443", ":7444", "", true},
		{"0.0.0.0:7443", "192.0.2.7:7444", "", true},
		{"0.0.0.0:7443", "monitoring.example:7444", "", true},
		{"0.0.0.0:7443", "192.0.2.7:7444", "metrics_beyond_loopback: true\n", false},
		{"0.0.0.0:7443", "127.0.0.1:7443", "", true},
		{"0.0.0.0:7443", "127.0.0.1:7443", "metrics_beyond_loopback: true\n", true},
		{"127.0.0.1:7444", "", "", true}, // what it is when left out
	} {
		changed := strings.Replace(string(text), "listen: 127.0.0.1:0", "listen: "+c.listen, 1)
		setting := "metrics_listen: '" + c.metrics + "'\n"
		if c.metrics == "" {
			setting = ""
		}
		write(t, path, strings.Replace(changed, "metrics_listen: 127.0.0.1:0\n", setting, 1)+c.more)
		if _, err := daemon.LoadConfig(path); (err != nil) != c.refused {
			t.Errorf("agencies on %s, metrics on %q %s: %v", c.listen, c.metrics, c.more, err)
		}
	}
}

func TestHelpAndExampleExplainTheSameSettings(t *testing.T) {
	var help bytes.Buffer
	daemon.Help(&help)
	text, err := os.ReadFile(example)
	if err != nil {
		t.Fatal(err)
	}
	var inExample []string
	group := ""
	for _, m := range regexp.MustCompile(`(?m)^( *)([a-z_]+):(.*)$`).FindAllStringSubmatch(string(text), -1) {
		switch {
		case m[3] == "":
			group = m[2] + "."
		case m[1] == "":
			inExample = append(inExample, m[2])
		default:
			inExample = append(inExample, group+m[2])
		}
	}
	var inHelp []string
	for _, m := range regexp.MustCompile(`(?m)^  ([a-z_.]+) +\S.*$`).FindAllStringSubmatch(help.String(), -1) {
		inHelp = append(inHelp, m[1])
	}
	if strings.Join(inHelp, " ") != strings.Join(inExample, " ") || len(inHelp) < 20 {
		t.Errorf("help explains\n%s\nand the example\n%s", strings.Join(inHelp, " "), strings.Join(inExample, " "))
	}
	// What a setting is when it is left out stands in both.
	for _, m := range regexp.MustCompile(`(?m)^  ([a-z_.]+) .*\((\S+) when left out\)$`).FindAllStringSubmatch(help.String(), -1) {
		name := m[1][strings.LastIndex(m[1], ".")+1:] // of one in a group
		comment := regexp.MustCompile(`(?m)((?:^ *#.*\n)+) *` + name + `:`).FindStringSubmatch(string(text))
		if comment == nil || !regexp.MustCompile(`(?i)`+regexp.QuoteMeta(m[2])+`[\s#]+when[\s#]+left[\s#]+out`).MatchString(comment[1]) {
			t.Errorf("the example does not say that %s is %s when left out", m[1], m[2])
		}
	}
}

func TestTheOperatorsPortTellsMetricsAndHealthAndNothingElse(t *testing.T) {
	_, path := sound(t)
	c, err := daemon.LoadConfig(path)
	if err != nil {
		t.Fatal(err)
	}
	c.DrainNotice = 0
	d, err := daemon.Open(context.Background(), c, "test", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	// A second exchange on the same port is told what to do.
	taken := *c
	taken.MetricsListen, taken.Database, taken.Keyring = d.Operations(), c.Database+"2", c.Keyring+"2"
	if _, err := daemon.Open(context.Background(), &taken, "test", slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "metrics_listen: "+d.Operations()+" is in use: ") {
		t.Errorf("a port that is in use: %v", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	for path, want := range map[string]int{
		"/metrics": 200, "/healthz": 200, "/readyz": 200, "/": 404, "/debug/pprof/": 404, "/debug/vars": 404, "/channelz": 404,
	} {
		code, text := ask(t, http.MethodGet, "http://"+d.Operations()+path)
		if code != want {
			t.Errorf("GET %s: %d", path, code)
		}
		if path == "/metrics" && !strings.Contains(text, "jisr_health{part=\"whole\"} 1\n") {
			t.Error("metrics do not tell health")
		}
	}
	if code, _ := ask(t, http.MethodPost, "http://"+d.Operations()+"/metrics"); code != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", code)
	}
	// Agencies' port tells none of it.
	conn, err := net.DialTimeout("tcp", d.Addr(), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(conn, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
	answer, _ := io.ReadAll(conn) // a reset is an answer, too
	conn.Close()
	if bytes.Contains(answer, []byte("jisr_")) {
		t.Error("the agencies' port tells metrics")
	}
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if still, err := net.DialTimeout("tcp", d.Operations(), time.Minute); err == nil {
		still.Close()
		t.Error("the port is open after the end")
	}
}

func ask(t *testing.T, method, url string) (int, string) {
	t.Helper()
	r, err := http.NewRequest(method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	reply, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer reply.Body.Close()
	text, err := io.ReadAll(reply.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply.StatusCode, string(text)
}
