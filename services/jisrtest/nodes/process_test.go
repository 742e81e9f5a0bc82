package nodes_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/jisr-exchange/jisr/services/jisrtest"
	"github.com/jisr-exchange/jisr/services/jisrtest/process"
)

// node is a jisrd as a process, time after time at the same address.
type node struct {
	*house
	line            *line
	cases, keys     string // as this node reaches them
	file            string
	program         string // jisrd as it is built here, if empty
	listen, metrics string

	process *process.Process // nil while none runs
	log     *process.Log     // of the last one

	mu      sync.Mutex
	clients map[string]*jisrtest.Client
}

// start starts the process and returns when it serves.
func (n *node) start() {
	n.t.Helper()
	if !n.tryStart() {
		n.t.Fatalf("jisrd does not start:\n%s", n.log)
	}
	if n.marks == nil {
		n.marks = process.Marks(n.t, n.dir, n.house.keys)
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
	p := process.Of(n.t, n.file, "the store failed a call")
	if n.program != "" {
		p.Cmd.Path = n.program
	}
	n.process, n.log = p, p.Log
	p.Start()
	if !p.Serves() {
		n.process = nil
		return false
	}
	n.listen, n.metrics = p.Address, p.Operations
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
	n.process.Kill()
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

// as returns the client of "agency/system", the same whenever the node runs.
func (n *node) as(who string) *jisrtest.Client {
	n.t.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	if c := n.clients[who]; c != nil {
		return c
	}
	headers := process.Headers(n.t, who)
	headers.Set("jisr-officer", "officer-1")
	c := process.Connect(n.t, n.dir, n.listen, who, headers)
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
