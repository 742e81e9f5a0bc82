package postgres

import (
	"net"
	"testing"

	"golang.org/x/sys/unix"
)

func TestAMachineThatIsGoneIsGivenUpAndNotWaitedFor(t *testing.T) {
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	limit := func(conn net.Conn) (ms int) {
		raw, err := conn.(*net.TCPConn).SyscallConn()
		must(t, err)
		must(t, raw.Control(func(fd uintptr) { ms, err = unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT) }))
		must(t, err)
		return ms
	}
	conn, err := dial(t.Context(), "tcp", l.Addr().String())
	must(t, err)
	defer conn.Close()
	if got := limit(conn); got != int(silent.Milliseconds()) {
		t.Errorf("a silent line is kept for %d ms", got)
	}
	// Control: a connection as it is by itself waits as long as TCP does.
	plain, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", l.Addr().String())
	must(t, err)
	defer plain.Close()
	if got := limit(plain); got != 0 {
		t.Errorf("every connection has a limit of %d ms: the test proves nothing", got)
	}
}
