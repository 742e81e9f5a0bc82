package crash_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
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

// limit bounds everything that is waited for; what takes as long hangs.
const limit = 60 * time.Second

const configuration = `
listen: 127.0.0.1:0
trust_domain: jisr.test
agreement: agreement.txtpb
database: data/jisr.db
keyring: keyring.db
key_encryption_key: kek
tls:
  certificate: certs/server.pem
  key: certs/server-key.pem
  client_authorities: certs/ca.pem
  revocation_lists: certs/crl.pem
metrics_listen: 127.0.0.1:0
drain_notice: 0s
budgets:
  calls_per_second: 1000000 # a load that is paced breaks less
`

// exchange is an exchange that runs as a process, time after time on the same files.
type exchange struct {
	t    testing.TB
	dir  string
	disk *disk // where set, the processes run under its supervision

	process *exec.Cmd
	addr    string
	ops     string // where metrics and health are told
	ended   chan struct{}
	log     *lines
	clients map[string]*jisrtest.Client
}

// install makes an exchange's files and starts nothing.
func install(t testing.TB) *exchange {
	t.Helper()
	x := &exchange{t: t, dir: t.TempDir()}
	var systems []certs.Client
	for _, who := range []string{jisrtest.Police, jisrtest.Judge} {
		agency, system, _ := strings.Cut(who, "/")
		systems = append(systems, certs.Client{Agency: agency, System: system})
	}
	_, err := certs.Create(filepath.Join(x.dir, "certs"), certs.Options{Clients: systems})
	x.must(err)
	x.must(os.WriteFile(filepath.Join(x.dir, "agreement.txtpb"), lawText, 0o600))
	x.must(os.WriteFile(filepath.Join(x.dir, "jisrd.yaml"), []byte(configuration), 0o600))
	x.must(os.Mkdir(filepath.Join(x.dir, "data"), 0o700))
	t.Cleanup(func() {
		if x.process != nil {
			x.kill()
		}
	})
	return x
}

func (x *exchange) must(err error) {
	x.t.Helper()
	if err != nil {
		x.t.Fatal(err)
	}
}

// data is the folder of the database, which tests put on volumes of their own.
func (x *exchange) data() string { return filepath.Join(x.dir, "data") }

// database is the path of the case database.
func (x *exchange) database() string { return filepath.Join(x.data(), "jisr.db") }

// start starts the process and returns when it serves.
func (x *exchange) start() {
	x.t.Helper()
	if !x.tryStart() {
		x.t.Fatalf("jisrd does not start:\n%s", x.log)
	}
}

// tryStart starts the process and reports whether it serves.
func (x *exchange) tryStart() bool {
	x.t.Helper()
	program, arguments := jisrd, []string{"--config", filepath.Join(x.dir, "jisrd.yaml")}
	x.process = exec.Command(program, arguments...)
	// No process outlives a test run, however that ends.
	x.process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if x.disk != nil {
		x.disk.supervise(x.t, x.process)
	}
	stderr, err := x.process.StderrPipe()
	x.must(err)
	x.must(x.process.Start())
	if x.disk != nil {
		x.disk.attach(x.t)
	}
	x.log, x.ended, x.clients = &lines{serving: make(chan served, 1)}, make(chan struct{}), make(map[string]*jisrtest.Client)
	go func(process *exec.Cmd, log *lines, ended chan struct{}) {
		defer close(ended)
		log.read(stderr)
		_ = process.Wait() // whoever waits for the end reads ProcessState
	}(x.process, x.log, x.ended)
	select {
	case at := <-x.log.serving:
		x.addr, x.ops = at.Address, at.Operations
		return true
	case <-x.ended:
		x.process = nil
		return false
	case <-time.After(limit):
		x.t.Fatalf("jisrd neither serves nor ends:\n%s", x.log)
		return false
	}
}

// signal sends a signal and goes on.
func (x *exchange) signal(s syscall.Signal) {
	x.t.Helper()
	if x.disk != nil && s != syscall.SIGKILL {
		if err := x.disk.signal(x.process.Process.Pid, s); err != nil && !errors.Is(err, os.ErrNotExist) && !errors.Is(err, syscall.ESRCH) {
			x.t.Fatal(err)
		}
		return
	}
	if err := x.process.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		x.t.Fatal(err)
	}
}

// wait returns the exit code of the process when it has ended; -1 for a killed one.
func (x *exchange) wait() int {
	x.t.Helper()
	select {
	case <-x.ended:
	case <-time.After(limit):
		x.t.Fatalf("jisrd does not end:\n%s", x.log)
	}
	for _, c := range x.clients {
		c.Conn.Close()
	}
	code := x.process.ProcessState.ExitCode()
	x.process = nil
	return code
}

// kill ends the process as a loss of power to it would: at once.
func (x *exchange) kill() {
	x.t.Helper()
	x.signal(syscall.SIGKILL)
	x.wait()
}

// stop drains the process and requires a clean end.
func (x *exchange) stop() {
	x.t.Helper()
	x.signal(syscall.SIGTERM)
	if code := x.wait(); code != 0 {
		x.t.Fatalf("jisrd ended with %d after SIGTERM:\n%s", code, x.log)
	}
}

// as returns the client of "agency/system"; the officer is each call's own.
func (x *exchange) as(who string) *jisrtest.Client {
	x.t.Helper()
	if c := x.clients[who]; c != nil {
		return c
	}
	agency, system, _ := strings.Cut(who, "/")
	law := shippedLaw(x.t)
	a, ok := law.Agency(agency)
	if !ok {
		x.t.Fatalf("the agreement has no agency %s", agency)
	}
	md := metadata.Pairs("jisr-purpose", agreement.PurposeName(law.Purposes(a.Roles[0])[0]))
	if len(a.Roles) > 1 {
		md.Set("jisr-role", agreement.RoleName(a.Roles[0]))
	}
	config, err := certs.ClientTLS(filepath.Join(x.dir, "certs"), agency, system)
	x.must(err)
	c, err := jisrtest.Connect(x.addr, config, agency, md)
	x.must(err)
	x.clients[who] = c
	return c
}

var shipped = sync.OnceValues(func() (*agreement.Law, error) { return agreement.Parse(lawText) })

func shippedLaw(t testing.TB) *agreement.Law {
	t.Helper()
	law, err := shipped()
	if err != nil {
		t.Fatal(err)
	}
	return law
}

// lines keeps what a process logs, without the line of every call.
type lines struct {
	serving chan served

	mu   sync.Mutex
	kept []string
}

// served are the addresses that a process tells when it serves.
type served struct{ Address, Operations string }

func (l *lines) read(r io.Reader) {
	scanner := bufio.NewScanner(r)
	for scanner.Scan() {
		var line struct {
			Msg string
			served
		}
		_ = json.Unmarshal(scanner.Bytes(), &line) // what is no JSON is kept as it is
		switch line.Msg {
		case "call":
			continue
		case "serving":
			l.serving <- line.served
		}
		l.mu.Lock()
		l.kept = append(l.kept, scanner.Text())
		l.mu.Unlock()
	}
}

// String returns all that was kept.
func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.kept, "\n")
}

// until returns when a line with a text was logged.
func (l *lines) until(t testing.TB, text string) {
	t.Helper()
	again := time.NewTicker(time.Millisecond)
	defer again.Stop()
	for late := bounded(t); !strings.Contains(l.String(), text); {
		select {
		case <-again.C:
		case <-late.Done():
			t.Fatalf("%q is not logged:\n%s", text, l)
		}
	}
}

// bounded is a context for one thing that is waited for.
func bounded(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	t.Cleanup(cancel)
	return ctx
}
