package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/jisr-exchange/jisr/bench/peer"
	"github.com/jisr-exchange/jisr/services/postgres/throwaway"
)

// pgbench is PostgreSQL's own load at one script, with so many clients. It is
// halted but in its slots, so that in each its sessions are warm and its
// statements prepared, and counted by the numbers that the log has given out.
type pgbench struct {
	command *exec.Cmd
	said    *os.File // nothing, unless something is wrong
	count   *pgx.Conn
	ended   chan error
}

// startPgbench starts pgbench on a script and returns when every client of it is warm.
func startPgbench(ctx context.Context, c *throwaway.Cluster, url, script, dir string, clients int) (_ *pgbench, err error) {
	path := filepath.Join(dir, fmt.Sprintf("pgbench-%d.sql", clients))
	if err := os.WriteFile(path, []byte(script), 0o600); err != nil {
		return nil, err
	}
	p := &pgbench{ended: make(chan error, 1)}
	if p.said, err = os.Create(path + ".log"); err != nil {
		return nil, err
	}
	if p.count, err = pgx.Connect(ctx, url); err != nil {
		return nil, err
	}
	p.command = exec.CommandContext(ctx, c.Program("pgbench"), "--no-vacuum", "--protocol=prepared", "--client="+strconv.Itoa(clients), //nolint:gosec // of the cluster's own folder
		"--define="+peer.ScriptBegin(), "--jobs="+strconv.Itoa(min(clients, 2)), "--time=86400", "--file="+path, url)
	p.command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	p.command.Stderr = p.said
	begin, err := p.written(ctx)
	if err == nil {
		err = p.command.Start()
	}
	if err != nil {
		return nil, errors.Join(err, p.count.Close(ctx), p.said.Close())
	}
	go func() { p.ended <- p.command.Wait() }()
	for n := begin; n < begin+int64(50*clients); {
		if err = p.wait(ctx, 10*time.Millisecond); err == nil {
			n, err = p.written(ctx)
		}
		if err != nil {
			return nil, errors.Join(err, p.stop())
		}
	}
	return p, p.command.Process.Signal(syscall.SIGSTOP)
}

// written is how many entries the log was given so far.
func (p *pgbench) written(ctx context.Context) (n int64, err error) {
	return n, p.count.QueryRow(ctx, "SELECT last_value FROM log_entries_seq_seq").Scan(&n)
}

// wait lets it work for a time.
func (p *pgbench) wait(ctx context.Context, span time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(span):
	}
	// A client that met an error is gone, and all of pgbench with the last of them.
	if said, err := os.ReadFile(p.said.Name()); err != nil || len(said) > 0 {
		return errors.Join(err, fmt.Errorf("pgbench: %s", strings.TrimSpace(string(said))))
	}
	return nil
}

// slot lets it go on for a time.
func (p *pgbench) slot(ctx context.Context, span time.Duration) (s peer.Sample, err error) {
	before, err := p.written(ctx)
	if err != nil {
		return s, err
	}
	start := time.Now()
	if err := p.command.Process.Signal(syscall.SIGCONT); err != nil {
		return s, err
	}
	if err := p.wait(ctx, span); err != nil {
		return s, err
	}
	if err := p.command.Process.Signal(syscall.SIGSTOP); err != nil {
		return s, err
	}
	s.Wall = time.Since(start)
	after, err := p.written(ctx)
	s.Calls = int(after - before)
	return s, err
}

// stop ends it.
func (p *pgbench) stop() error {
	err := p.command.Process.Kill()
	if ended := <-p.ended; err == nil && ended == nil {
		err = errors.New("pgbench had ended before it was stopped")
	}
	return errors.Join(err, p.count.Close(context.Background()), p.said.Close())
}
