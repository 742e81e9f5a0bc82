package budget

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/credentials"
)

// caller is a client that knocks from an address.
type caller struct {
	net.Conn // its own end
	name     string

	mu    sync.Mutex
	ended error
}

// end is why its handshake ended, once it has.
func (c *caller) end() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ended
}

// from is the server's end of a connection from an address.
type from struct {
	net.Conn
	addr net.Addr
}

func (f from) RemoteAddr() net.Addr { return f.addr }

// computing is a handshake that reads a byte and then computes until it is let go,
// and so for each byte of its peer's until there is none.
type computing struct {
	credentials.TransportCredentials

	mu    sync.Mutex
	now   []string // who has a turn
	order []string // who had one
	next  chan struct{}
}

func (c *computing) ServerHandshake(raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	name := raw.RemoteAddr().String()
	for {
		if _, err := raw.Read(make([]byte, 1)); err != nil {
			return nil, nil, err
		}
		c.mu.Lock()
		c.now, c.order = append(c.now, name), append(c.order, name)
		c.mu.Unlock()
		<-c.next
		c.mu.Lock()
		at := slices.Index(c.now, name)
		c.now = slices.Delete(c.now, at, at+1)
		c.mu.Unlock()
	}
}

// has is who has a turn, and had is who had one, in order.
func (c *computing) has() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.now)
}

func (c *computing) had() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.order)
}

// porchOf is a book with so many turns, and what it computes.
func porchOf(t *testing.T, turns int) (*Book, *computing) {
	t.Helper()
	b, _ := book(t, Default())
	b.porch.turns = turns
	return b, &computing{next: make(chan struct{})}
}

// knock opens a connection from an address; the caller says as many words.
func knock(b *Book, c *computing, addr string, port, words int) *caller {
	client, server := net.Pipe()
	at := &net.TCPAddr{IP: net.ParseIP(addr), Port: port}
	who := &caller{Conn: client, name: at.String()}
	creds := b.Credentials(c, nil)
	go func() {
		_, _, err := creds.ServerHandshake(from{server, at})
		who.mu.Lock()
		defer who.mu.Unlock()
		who.ended = err
	}()
	if words > 0 {
		go func() { _, _ = client.Write(make([]byte, words)) }() // is taken byte by byte, or never
	}
	synctest.Wait()
	return who
}

func TestRoomIsMadeWhereMostCameFromAndByWhoIsSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, c := porchOf(t, handshakes)
		honest := knock(b, c, "198.51.100.7", 1, 0) // the oldest of all, and silent
		defer honest.Close()
		var many []*caller
		for n := range handshakes - 1 {
			words := 1
			if n == 100 || n == 200 {
				words = 0
			}
			many = append(many, knock(b, c, "192.0.2.1", n, words))
			defer many[n].Close()
		}
		gone := func() (at []int) {
			for n, who := range many {
				if who.end() != nil {
					if !errors.Is(who.end(), ErrCrowded) {
						t.Errorf("one was closed by %v", who.end())
					}
					at = append(at, n)
				}
			}
			return at
		}
		if len(gone()) != 0 {
			t.Fatal("somebody was closed while there was room")
		}
		defer knock(b, c, "203.0.113.1", 1, 0).Close()
		defer knock(b, c, "203.0.113.2", 1, 0).Close()
		if at := gone(); !slices.Equal(at, []int{100, 200}) {
			t.Errorf("closed were %v, want the silent ones", at)
		}
		close(c.next) // they have computed, and wait for what their peers say
		synctest.Wait()
		defer knock(b, c, "203.0.113.3", 1, 0).Close()
		if at := gone(); !slices.Equal(at, []int{0, 100, 200}) || honest.end() != nil {
			t.Errorf("closed were %v, and the one of another address by %v", at, honest.end())
		}
		b.porch.mu.Lock()
		defer b.porch.mu.Unlock()
		if b.porch.here != handshakes {
			t.Errorf("%d are here", b.porch.here)
		}
	})
}

func TestWhoeverIsKeptWaitingStaysAndNobodyMoreIsTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, c := porchOf(t, 1)
		var many []*caller
		for n := range handshakes {
			many = append(many, knock(b, c, "192.0.2.1", n, 1))
			defer many[n].Close()
		}
		defer knock(b, c, "203.0.113.1", 1, 0).Close()
		for n, who := range many {
			if gone := who.end() != nil; gone != (n == handshakes-1) {
				t.Errorf("number %d ended by %v", n, who.end())
			}
		}
		close(c.next)
	})
}

func TestOfAddressesOnlyThoseInAHurryAreRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, c := porchOf(t, 1)
		close(c.next)
		for n := range 3000 {
			knock(b, c, fmt.Sprintf("10.0.%d.%d", n/250, n%250), 1, 1).Close()
			<-time.After(time.Second / paceOfAddress)
		}
		synctest.Wait()
		b.porch.mu.Lock()
		defer b.porch.mu.Unlock()
		if n := len(b.porch.crowds); n > 2*handshakes {
			t.Errorf("%d addresses are remembered", n)
		}
		if n := b.porch.here; n != 0 || b.porch.taken != 0 || len(b.porch.next) != 0 {
			t.Errorf("%d handshakes, %d turns and %d waiting addresses are left", n, b.porch.taken, len(b.porch.next))
		}
	})
}
