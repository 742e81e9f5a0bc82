package nodes_test

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"google.golang.org/grpc/metadata"

	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/certs"
	"github.com/jisr-exchange/jisr/services/jisrtest"
)

// node is a jisrd as a process, time after time at the same address.
type node struct {
	*house
	line            *line
	cases, keys     string // as this node reaches them
	file            string
	program         string // jisrd as it is built here, if empty
	listen, metrics string

	process *exec.Cmd
	ended   chan struct{}
	log     *lines

	mu      sync.Mutex
	clients map[string]*jisrtest.Client
}

// start starts the process and returns when it serves.
func (n *node) start() {
	n.t.Helper()
	if !n.tryStart() {
		n.t.Fatalf("jisrd does not start:\n%s", n.log)
	}
}

// restart starts the process as what supervises it would, again and again.
func (n *node) restart() {
	n.t.Helper()
	n.until("a node serves", n.tryStart)
}

// tryStart starts the process and reports whether it serves.
func (n *node) tryStart() bool {
	n.t.Helper()
	n.must(os.WriteFile(n.file, fmt.Appendf(nil, configuration+n.more, n.listen, n.cases, n.keys, n.metrics), 0o600))
	n.process = exec.Command(cmp.Or(n.program, jisrd), "--config", n.file)
	// No process outlives a test run, however that ends.
	n.process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	stderr, err := n.process.StderrPipe()
	n.must(err)
	n.must(n.process.Start())
	n.log, n.ended = &lines{serving: make(chan served, 1)}, make(chan struct{})
	go func(process *exec.Cmd, log *lines, ended chan struct{}) {
		defer close(ended)
		log.read(stderr)
		_ = process.Wait() // whoever waits for the end reads ProcessState
	}(n.process, n.log, n.ended)
	select {
	case at := <-n.log.serving:
		n.listen, n.metrics = at.Address, at.Operations
	case <-n.ended:
		n.process = nil
		return false
	case <-time.After(limit):
		n.t.Fatalf("jisrd neither serves nor ends:\n%s", n.log)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, c := range n.clients {
		c.Conn.ResetConnectBackoff()
	}
	return true
}

// kill ends the process as a loss of power to its machine would: at once.
func (n *node) kill() {
	n.t.Helper()
	n.signal(syscall.SIGKILL)
	select {
	case <-n.ended:
	case <-time.After(limit):
		n.t.Fatalf("jisrd does not end:\n%s", n.log)
	}
	n.process = nil
}

// end ends what still runs when the test does.
func (n *node) end() {
	for _, c := range n.clients {
		c.Conn.Close()
	}
	if n.process != nil {
		n.kill()
	}
}

func (n *node) signal(s syscall.Signal) {
	n.t.Helper()
	if err := n.process.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		n.t.Fatal(err)
	}
}

// as returns the client of "agency/system", the same whenever the node runs.
func (n *node) as(who string) *jisrtest.Client {
	n.t.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	if c := n.clients[who]; c != nil {
		return c
	}
	agency, system, _ := strings.Cut(who, "/")
	a, ok := law.Agency(agency)
	if !ok {
		n.t.Fatalf("the agreement has no agency %s", agency)
	}
	md := metadata.Pairs("jisr-officer", "officer-1", "jisr-purpose", agreement.PurposeName(law.Purposes(a.Roles[0])[0]))
	if len(a.Roles) > 1 {
		md.Set("jisr-role", agreement.RoleName(a.Roles[0]))
	}
	config, err := certs.ClientTLS(filepath.Join(n.dir, "certs"), agency, system)
	n.must(err)
	c, err := jisrtest.Connect(n.listen, config, agency, md)
	n.must(err)
	n.clients[who] = c
	return c
}

// tell reads a page of the operators' port; empty where it does not answer.
func (n *node) tell(page string) string {
	client := http.Client{Timeout: limit}
	reply, err := client.Get("http://" + n.metrics + page)
	if err != nil {
		return ""
	}
	defer reply.Body.Close()
	text, err := io.ReadAll(reply.Body)
	if err != nil {
		return ""
	}
	return string(text)
}

// well reports whether the node says that all of it is.
func (n *node) well() bool { return strings.Contains(n.tell("/readyz"), "whole SERVING") }

// ill reports whether the node says that it is not, which is another thing than saying nothing.
func (n *node) ill() bool { return strings.Contains(n.tell("/readyz"), "whole NOT_SERVING") }

var gauge = regexp.MustCompile(`(?m)^(go_goroutines|process_resident_memory_bytes) (\S+)$`)

// holds is how many goroutines the process has, and how many bytes of memory.
func (n *node) holds() (goroutines, memory int) {
	n.t.Helper()
	for _, m := range gauge.FindAllStringSubmatch(n.tell("/metrics"), -1) {
		value, err := strconv.ParseFloat(m[2], 64)
		n.must(err)
		if m[1] == "go_goroutines" {
			goroutines = int(value)
		} else {
			memory = int(value)
		}
	}
	if goroutines == 0 || memory == 0 {
		n.t.Fatal("the node does not tell what it holds")
	}
	return goroutines, memory
}

// lines keeps what a process logs, without the lines of single calls.
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
		case "call", "the store failed a call":
			continue
		case "serving":
			l.serving <- line.served
		}
		l.mu.Lock()
		l.kept = append(l.kept, scanner.Text())
		l.mu.Unlock()
	}
}

func (l *lines) String() string {
	if l == nil {
		return ""
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.kept, "\n")
}
