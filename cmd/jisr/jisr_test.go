package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/jisr-exchange/jisr/examples"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestMain(m *testing.M) {
	if os.Getenv(asProcess) != "" {
		main()
		return
	}
	for _, name := range []string{"SERVER", "CA", "CERT", "KEY", "DIR", "AGENCY", "SYSTEM", "OFFICER", "PURPOSE", "ROLE", "TIMEOUT", "CONTEXT", "LANGUAGE"} {
		if err := os.Unsetenv("JISR_" + name); err != nil {
			panic(err)
		}
	}
	// The machine's own contexts and language must not colour what is compared.
	for name, value := range map[string]string{"XDG_CONFIG_HOME": "/nowhere", "LC_ALL": "C", "NO_PROXY": "*"} {
		if err := os.Setenv(name, value); err != nil {
			panic(err)
		}
	}
	goleak.VerifyTestMain(m)
}

// outcome is what a run of jisr left.
type outcome struct {
	code           int
	stdout, stderr string
}

func jisr(t *testing.T, args ...string) outcome {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), args, &stdout, &stderr)
	return outcome{code, stdout.String(), stderr.String()}
}

// golden compares an outcome with testdata, with the parts that differ from run to run made plain.
func golden(t *testing.T, name string, o outcome, plain ...string) {
	t.Helper()
	text := strings.NewReplacer(plain...).Replace(fmt.Sprintf("exit %d\n-- stdout --\n%s-- stderr --\n%s", o.code, o.stdout, o.stderr))
	if strings.Contains(text, "\x1b") {
		t.Errorf("%s: escape codes in a pipe:\n%q", name, text)
	}
	file := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), text); diff != "" {
		t.Errorf("%s (-want +got; go test -update writes it anew):\n%s", name, diff)
	}
}

func TestCommandsPrint(t *testing.T) {
	s := newStand(t, nil)
	for name, args := range map[string][]string{
		"whoami": {"whoami"}, "matrix": {"matrix"}, "matrix_role": {"matrix", "--role", "foreign_affairs"}, "matrix_csv": {"matrix", "--role", "foreign_affairs", "--csv"},
		"explain":    {"explain", aVictim, "--for-agency", "mofa", "--for-role", "foreign_affairs", "--for-purpose", "consular"},
		"get_victim": {"get", aVictim}, "get_case": {"get", aCase}, "log": {"log", aVictim},
		"not_found": {"get", aCase + "/suspects/nb2hi4dthixs653xo4xgs4tbni"}, "unimplemented": {"get", "agencies/molsa"},
	} {
		t.Run(name, func(t *testing.T) {
			golden(t, name, jisr(t, s.flags(args...)...), s.addr, "HOST")
			if name == "matrix_csv" || name == "not_found" || name == "unimplemented" {
				return
			}
			o := jisr(t, s.flags(append(args, "--json")...)...)
			golden(t, name+"_json", o, s.addr, "HOST")
			if !json.Valid([]byte(o.stdout)) {
				t.Errorf("--json printed no JSON")
			}
		})
	}
}

func TestIdentityHeadersGoWithEachCall(t *testing.T) {
	s := newStand(t, nil)
	if o := jisr(t, s.flags("whoami", "--role", "organised_crime")...); o.code != exitOK {
		t.Fatal(o)
	}
	for header, want := range map[string]string{"jisr-officer": "d.12", "jisr-purpose": "investigation", "jisr-role": "organised_crime"} {
		if got := s.headers.Get(header); len(got) != 1 || got[0] != want {
			t.Errorf("%s is %q, want %q once", header, got, want)
		}
	}
}

