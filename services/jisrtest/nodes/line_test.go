package nodes_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/url"
	"regexp"
	"sync"
	"testing"

	"github.com/jisr-exchange/jisr/services/postgres/throwaway"
)

// line is the line between a node and its database. It knows where a message
// begins and ends, so that it can be cut at a statement, and can be made to tell
// the server something else than the node said.
type line struct {
	listener net.Listener
	network  string
	server   string
	ended    sync.WaitGroup

	mu    sync.Mutex
	open  map[net.Conn]bool
	cut   *regexp.Regexp // the statement after whose next execution the line is cut, its answer on the way
	twist []twist
}

// twist is another text for what matches in a statement.
type twist struct {
	find *regexp.Regexp
	with string
	met  int
}

// lineTo returns a line to a database's server, and the database's URL at this end of it.
func lineTo(t testing.TB, database string) (*line, string) {
	t.Helper()
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	l := &line{network: "tcp", server: u.Host, open: make(map[net.Conn]bool)}
	if dir := u.Query().Get("host"); dir != "" {
		l.network, l.server = "unix", dir+"/.s.PGSQL.5432"
	}
	l.listener, err = (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.ended.Go(l.accept)
	t.Cleanup(func() {
		l.listener.Close()
		l.sever()
		l.ended.Wait()
	})
	return l, l.to(t, database)
}

// to is the URL of a database of the server at this end of the line.
func (l *line) to(t testing.TB, database string) string {
	t.Helper()
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	u.Host, u.RawQuery = l.listener.Addr().String(), "sslmode=disable"
	return u.String()
}

// sever cuts every connection.
func (l *line) sever() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.open {
		c.Close() // whoever uses it hears of it
	}
	clear(l.open)
}

// leadTo has new connections reach another server, as a name or an address that a
// cluster manager moves; those that are there stay.
func (l *line) leadTo(c *throwaway.Cluster) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.network, l.server = "unix", c.Folder()+"/.s.PGSQL.5432"
}

// cutAfter lets the next such statement reach the server, and no answer to it come back.
func (l *line) cutAfter(statement string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut = regexp.MustCompile(statement)
}

// tellInstead gives statements that are prepared from now on another text, and
// cuts what is connected, where they are prepared already.
func (l *line) tellInstead(find, with string) {
	l.mu.Lock()
	l.twist = append(l.twist, twist{find: regexp.MustCompile(find), with: with})
	l.mu.Unlock()
	l.sever()
}

// twisted counts how often a statement was given another text, by the least of all texts.
func (l *line) twisted() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	least := 0
	for i, w := range l.twist {
		if i == 0 || w.met < least {
			least = w.met
		}
	}
	return least
}

func (l *line) accept() {
	for {
		near, err := l.listener.Accept()
		if err != nil {
			return
		}
		l.mu.Lock()
		network, server := l.network, l.server
		l.mu.Unlock()
		far, err := (&net.Dialer{}).DialContext(context.Background(), network, server)
		if err != nil {
			near.Close()
			continue
		}
		l.mu.Lock()
		l.open[near], l.open[far] = true, true
		l.mu.Unlock()
		deaf := make(chan struct{}) // closed: the next answer does not come back
		l.ended.Go(func() { l.ask(near, far, deaf) })
		l.ended.Go(func() { l.answer(far, near, deaf) })
	}
}

// ask passes on what a node says.
func (l *line) ask(node, server net.Conn, deaf chan struct{}) {
	defer l.forget(node, server)
	in := bufio.NewReaderSize(node, 64<<10)
	names := make(map[string]string) // statements by the name under which the driver keeps them
	begun, cut := false, false
	for {
		message, err := frame(in, begun)
		if err != nil {
			return
		}
		if !begun { // the first has no type
			begun = true
		} else {
			switch message[0] {
			case 'P': // Parse: name, text, parameters
				name, rest, _ := bytes.Cut(message[5:], []byte{0})
				text, parameters, _ := bytes.Cut(rest, []byte{0})
				names[string(name)] = string(text)
				message = parse(name, l.instead(text), parameters)
			case 'B': // Bind: portal, name
				_, rest, _ := bytes.Cut(message[5:], []byte{0})
				name, _, _ := bytes.Cut(rest, []byte{0})
				cut = cut || l.cuts(names[string(name)])
			case 'Q':
				cut = cut || l.cuts(string(message[5:]))
			case 'S': // Sync: all of the batch is on its way
				if cut {
					close(deaf)
					_, _ = server.Write(message) // the server may be gone, and nobody hears
					_, _ = io.Copy(io.Discard, in)
					return
				}
			}
		}
		if _, err := server.Write(message); err != nil {
			return
		}
	}
}

// answer passes on what a server says.
func (l *line) answer(server, node net.Conn, deaf chan struct{}) {
	defer l.forget(node, server)
	chunk := make([]byte, 64<<10)
	for {
		n, err := server.Read(chunk)
		if err != nil {
			return
		}
		select {
		case <-deaf:
			return
		default:
		}
		if _, err := node.Write(chunk[:n]); err != nil {
			return
		}
	}
}

func (l *line) forget(ends ...net.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range ends {
		c.Close()
		delete(l.open, c)
	}
}

func (l *line) cuts(statement string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cut == nil || !l.cut.MatchString(statement) {
		return false
	}
	l.cut = nil
	return true
}

func (l *line) instead(text []byte) []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.twist {
		if w := &l.twist[i]; w.find.Match(text) {
			w.met++
			text = w.find.ReplaceAll(text, []byte(w.with))
		}
	}
	return text
}

// frame reads a whole message of PostgreSQL's protocol.
func frame(in *bufio.Reader, typed bool) ([]byte, error) {
	head := 4
	if typed {
		head = 5
	}
	message := make([]byte, head)
	if _, err := io.ReadFull(in, message); err != nil {
		return nil, err
	}
	rest := make([]byte, binary.BigEndian.Uint32(message[head-4:])-4)
	if _, err := io.ReadFull(in, rest); err != nil {
		return nil, err
	}
	return append(message, rest...), nil
}

// parse is a Parse message.
func parse(name, text, parameters []byte) []byte {
	m := binary.BigEndian.AppendUint32([]byte{'P'}, uint32(4+len(name)+1+len(text)+1+len(parameters)))
	m = append(append(m, name...), 0)
	m = append(append(m, text...), 0)
	return append(m, parameters...)
}
