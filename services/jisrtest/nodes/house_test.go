package nodes_test

import (
	"context"
	"fmt"
	"net/url"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/jisr-exchange/jisr/services/jisrtest"
	"github.com/jisr-exchange/jisr/services/jisrtest/process"
	"github.com/jisr-exchange/jisr/services/keyring"
	"github.com/jisr-exchange/jisr/services/postgres/throwaway"
)

const limit = process.Limit

const configuration = process.Configuration + `
listen: %s
database: %s
keyring: %s
metrics_listen: %s
budgets:
  calls_per_second: 1000000 # a load that is paced breaks less
`

// house is what the nodes of one exchange share.
type house struct {
	t       testing.TB
	dir     string
	cluster *throwaway.Cluster
	cases   string // the database of the cases, past all lines
	keys    string
	more    string        // of every node's configuration
	role    *url.Userinfo // as whom nodes come to the cases; as a superuser if nil
	nodes   []*node
	marks   *keyring.Shelfmarks // under what records lie
	taken   []*pgx.Conn         // connections that nobody else has
}

// newHouse makes the databases and files of an exchange, and no node.
func newHouse(t testing.TB, cluster *throwaway.Cluster) *house {
	t.Helper()
	h := &house{t: t, dir: t.TempDir(), cluster: cluster, cases: cluster.Database(t), keys: cluster.Database(t)}
	process.Install(t, h.dir, jisrtest.Police, jisrtest.Judge, jisrtest.Shelter)
	return h
}

// open makes nodes, each with a line of its own to the databases, and starts them.
func (h *house) open(nodes int) *house {
	h.t.Helper()
	for range nodes {
		l, cases := lineTo(h.t, h.serving())
		n := h.node(cases, l.to(h.t, h.keys))
		n.line = l
		n.start()
	}
	return h
}

// serving is the database of the cases for the role of the nodes.
func (h *house) serving() string {
	u, err := url.Parse(h.cases)
	h.must(err)
	if h.role != nil {
		u.User = h.role
	}
	return u.String()
}

// node makes a node over databases as it reaches them, and does not start it.
func (h *house) node(cases, keys string) *node {
	n := &node{house: h, cases: cases, keys: keys, listen: "127.0.0.1:0", metrics: "127.0.0.1:0", clients: make(map[string]*jisrtest.Client)}
	n.file = filepath.Join(h.dir, fmt.Sprintf("node-%d.yaml", len(h.nodes)))
	h.nodes = append(h.nodes, n)
	h.t.Cleanup(n.end)
	return n
}

func (h *house) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

// ask puts a question to the database of the cases, past every node.
func (h *house) ask(into any, question string, args ...any) {
	h.t.Helper()
	h.must(h.tryAsk(into, question, args...))
}

func (h *house) tryAsk(into any, question string, args ...any) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	conn, err := pgx.Connect(ctx, h.cases)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	return conn.QueryRow(ctx, question, args...).Scan(into)
}

// names are the names of all records of a type in the database.
func (h *house) names(kind string) map[string]bool {
	h.t.Helper()
	var names []string
	h.ask(&names, "SELECT COALESCE(array_agg(name), '{}') FROM records WHERE type = $1", kind)
	all, marks := make(map[string]bool, len(names)), h.marks
	for _, name := range names {
		all[marks.Name(name)] = true
	}
	return all
}

// until returns when something is so.
func (h *house) until(what string, so func() bool) {
	h.t.Helper()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for end := time.After(limit); !so(); {
		select {
		case <-again.C:
		case <-end:
			h.t.Fatalf("after %s it is not so: %s\n%s", limit, what, h.logged())
		}
	}
}

func (h *house) logged() (text string) {
	for i, n := range h.nodes {
		text += fmt.Sprintf("node %d:\n%s\n", i, n.log)
	}
	return text
}
