package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// inContexts writes the file of contexts of a test's own and returns its folder.
func inContexts(t *testing.T, text string) string {
	t.Helper()
	home := t.TempDir()
	dir := filepath.Join(home, "jisr")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "config.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("XDG_CONFIG_HOME", home)
	return dir
}

func TestAContextStandsInForFlagsAndVariables(t *testing.T) {
	s := newStand(t, nil)
	dir := inContexts(t, `
current: here
contexts:
  here:
    server: `+s.addr+`
    ca: ca.pem
    certificate: dcoc-main.pem
    key: dcoc-main-key.pem
    agency: dcoc
    officer: from.context
    purpose: investigation
  nowhere: {server: "127.0.0.1:1", dir: certs, agency: dcoc}
`)
	// Paths are relative to the file.
	for _, name := range []string{"ca.pem", "dcoc-main.pem", "dcoc-main-key.pem"} {
		if err := os.Symlink(filepath.Join(s.dir, name), filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	officer := func(want string, args ...string) {
		t.Helper()
		if o := jisr(t, append([]string{"whoami"}, args...)...); o.code != exitOK || s.headers.Get("jisr-officer")[0] != want {
			t.Errorf("%+v, officer %v, want %s", o, s.headers.Get("jisr-officer"), want)
		}
	}
	officer("from.context")
	officer("from.context", "--context", "here")
	t.Setenv("JISR_OFFICER", "from.variable")
	officer("from.variable")
	officer("from.flag", "--officer", "from.flag")
	// One flag of a certificate leaves the context's certificate aside: a directory and files do not mix.
	officer("from.flag", "--officer", "from.flag", "--dir", s.dir)
	t.Setenv("JISR_CONTEXT", "nowhere")
	if o := jisr(t, "whoami"); o.code != exitConnection || !strings.Contains(o.stderr, filepath.Join(dir, "certs")) {
		t.Errorf("JISR_CONTEXT: %+v", o)
	}
	officer("from.variable", "--context", "here")
	if o := jisr(t, "doctor", "--context", "here"); !strings.Contains(o.stdout, "from context here of "+filepath.Join(dir, "config.yaml")) {
		t.Errorf("the doctor does not say where it has it from: %+v", o)
	}
	if o := jisr(t, "certs", "--context", "here", "--agreement", "../../agreement.txtpb"); o.code != exitUsage || !strings.Contains(o.stderr, "no directory is named") {
		t.Errorf("certificates are not written where a context reads them: %+v", o)
	}
}

func TestMistakesInTheFileOfContextsAreAllNamedByLine(t *testing.T) {
	for name, text := range map[string]string{
		"mistakes": `currant: erbil
contexts:
  erbil:
    server: exchange.test:7443
    servr: exchange.test:7443
    purpose: curiosity
    role: king
    officer:
    ca: [a, b]
    server: twice
  basra: nothing
`,
		"no_such": "contexts:\n  erbil: {server: \"exchange.test:7443\"}\n",
		"no_yaml": "contexts:\n\terbil: {\n",
	} {
		t.Run(name, func(t *testing.T) {
			dir := inContexts(t, text)
			o := jisr(t, "whoami", "--context", "basra")
			if o.code != exitUsage {
				t.Errorf("exit code %d", o.code)
			}
			golden(t, "contexts_"+name, o, dir, "DIR")
		})
	}
}

func TestAFileOfContextsThatOthersMayWriteIsNotBelieved(t *testing.T) {
	s := newStand(t, nil)
	dir := inContexts(t, "current: here\ncontexts:\n  here: {server: \""+s.addr+"\", dir: "+s.dir+", agency: dcoc, officer: er-1, purpose: investigation}\n")
	path := filepath.Join(dir, "config.yaml")
	for mode, believed := range map[os.FileMode]bool{0o600: true, 0o644: true, 0o400: true, 0o620: false, 0o602: false, 0o666: false} {
		chmod(t, path, mode)
		for _, args := range [][]string{{"whoami"}, s.flags("whoami")} { // its current one may leave a flag to others
			o := jisr(t, args...)
			if said := o.stdout + o.stderr; believed != (o.code == exitOK) || !believed && (o.code != exitUsage || !strings.Contains(said, "chmod 600 "+path)) {
				t.Errorf("mode %04o: %s exits with %d: %s", mode, args[0], o.code, said)
			}
		}
	}
	chmod(t, path, 0o666)
	golden(t, "contexts_for_all", jisr(t, "whoami"), dir, "DIR")
	if o := jisr(t, "doctor"); !strings.Contains(o.stdout, "failed   context             the file of contexts "+path) {
		t.Errorf("the doctor says %s", o.stdout)
	}
	if o := jisr(t, "__complete", "whoami", "--context", ""); strings.Contains(o.stdout, "here") {
		t.Errorf("a shell offers what is not believed: %+v", o)
	}
	for owner, believed := range map[int]bool{0: true, 1000: true, 1001: false} {
		if err := trusted(path, 0o600, owner, 1000); (err == nil) != believed {
			t.Errorf("of user %d, to user 1000: %v", owner, err)
		}
	}
}

func TestWithoutAFileOfContextsNothingChanges(t *testing.T) {
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	s := newStand(t, nil)
	if o := jisr(t, s.flags("whoami")...); o.code != exitOK {
		t.Errorf("%+v", o)
	}
}

func TestShellsOfferTheNamesOfContexts(t *testing.T) {
	inContexts(t, "contexts:\n  erbil: {officer: er-1}\n  basra: {officer: ba-1}\n")
	if o := jisr(t, "__complete", "whoami", "--context", ""); !strings.HasPrefix(o.stdout, "basra\nerbil\n") {
		t.Errorf("%+v", o)
	}
}