func TestVariablesStandInForFlags(t *testing.T) {
	s := newStand(t, nil)
	t.Setenv("JISR_SERVER", s.addr)
	t.Setenv("JISR_DIR", s.dir)
	t.Setenv("JISR_AGENCY", "dcoc")
	t.Setenv("JISR_OFFICER", "from.variable")
	if o := jisr(t, "whoami", "--officer", "from.flag"); o.code != exitOK || s.headers.Get("jisr-officer")[0] != "from.flag" {
		t.Errorf("%+v, officer %v; a flag wins over its variable", o, s.headers.Get("jisr-officer"))
	}
	t.Setenv("JISR_TIMEOUT", "soon")
	if o := jisr(t, "whoami"); o.code != exitUsage || !strings.Contains(o.stderr, "JISR_TIMEOUT") {
		t.Errorf("%+v; want the variable named", o)
	}
}

func TestMistakesInTheCommandLineExitWithTwo(t *testing.T) {
	for name, args := range map[string][]string{
		"unknown_command": {"sing"}, "unknown_flag": {"whoami", "--loud"}, "no_server": {"whoami"}, "missing_argument": {"get"},
		"no_port": {"whoami", "--server", "localhost"}, "no_certificate": {"whoami", "--server", "localhost:1"},
		"unknown_purpose": {"whoami", "--purpose", "curiosity"}, "unknown_role": {"matrix", "--role", "king"},
		"no_such_name": {"get", "cases/1"}, "no_agreement": {"matrix", "--agreement", "nowhere.txtpb"},
		"json_and_csv": {"matrix", "--json", "--csv"}, "import_without_files": {"import"},
		"import_no_file": {"import", "--register", "nowhere.csv", "--mapping", "nowhere.yaml"},
	} {
		t.Run(name, func(t *testing.T) {
			o := jisr(t, args...)
			if o.code != exitUsage {
				t.Errorf("exit %d, want %d", o.code, exitUsage)
			}
			golden(t, "usage_"+name, o)
		})
	}
}

// write puts a file into a directory of the test.
func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestImportOfTheExample(t *testing.T) {
	s := newStand(t, nil)
	register, mapping := write(t, "register.csv", string(examples.Register)), write(t, "mapping.yaml", string(examples.RegisterMapping))
	names := filepath.Join(t.TempDir(), "names.csv")
	args := s.flags("import", "--register", register, "--mapping", mapping)
	golden(t, "import_check", jisr(t, append(args, "--check")...))
	golden(t, "import_check_json", jisr(t, append(args, "--check", "--json")...))
	golden(t, "import", jisr(t, append(args, "--names", names, "--in-flight", "1")...))
	if len(s.made) != 12 {
		t.Errorf("%d records made, want 12", len(s.made))
	}
	golden(t, "import_names_there", jisr(t, append(args, "--names", names)...), names, "NAMES")
	golden(t, "import_resumed", jisr(t, append(args, "--names", names, "--resume", "--json")...))
	list, err := os.ReadFile(names)
	if err != nil || strings.Count(string(list), "\n") != 13 {
		t.Errorf("the list of names should hold a header and twelve records:\n%s", list)
	}
}

func TestImportListsWhatItRejects(t *testing.T) {
	s := newStand(t, nil)
	dirty := strings.Replace(string(examples.Register), ";ذكر;39-47;", ";ذكر;forty;", 1)
	dirty = strings.Replace(dirty, "8;17/2025;تهريب المهاجرين", "8;17/2025;Secretville", 1)
	dirty = strings.Replace(dirty, "بلوط الغدير الرمادي", "Refused Oak", 1)
	register, mapping := write(t, "register.csv", dirty), write(t, "mapping.yaml", string(examples.RegisterMapping))
	rejects := filepath.Join(t.TempDir(), "rejects.csv")
	o := jisr(t, s.flags("import", "--register", register, "--mapping", mapping, "--rejects", rejects, "--in-flight", "1")...)
	golden(t, "import_rejects", o)
	list, err := os.ReadFile(rejects)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "rejects_file", outcome{stdout: string(list)})
	if strings.Contains(o.stdout+o.stderr+string(list), "Secretville") {
		t.Error("a value of the register stands in what was printed")
	}
}

