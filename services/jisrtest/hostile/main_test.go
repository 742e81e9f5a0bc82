// Package hostile_test lets a certified agency attack the exchange beside another
// that does its work: raw frames of HTTP/2 over real mutual TLS, against jisrd as
// a process of its own, whose memory is read where the kernel keeps it.
//
// The tests hold what an attack may not bring about. What it costs the agency
// beside it is measured by the benchmark in report_test.go (`make hostile`).
package hostile_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc/metadata"

	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/certs"
	"github.com/jisr-exchange/jisr/services/jisrtest"
)

const (
	// limit bounds everything that is waited for; what takes as long hangs.
	limit = 60 * time.Second
	// most is how much memory the server may hold at its worst.
	most = 512 << 20

	good = jisrtest.Police // does its work
	evil = jisrtest.Erbil  // attacks
)

// jisrd is the program under test, built once for a run.
var jisrd string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	if os.Getenv(attackName) != "" {
		return m.Run() // an attacker has no server of its own
	}
	dir, err := os.MkdirTemp("", "jisr-hostile-")
	if err != nil {
		fmt.Fprintln(os.Stderr, "hostile:", err)
		return 1
	}
	defer os.RemoveAll(dir)
	jisrd = filepath.Join(dir, "jisrd")
	build := exec.Command("go", "build", "-o", jisrd, "./cmd/jisrd")
	build.Dir = jisrtest.Root()
	build.Env = append(os.Environ(), "CGO_ENABLED=0") // as it is shipped
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "hostile: build jisrd: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

const configuration = `
listen: 127.0.0.1:0
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
metrics_listen: none
drain_notice: 0s
`

// exchange is a jisrd that runs as a process until the test ends.
type exchange struct {
	t       testing.TB
	dir     string
	law     *agreement.Law
	process *exec.Cmd
	addr    string
	ended   chan struct{}

	mu  sync.Mutex
	log []string // without the line of every call
}

// connected is an exchange that runs already, as an attacker's process sees it.
func connected(t testing.TB, addr, dir string) *exchange {
	t.Helper()
	law, err := agreement.Parse(jisrtest.Agreement(t))
	if err != nil {
		t.Fatal(err)
	}
	return &exchange{t: t, dir: dir, addr: addr, law: law}
}

// start starts the process; settings are added to its configuration.
func start(t testing.TB, settings string) *exchange {
	t.Helper()
	x := &exchange{t: t, dir: t.TempDir(), ended: make(chan struct{})}
	var systems []certs.Client
	for _, who := range []string{good, evil} {
		agency, system, _ := strings.Cut(who, "/")
		systems = append(systems, certs.Client{Agency: agency, System: system})
	}
	_, err := certs.Create(filepath.Join(x.dir, "certs"), certs.Options{Clients: systems})
	x.must(err)
	text := jisrtest.Agreement(t)
	x.law, err = agreement.Parse(text)
	x.must(err)
	x.must(os.WriteFile(filepath.Join(x.dir, "agreement.txtpb"), text, 0o600))
	x.must(os.WriteFile(filepath.Join(x.dir, "jisrd.yaml"), []byte(configuration+settings), 0o600))
	x.process = exec.Command(jisrd, "--config", filepath.Join(x.dir, "jisrd.yaml"))
	// No process outlives a test run, however that ends.
	x.process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	stderr, err := x.process.StderrPipe()
	x.must(err)
	x.must(x.process.Start())
	serving := make(chan string, 1)
	go func() {
		defer close(x.ended)
		x.read(stderr, serving)
		_ = x.process.Wait() // whoever waits for the end reads ProcessState
	}()
	select {
	case x.addr = <-serving:
	case <-x.ended:
		t.Fatalf("jisrd does not start:\n%s", x.logged())
	case <-time.After(limit):
		t.Fatalf("jisrd neither serves nor ends:\n%s", x.logged())
	}
	t.Cleanup(x.stop)
	return x
}

func (x *exchange) read(r io.Reader, serving chan<- string) {
	scanner := bufio.NewScanner(r)
	for scanner.Scan() {
		var line struct{ Msg, Address string }
		_ = json.Unmarshal(scanner.Bytes(), &line) // what is no JSON is kept as it is
		switch line.Msg {
		case "call":
			continue
		case "serving":
			serving <- line.Address
		}
		x.mu.Lock()
		x.log = append(x.log, scanner.Text())
		x.mu.Unlock()
	}
}

func (x *exchange) logged() string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return strings.Join(x.log, "\n")
}

// stop ends the process; one that is gone already has crashed.
func (x *exchange) stop() {
	select {
	case <-x.ended:
		x.t.Errorf("jisrd did not live through it:\n%s", x.logged())
		return
	default:
	}
	if x.process.Process.Kill() == nil {
		<-x.ended
	}
}

func (x *exchange) must(err error) {
	x.t.Helper()
	if err != nil {
		x.t.Fatal(err)
	}
}

// client returns a new client of "agency/system".
func (x *exchange) client(who string) *jisrtest.Client {
	x.t.Helper()
	agency, system, _ := strings.Cut(who, "/")
	config, err := certs.ClientTLS(filepath.Join(x.dir, "certs"), agency, system)
	x.must(err)
	c, err := jisrtest.Connect(x.addr, config, agency, x.headers(agency))
	x.must(err)
	x.t.Cleanup(func() { c.Conn.Close() })
	return c
}

// headers are the identity headers of an agency's officer.
func (x *exchange) headers(agency string) metadata.MD {
	a, ok := x.law.Agency(agency)
	if !ok {
		x.t.Fatalf("the agreement has no agency %s", agency)
	}
	md := metadata.Pairs("jisr-officer", "officer-1", "jisr-purpose", agreement.PurposeName(x.law.Purposes(a.Roles[0])[0]))
	if len(a.Roles) > 1 {
		md.Set("jisr-role", agreement.RoleName(a.Roles[0]))
	}
	return md
}

var kilobytes = regexp.MustCompile(`(?m)^(VmHWM|VmRSS):\s+(\d+) kB$`)

// memory reads how many bytes of memory the process holds, and held at the most.
func (x *exchange) memory() (now, peak int) {
	x.t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", x.process.Process.Pid))
	x.must(err)
	for _, m := range kilobytes.FindAllStringSubmatch(string(text), -1) {
		n, err := strconv.Atoi(m[2])
		x.must(err)
		if m[1] == "VmHWM" {
			peak = n << 10
		} else {
			now = n << 10
		}
	}
	if now == 0 || peak == 0 {
		x.t.Fatalf("the kernel does not tell the memory of process %d", x.process.Process.Pid)
	}
	return now, peak
}

// bounded fails the test if the process ever held more memory than it may.
func (x *exchange) bounded() {
	x.t.Helper()
	if _, peak := x.memory(); peak > most {
		x.t.Errorf("the server held %d MiB, more than %d", peak>>20, most>>20)
	}
}
