package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/postgres/throwaway"
	"github.com/jisr-exchange/jisr/services/record"
	"github.com/jisr-exchange/jisr/services/store"
)

// line is the line between a node and its server, which can be cut where a
// statement goes over it.
type line struct {
	t        testing.TB
	listener net.Listener
	network  string
	server   string
	ended    sync.WaitGroup

	mu    sync.Mutex
	open  map[net.Conn]bool
	names map[string]string // statements by the name under which the driver keeps them
	cut   func(statement string) cut
	held  chan struct{}
	// release lets what is held go on.
	release func()
}

// cut is what happens to a statement on the line.
type cut int

const (
	through cut = iota
	held        // it waits, and what comes after it
	before      // it does not reach the server
	after       // its answer does not reach the node
)

// lineTo returns a line to a database, and the URL at this end of it.
func lineTo(t *testing.T, database string) (*line, string) {
	t.Helper()
	u, err := url.Parse(database)
	must(t, err)
	l := &line{t: t, network: "tcp", server: u.Host, open: make(map[net.Conn]bool), names: make(map[string]string), held: make(chan struct{})}
	if dir := u.Query().Get("host"); dir != "" {
		l.network, l.server = "unix", dir+"/.s.PGSQL.5432"
	}
	l.release = sync.OnceFunc(func() { close(l.held) })
	l.listener, err = (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	must(t, err)
	l.ended.Go(l.accept)
	t.Cleanup(func() {
		must(t, l.listener.Close())
		l.release()
		l.sever()
		l.ended.Wait()
	})
	u.Host, u.RawQuery = l.listener.Addr().String(), "sslmode=disable"
	return l, u.String()
}

// when says what happens to statements from now on.
func (l *line) when(f func(statement string) cut) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut = f
}

// sever cuts every connection.
func (l *line) sever() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.open {
		_ = c.Close() // whoever uses it hears of it
	}
	clear(l.open)
}

func (l *line) accept() {
	for {
		node, err := l.listener.Accept()
		if err != nil {
			return
		}
		server, err := (&net.Dialer{}).DialContext(context.Background(), l.network, l.server)
		if err != nil {
			node.Close()
			continue
		}
		l.mu.Lock()
		l.open[node], l.open[server] = true, true
		l.mu.Unlock()
		var deaf sync.Once
		answers := make(chan struct{}) // closed: the next answer is the last, and is not passed on
		l.ended.Go(func() {
			l.pass(node, server, func(chunk []byte) bool {
				switch l.look(chunk) {
				case held:
					<-l.held
				case before:
					return false
				case after:
					deaf.Do(func() { close(answers) })
				}
				return true
			})
		})
		l.ended.Go(func() {
			l.pass(server, node, func([]byte) bool {
				select {
				case <-answers:
					return false
				default:
					return true
				}
			})
		})
	}
}

// pass passes on what comes until may says no, and then closes both ends.
func (l *line) pass(from, to net.Conn, may func([]byte) bool) {
	defer from.Close()
	defer to.Close()
	chunk := make([]byte, 64<<10)
	for {
		n, err := from.Read(chunk)
		if err != nil || !may(chunk[:n]) {
			return
		}
		if _, err := to.Write(chunk[:n]); err != nil {
			return
		}
	}
}

var prepared = regexp.MustCompile(`(stmtcache_[0-9a-f]+)\x00([^\x00]+)\x00`)

// look finds the statements in what a node sends, whole or by name.
func (l *line) look(chunk []byte) (found cut) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range prepared.FindAllSubmatch(chunk, -1) {
		if name := string(p[1]); l.names[name] == "" { // what follows it later is another message
			l.names[name] = string(p[2])
		}
	}
	for name, statement := range l.names {
		// Executed, not prepared: in a Bind the name follows that of the portal, which is empty.
		if l.cut != nil && bytes.Contains(chunk, []byte("\x00"+name+"\x00")) {
			found = max(found, l.cut(statement))
		}
	}
	return found
}

func on(statement string, what cut) func(string) cut {
	return func(s string) cut {
		if bytes.Contains([]byte(s), []byte(statement)) {
			return what
		}
		return through
	}
}

// files counts the police's cases.
func (n *node) files() (count int) {
	n.t.Helper()
	token := ""
	for {
		ctx, c := n.as(police)
		page, next, err := store.List(ctx, n.Store, c, store.Query{Type: record.ByName("Case"), Token: token}, func() *jisrv1.Case { return &jisrv1.Case{} })
		must(n.t, err)
		count += len(page)
		if token = next; token == "" {
			return count
		}
	}
}

