package demo

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"

	"github.com/jisr-exchange/jisr/services/certs"
	"github.com/jisr-exchange/jisr/services/daemon"
)

// exchange is a real exchange over throw-away files.
type exchange struct {
	dir     string
	keep    bool
	daemon  *daemon.Daemon
	stop    context.CancelFunc
	done    chan error
	clients map[party]*client
}

// open makes the files and starts the daemon. The daemon stops when close is
// called and not when ctx ends, so that calls in flight end in order.
func open(ctx context.Context, o Options) (_ *exchange, err error) {
	x := &exchange{dir: o.Dir, keep: o.Dir != "", clients: make(map[party]*client)}
	if !x.keep {
		if x.dir, err = os.MkdirTemp("", "jisr-demo-"); err != nil {
			return nil, err
		}
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, x.remove())
		}
	}()
	hosts := []string{"localhost", "127.0.0.1", "::1"}
	if host, _, err := net.SplitHostPort(o.Listen); err == nil && host != "" && !slices.Contains(hosts, host) {
		hosts = append(hosts, host)
	}
	if _, err := certs.Create(x.dir, certs.Options{Clients: clientsOf(cast), Hosts: hosts}); err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(x.dir, agreementFile), o.Agreement, 0o600); err != nil {
		return nil, err
	}
	return x, x.serve(ctx, o)
}

// serve starts the daemon over files that are there.
func (x *exchange) serve(ctx context.Context, o Options) (err error) {
	if x.daemon, err = daemon.Open(ctx, x.configuration(o), o.Version, logger(o.Log)); err != nil {
		return err
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	x.stop, x.done = stop, make(chan error, 1)
	go func() { x.done <- x.daemon.Run(running) }()
	return nil
}

const agreementFile = "agreement.txtpb"

// configuration says where everything lies.
func (x *exchange) configuration(o Options) *daemon.Config {
	file := func(name string) string { return filepath.Join(x.dir, name) }
	return &daemon.Config{
		Listen: o.Listen, TrustDomain: certs.DefaultTrustDomain, Agreement: file(agreementFile),
		Database: file("jisr.db"), Keyring: file("keyring.db"), KeyEncryptionKey: file("key-encryption-key"),
		TLS: daemon.TLS{
			Certificate: file(certs.ServerFile), Key: file(certs.ServerKeyFile),
			ClientAuthorities: file(certs.CAFile), RevocationLists: file(certs.ListFile),
		},
		Log: "text", Development: true,
	}
}

// logger takes what an operator must know. A line for each call would drown the story.
func logger(w io.Writer) *slog.Logger {
	if w == nil {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelWarn}))
}

// close ends connections, the daemon and, unless the directory was named, the files.
func (x *exchange) close() error {
	err := x.disconnect()
	x.stop()
	return errors.Join(err, <-x.done, x.remove())
}

// disconnect ends every party's connection.
func (x *exchange) disconnect() (err error) {
	for _, c := range x.clients {
		err = errors.Join(err, c.conn.Close())
	}
	clear(x.clients)
	return err
}

func (x *exchange) remove() error {
	if x.keep {
		return nil
	}
	return os.RemoveAll(x.dir)
}
