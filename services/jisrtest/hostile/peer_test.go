package hostile_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/jisr-exchange/jisr/services/certs"
)

// peer is a certified client that writes frames by hand.
type peer struct {
	conn    net.Conn
	out     *bufio.Writer
	framer  *http2.Framer
	block   bytes.Buffer
	encoder *hpack.Encoder
	next    uint32 // the next stream
	who     [][2]string

	gone    chan struct{} // closed once the server has closed the connection
	mu      sync.Mutex
	answers map[uint32]*answer
	changed chan struct{}

	taken, more int // of the connection's window
}

// answer is what came back on a stream.
type answer struct {
	fields map[string]string
	data   int
	reset  bool
	ended  bool

	taken, more int // of the window
}

// config is the TLS of "agency/system".
func (x *exchange) config(who string) *tls.Config {
	x.t.Helper()
	agency, system, _ := strings.Cut(who, "/")
	config, err := certs.ClientTLS(filepath.Join(x.dir, "certs"), agency, system)
	x.must(err)
	config.ServerName, config.NextProtos = "127.0.0.1", []string{"h2"}
	return config
}

// attacker opens a connection by hand and reads all that comes.
func (x *exchange) attacker(settings ...http2.Setting) *peer {
	x.t.Helper()
	p, err := x.dial(settings...)
	x.must(err)
	return p
}

func (x *exchange) dial(settings ...http2.Setting) (*peer, error) {
	p, err := x.silent(settings...)
	if err != nil {
		return nil, err
	}
	go p.read()
	return p, nil
}

// served is a connection on which a call was answered. An attacker whose last
// connection was cut is in debt at first, and finds the next ones closed.
func (x *exchange) served(t testing.TB) *peer {
	t.Helper()
	for end := time.Now().Add(limit); time.Now().Before(end); {
		p, err := x.dial()
		if err != nil {
			t.Fatal(err)
		}
		id, _ := p.send(whoAmI, nil) // on a connection that is closed already the wait below ends
		if a, ok := p.wait(t, id); ok && a.fields["grpc-status"] == "0" {
			return p
		}
		p.conn.Close()
		<-p.gone
	}
	t.Fatal("no connection is served")
	return nil
}

// silent opens a connection on which nobody reads.
func (x *exchange) silent(settings ...http2.Setting) (*peer, error) {
	conn, err := (&tls.Dialer{Config: x.config(evil)}).Dial("tcp", x.addr)
	if err != nil {
		return nil, err
	}
	p := &peer{conn: conn, next: 1, gone: make(chan struct{}), answers: make(map[uint32]*answer), changed: make(chan struct{}, 1)}
	for key, values := range x.headers(evil) {
		p.who = append(p.who, [2]string{key, values[0]})
	}
	x.t.Cleanup(func() { conn.Close() })
	p.encoder = hpack.NewEncoder(&p.block)
	p.out = bufio.NewWriterSize(conn, 16<<10)
	p.framer = http2.NewFramer(p.out, conn)
	p.framer.AllowIllegalWrites = true
	p.framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	_, err = p.out.WriteString(http2.ClientPreface)
	return p, errors.Join(err, p.framer.WriteSettings(settings...), p.out.Flush())
}

func (p *peer) read() {
	defer close(p.gone)
	for {
		f, err := p.framer.ReadFrame()
		var stream http2.StreamError
		if errors.As(err, &stream) {
			continue
		}
		if err != nil {
			return
		}
		p.took(f)
	}
}

func (p *peer) took(f http2.Frame) {
	p.mu.Lock()
	defer p.mu.Unlock()
	a := p.answers[f.Header().StreamID]
	if update, ok := f.(*http2.WindowUpdateFrame); ok && update.StreamID == 0 {
		p.more += int(update.Increment)
	} else if a == nil {
		return // a flood does not ask what became of its every drop
	}
	switch f := f.(type) {
	case *http2.MetaHeadersFrame:
		for _, field := range f.Fields {
			a.fields[field.Name] = field.Value
		}
		a.ended = a.ended || f.StreamEnded()
	case *http2.DataFrame:
		a.data += len(f.Data())
	case *http2.WindowUpdateFrame:
		if a != nil {
			a.more += int(f.Increment)
		}
	case *http2.RSTStreamFrame:
		a.reset, a.ended = true, true
	}
	select {
	case p.changed <- struct{}{}:
	default:
	}
}