func TestACommitOfWhichNothingIsHeardIsUncertainAndItsRepetitionHasOneEffect(t *testing.T) {
	for name, what := range map[string]cut{"the server has it": after, "the server never got it": before} {
		t.Run(name, func(t *testing.T) {
			h, database := newHouse(t), throwaway.URL(t)
			l, at := lineTo(t, database)
			n, other := h.open(at), h.open(database)
			n.aCase()
			l.when(on("COMMIT", what))
			_, err := n.newCase(requestID)
			wantFault(t, err, fault.OutcomeUnknown)
			l.when(nil)
			kept, err := n.newCase(requestID)
			must(t, err)
			if again, err := other.newCase(requestID); err != nil || again != kept {
				t.Errorf("another node answers with %s beside %s: %v", again, kept, err)
			}
			if got := other.files(); got != 2 {
				t.Errorf("one request made %d cases", got-1)
			}
			if got := other.entries(kept); got != 1 {
				t.Errorf("%d entries of one change", got)
			}
		})
	}
}

func TestAConnectionThatIsLostBeforeTheCommitKeepsNothingAndIsMadeAnew(t *testing.T) {
	h, database := newHouse(t), throwaway.URL(t)
	l, at := lineTo(t, database)
	n := h.open(at)
	n.InTurn("CaseService/CreateCase")
	about := n.aCase()
	for _, statement := range []string{"INSERT INTO records", "SAVEPOINT", "INSERT INTO log_entries"} {
		l.when(on(statement, after))
		_, err := n.newCase(requestID)
		wantFault(t, err, fault.StoreUnavailable)
		l.when(nil)
		if got := n.files(); got != 1 {
			t.Errorf("lost at %s, %d cases are there", statement, got)
		}
	}
	// The entry of a read may be there, but nothing was shown.
	release := n.begun(police, about)
	l.when(on("INSERT INTO log_entries", after))
	wantFault(t, release(), fault.LogUnavailable)
	l.when(nil)
	must(t, n.begun(police, about)())
	if _, err := n.newCase(requestID); err != nil {
		t.Errorf("after the line is back a change is answered %v", err)
	}
}

// The rows of a draft are sent with their commit, so that a line that is cut in the
// midst of them leaves open what the server has of them.
func TestADraftWhoseLineIsCutIsUncertainAndItsRepetitionHasOneEffect(t *testing.T) {
	h, database := newHouse(t), throwaway.URL(t)
	l, at := lineTo(t, database)
	n := h.open(at)
	n.aCase()
	for i, statement := range []string{"INSERT INTO records", "INSERT INTO log_entries", "INSERT INTO idempotency"} {
		id := strings.Replace(requestID, "0", fmt.Sprint(i+1), 1)
		for _, what := range []cut{before, after} {
			l.when(on(statement, what))
			_, err := n.newCase(id)
			wantFault(t, err, fault.OutcomeUnknown)
			l.when(nil)
		}
		kept, err := n.newCase(id)
		must(t, err)
		if again, err := n.newCase(id); err != nil || again != kept {
			t.Errorf("cut at %s, its repetition is %s and then %s: %v", statement, kept, again, err)
		}
		if got := n.files(); got != 2+i {
			t.Errorf("cut at %s, %d cases are there, want %d", statement, got, 2+i)
		}
		if got := n.entries(kept); got != 1 {
			t.Errorf("cut at %s, %d entries of one change", statement, got)
		}
	}
}

func TestAServerThatIsAwayIsToldByHealthAndFoundAgain(t *testing.T) {
	h, database := newHouse(t), throwaway.URL(t)
	l, at := lineTo(t, database)
	n := h.open(at)
	about := n.aCase()
	must(t, n.Probe(t.Context(), false))
	l.when(func(string) cut { return before })
	l.sever()
	for range 3 {
		_, err := n.newCase(requestID)
		wantFault(t, err, fault.StoreUnavailable)
		if secret(err) {
			t.Errorf("the error tells of the database: %v", err)
		}
		if code, ok := store.Code(err); !ok || code != "SQLSTATE_08006" {
			t.Errorf("the error's code is %q", code)
		}
	}
	if err := n.Probe(t.Context(), true); err == nil {
		t.Error("a store without its server says that it is well")
	}
	if _, err := n.read(police, about); !errors.Is(err, fault.New(fault.StoreUnavailable)) {
		t.Errorf("a read without a server is answered %v", err)
	}
	l.when(nil)
	must(t, n.Probe(t.Context(), true))
	must(t, n.ProbeLog(t.Context()))
	must(t, n.begun(police, about)())
	n.aCase()
}

// databaseOf is the name of a database in its URL.
func databaseOf(t testing.TB, database string) string {
	t.Helper()
	u, err := url.Parse(database)
	must(t, err)
	return u.Path[1:]
}
