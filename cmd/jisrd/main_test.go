package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	jisr "github.com/jisr-exchange/jisr"
	"github.com/jisr-exchange/jisr/services/certs"
	"github.com/jisr-exchange/jisr/services/daemon"
	"github.com/jisr-exchange/jisr/services/logline"
)

// configured writes certificates, the agreement and a configuration, and returns its path.
func configured(t *testing.T, listen string) string {
	t.Helper()
	dir := t.TempDir()
	if _, err := certs.Create(dir, certs.Options{Hosts: []string{"localhost"}}); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "agreement.txtpb"), jisr.Agreement)
	path := filepath.Join(dir, "jisrd.yaml")
	write(t, path, []byte(`listen: `+listen+`
trust_domain: `+certs.DefaultTrustDomain+`
agreement: agreement.txtpb
database: jisr.db
keyring: keyring.db
key_encryption_key: kek
tls:
  certificate: `+certs.ServerFile+`
  key: `+certs.ServerKeyFile+`
  client_authorities: `+certs.CAFile+`
  revocation_lists: `+certs.ListFile+`
metrics_listen: none
drain_notice: 0s
`))
	return path
}

func write(t *testing.T, path string, text []byte) {
	t.Helper()
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// served serves as main does, without hardening the process of the tests.
func served(ctx context.Context, t *testing.T, path string, log io.Writer) (int, string) {
	t.Helper()
	c, err := daemon.LoadConfig(path)
	if err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	code := serve(ctx, c, logline.New(c.Log, log), &said)
	return code, said.String()
}

// untilServing is a log that stops the server once it serves.
type untilServing struct{ stop func() }

func (u untilServing) Write(line []byte) (int, error) {
	if bytes.Contains(line, []byte(`"msg":"serving"`)) {
		u.stop()
	}
	return len(line), nil
}

func TestStoppingIsNoFailure(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	if code, said := served(ctx, t, configured(t, "127.0.0.1:0"), untilServing{stop}); code != 0 || said != "" {
		t.Errorf("ends with %d and says %q", code, said)
	}
}

func TestAPortThatIsTakenIsAFailure(t *testing.T) {
	taken, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	if code, said := served(t.Context(), t, configured(t, taken.Addr().String()), io.Discard); code != exitFailed || !strings.Contains(said, "in use") {
		t.Errorf("ends with %d, not %d, and says %q", code, exitFailed, said)
	}
}

func TestWhatTheConfigurationNamesIsCheckedAtOnce(t *testing.T) {
	path := configured(t, "127.0.0.1:0")
	dir := filepath.Dir(path)
	var said bytes.Buffer
	if code := run(t.Context(), []string{"--config", path, "--check"}, io.Discard, &said); code != 0 {
		t.Fatalf("the control: what is sound ends with %d: %s", code, said.String())
	}
	write(t, filepath.Join(dir, "agreement.txtpb"), []byte("shelter: open"))
	write(t, filepath.Join(dir, certs.ServerKeyFile), []byte("no key"))
	said.Reset()
	code := run(t.Context(), []string{"--config", path, "--check"}, io.Discard, &said)
	if code != exitMisconfigured || !strings.Contains(said.String(), "shelter") || !strings.Contains(said.String(), certs.ServerKeyFile) {
		t.Errorf("--check ends with %d and says %q", code, said.String())
	}
	code, serving := served(t.Context(), t, path, io.Discard)
	if code != exitMisconfigured || !strings.Contains(serving, "shelter") || !strings.Contains(serving, certs.ServerKeyFile) {
		t.Errorf("serving ends with %d and says %q", code, serving)
	}
}

func TestMistakesInTheCommandLineEndWithTwo(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "jisrd.yaml")
	for _, args := range [][]string{{"--nosuch"}, {"serve"}, {"--config", missing}, {"--config", missing, "--check"}, {"--config", missing, "--check-config"}} {
		var said bytes.Buffer
		if code := run(t.Context(), args, io.Discard, &said); code != exitMisconfigured || said.Len() == 0 {
			t.Errorf("%v ends with %d and says %q", args, code, said.String())
		}
	}
	var said bytes.Buffer
	if run(t.Context(), []string{"--nosuch"}, io.Discard, &said); strings.Count(said.String(), "\n") != 1 || !strings.Contains(said.String(), "nosuch") {
		t.Errorf("a flag that is not there is told among other things: %q", said.String())
	}
	said.Reset()
	if code := run(t.Context(), []string{"--version"}, &said, io.Discard); code != 0 || said.String() != "jisrd "+version()+"\n" {
		t.Errorf("--version ends with %d and says %q", code, said.String())
	}
	said.Reset()
	if code := run(t.Context(), []string{"--help"}, io.Discard, &said); code != 0 || !strings.Contains(said.String(), "Exit codes: 0") {
		t.Errorf("--help ends with %d and says %q", code, said.String())
	}
}