func TestCertificatesThatWereMadeAreListed(t *testing.T) {
	for name, args := range map[string][]string{"certs": nil, "certs_json": {"--json"}} {
		dir := filepath.Join(t.TempDir(), "certs")
		golden(t, name, jisr(t, append([]string{"certs", "--agreement", "../../agreement.txtpb", "--dir", dir}, args...)...), dir, "DIR")
	}
}

func TestAShellIsOfferedTheAgenciesOfTheDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "certs")
	if o := jisr(t, "certs", "--agreement", "../../agreement.txtpb", "--dir", dir); o.code != exitOK {
		t.Fatal(o)
	}
	o := jisr(t, "__complete", "whoami", "--dir", dir, "--agency", "")
	if names := strings.Fields(o.stdout); len(names) != 30 || names[0] != "committee-federal" || names[29] != ":4" {
		t.Errorf("offered are %q", names)
	}
	if o := jisr(t, "__complete", "whoami", "--agency", ""); strings.TrimSpace(o.stdout) != ":4" {
		t.Errorf("without a directory %q", o.stdout)
	}
}

func TestTheVersionIsToldWithoutAnExchange(t *testing.T) {
	if o := jisr(t, "--version"); o.code != exitOK || o.stdout != "jisr "+version()+"\n" {
		t.Errorf("%+v", o)
	}
}

func TestColourIsForTerminalsThatWantIt(t *testing.T) {
	terminal, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer terminal.Close()
	for _, c := range []struct {
		env  map[string]string
		to   io.Writer
		want bool
	}{
		{nil, terminal, true},
		{map[string]string{"NO_COLOR": "1"}, terminal, false},
		{map[string]string{"TERM": "dumb"}, terminal, false},
		{nil, &bytes.Buffer{}, false},
	} {
		a := &app{getenv: func(name string) string { return c.env[name] }}
		if got := a.onTerminal(c.to); got != c.want {
			t.Errorf("with %v, %T: colour %v", c.env, c.to, got)
		}
	}
}

func TestMistakenMappingSendsNothing(t *testing.T) {
	s := newStand(t, nil)
	register := write(t, "register.csv", string(examples.Register))
	mistaken := strings.Replace(string(examples.RegisterMapping), "delimiter:", "delimeter:", 1)
	mistaken = strings.Replace(mistaken, "to: case.crime_type", "to: case.crime_kind", 1)
	golden(t, "import_mistaken", jisr(t, s.flags("import", "--register", register, "--mapping", write(t, "mapping.yaml", mistaken))...))

	// The role may not tell documents: the case would go in and the victim be refused.
	s.tells = s.tells[:5]
	golden(t, "import_not_tellable", jisr(t, s.flags("import", "--register", register, "--mapping", write(t, "mapping.yaml", string(examples.RegisterMapping)))...))
	if len(s.made) != 0 {
		t.Errorf("%d records made, want none", len(s.made))
	}
}

func TestAgreementOfTheProjectPrintsOffline(t *testing.T) {
	const file = "../../agreement.txtpb"
	if _, err := os.Stat(file); err != nil {
		t.Fatal("there is no agreement in the project")
	}
	for _, more := range [][]string{nil, {"--csv"}, {"--json"}, {"--role", "health"}} {
		o := jisr(t, append([]string{"matrix", "--agreement", file}, more...)...)
		if o.code != exitOK || !strings.Contains(o.stdout, "VICTIM_LOCATION") {
			t.Errorf("matrix %v: exit %d, %s", more, o.code, o.stderr)
		}
	}
	dir := filepath.Join(t.TempDir(), "certs")
	if o := jisr(t, "certs", "--dir", dir, "--agreement", file); o.code != exitOK {
		t.Errorf("certs: %+v", o)
	}
	if o := jisr(t, "certs", "--dir", dir, "--agreement", file); o.code != exitUsage || !strings.Contains(o.stderr, "holds an authority already") {
		t.Errorf("certs again: %+v; want a refusal", o)
	}
}