// wait waits until a stream's answer has ended; false when the connection did.
func (p *peer) wait(t testing.TB, stream uint32) (answer, bool) {
	t.Helper()
	timeout := time.After(limit)
	for {
		p.mu.Lock()
		a := *p.answers[stream]
		p.mu.Unlock()
		if a.ended {
			return a, true
		}
		select {
		case <-p.changed:
		case <-p.gone:
			return a, false
		case <-timeout:
			t.Fatal("the stream is neither answered nor closed")
		}
	}
}

// encode is a block of header fields, without the table that both sides keep.
func (p *peer) encode(fields ...[2]string) []byte {
	p.block.Reset()
	for _, f := range fields {
		_ = p.encoder.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]}) // into memory
	}
	return bytes.Clone(p.block.Bytes())
}

// call is the header of a call.
func (p *peer) call(path string, more ...[2]string) []byte {
	fields := [][2]string{{":method", "POST"}, {":scheme", "https"}, {":path", path}, {":authority", "x"}, {"content-type", "application/grpc"}, {"te", "trailers"}}
	return p.encode(append(append(fields, p.who...), more...)...)
}

// open opens a stream for a call and sends no body.
func (p *peer) open(path string, more ...[2]string) (uint32, error) {
	id := p.begin()
	err := p.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: p.call(path, more...), EndHeaders: true})
	return id, errors.Join(err, p.out.Flush())
}

// begin takes the next stream and watches its answer.
func (p *peer) begin() uint32 {
	id := p.next
	p.next += 2
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answers[id] = &answer{fields: make(map[string]string)}
	return id
}

// send calls with a body and returns the stream.
func (p *peer) send(path string, body []byte, more ...[2]string) (uint32, error) {
	id, err := p.open(path, more...)
	if err != nil {
		return id, err
	}
	return id, p.body(id, message(body))
}

// body sends bytes as far as the server lets it, and ends the stream unless the
// server has ended it before.
func (p *peer) body(stream uint32, b []byte) error {
	for {
		n, open := p.room(stream, min(len(b), 16<<10))
		if !open {
			return nil
		}
		err := errors.Join(p.framer.WriteData(stream, n == len(b), b[:n]), p.out.Flush())
		if err != nil || n == len(b) {
			return err
		}
		b = b[n:]
	}
}

// room waits until the server takes up to n bytes more on a stream; false when
// the stream or the connection has ended.
func (p *peer) room(stream uint32, n int) (int, bool) {
	for {
		p.mu.Lock()
		a := p.answers[stream]
		if a == nil || n == 0 {
			p.mu.Unlock()
			return n, true
		}
		most := min(n, 65535+p.taken+p.more, 65535+a.taken+a.more)
		if most > 0 {
			p.taken, a.taken = p.taken-most, a.taken-most
		}
		ended := a.ended
		p.mu.Unlock()
		if most > 0 && !ended {
			return most, true
		}
		if ended {
			return 0, false
		}
		select {
		case <-p.changed:
		case <-p.gone:
			return 0, false
		}
	}
}

// message is a body with the length before it, as gRPC frames it.
func message(body []byte) []byte {
	b := binary.BigEndian.AppendUint32([]byte{0}, uint32(len(body)))
	return append(b, body...)
}

// closes waits until the server has closed the connection.
func (p *peer) closes(t testing.TB) {
	t.Helper()
	select {
	case <-p.gone:
	case <-time.After(limit):
		t.Fatal("the connection stays open")
	}
}

// forget stops to watch all streams.
func (p *peer) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	clear(p.answers)
}

// until repeats step until the server has closed the connection or ctx ends, and
// returns how often.
func (p *peer) until(ctx context.Context, step func() error) (n int) {
	for ; ; n++ {
		select {
		case <-p.gone:
			return n
		case <-ctx.Done():
			return n
		default:
		}
		if step() != nil || p.out.Flush() != nil {
			return n
		}
	}
}
