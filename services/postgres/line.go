package postgres

import (
	"context"
	"net"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// silent is after what time a line on which the other machine says nothing at all
// is given up. A commit has no deadline, and would wait for a machine that lost its
// power for as long as TCP does by itself: a quarter of an hour and more. A server
// that is slow, or waits for its standby, is not silent: its machine answers.
const silent = 20 * time.Second

// dial connects to a server.
func dial(ctx context.Context, network, address string) (net.Conn, error) {
	d := net.Dialer{
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: silent / 4, Interval: silent / 4, Count: 3},
		Control: func(network, _ string, c syscall.RawConn) error {
			if !strings.HasPrefix(network, "tcp") {
				return nil
			}
			var set error
			err := c.Control(func(fd uintptr) {
				set = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(silent.Milliseconds()))
			})
			if err != nil {
				return err
			}
			return set
		},
	}
	return d.DialContext(ctx, network, address)
}
