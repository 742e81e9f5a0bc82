// Package hostile_test lets a certified agency attack the exchange beside another
// that does its work: raw frames of HTTP/2 over real mutual TLS, against jisrd as
// a process of its own, whose memory is read where the kernel keeps it.
//
// The tests hold what an attack may not bring about. What it costs the agency
// beside it is measured by the benchmark in report_test.go (`make hostile`).
package hostile_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"

	"google.golang.org/grpc/metadata"

	"github.com/jisr-exchange/jisr/services/jisrtest"
	"github.com/jisr-exchange/jisr/services/jisrtest/process"
)

const (
	limit = process.Limit
	// most is how much memory the server may hold at its worst.
	most = 512 << 20

	good = jisrtest.Police // does its work
	evil = jisrtest.Erbil  // attacks
)

func TestMain(m *testing.M) { os.Exit(process.Main(m)) }

const configuration = process.Configuration + `
listen: 127.0.0.1:0
database: jisr.db
keyring: keyring.db
metrics_listen: none
`

// exchange is a jisrd that runs as a process until the test ends.
type exchange struct {
	t       testing.TB
	dir     string
	process *process.Process
	addr    string
}

// connected is an exchange that runs already, as an attacker's process sees it.
func connected(t testing.TB, addr, dir string) *exchange {
	return &exchange{t: t, dir: dir, addr: addr}
}

// start starts the process; settings are added to its configuration.
func start(t testing.TB, settings string) *exchange {
	t.Helper()
	x := &exchange{t: t, dir: t.TempDir()}
	process.Install(t, x.dir, good, evil)
	config := filepath.Join(x.dir, "jisrd.yaml")
	x.must(os.WriteFile(config, []byte(configuration+settings), 0o600))
	x.process = process.Of(t, config)
	x.process.Start()
	if !x.process.Serves() {
		t.Fatalf("jisrd does not start:\n%s", x.process.Log)
	}
	x.addr = x.process.Address
	t.Cleanup(x.stop)
	return x
}

// stop ends the process; one that is gone already has crashed.
func (x *exchange) stop() {
	select {
	case <-x.process.Ended():
		x.t.Errorf("jisrd did not live through it:\n%s", x.process.Log)
	default:
		x.process.Kill()
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
	c := process.Connect(x.t, x.dir, x.addr, who, x.headers(who))
	x.t.Cleanup(func() { c.Conn.Close() })
	return c
}

// headers are the identity headers of an officer of "agency/system".
func (x *exchange) headers(who string) metadata.MD {
	md := process.Headers(x.t, who)
	md.Set("jisr-officer", "officer-1")
	return md
}

var kilobytes = regexp.MustCompile(`(?m)^(VmHWM|VmRSS):\s+(\d+) kB$`)

// memory reads how many bytes of memory the process holds, and held at the most.
func (x *exchange) memory() (now, peak int) {
	x.t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", x.process.Cmd.Process.Pid))
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
		x.t.Fatalf("the kernel does not tell the memory of process %d", x.process.Cmd.Process.Pid)
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
