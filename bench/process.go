package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"

	"github.com/jisr-exchange/jisr/bench/peer"
)

// process is a peer in a process of its own.
type process struct {
	kind string
	addr string

	command *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Reader
	log     *os.File
}

// start starts a peer on a laid directory and returns when it is ready. What it
// logs goes to a file there, as a service's log does. Its environment is this
// program's with env beside.
func start(ctx context.Context, kind, dir string, env ...string) (_ *process, err error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p := &process{kind: kind, command: exec.CommandContext(ctx, program)} //nolint:gosec // this program itself
	p.command.Env = append(append(os.Environ(), peerVariable+"="+kind, dirVariable+"="+dir), env...)
	// No peer outlives the bench, however that ends.
	p.command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if p.in, err = p.command.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.out = bufio.NewReader(out)
	if p.log, err = os.CreateTemp(dir, kind+"-*.log"); err != nil {
		return nil, err
	}
	p.command.Stderr = p.log
	if err := p.command.Start(); err != nil {
		return nil, errors.Join(err, p.log.Close())
	}
	if err := p.read(&p.addr); err != nil {
		return nil, errors.Join(fmt.Errorf("%s does not start: %s", kind, p.lastWords()), p.stop())
	}
	return p, nil
}

// ask puts a line to the peer and reads its answer.
func (p *process) ask(answer any, format string, args ...any) error {
	if _, err := fmt.Fprintf(p.in, format+"\n", args...); err != nil {
		return err
	}
	if err := p.read(answer); err != nil {
		return fmt.Errorf("%s does not answer: %s", p.kind, p.lastWords())
	}
	return nil
}

func (p *process) read(answer any) error {
	line, err := p.out.ReadBytes('\n')
	if err != nil {
		return err
	}
	return json.Unmarshal(line, answer)
}

// lastWords is what a peer said before it ended; its log goes with the run's files.
func (p *process) lastWords() string {
	said, err := os.ReadFile(p.log.Name())
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(said)), "\n")
	return lines[len(lines)-1]
}

// usage is what the process has used so far.
func (p *process) usage() (u peer.Usage, err error) {
	return u, p.ask(&u, "usage")
}

// prepare gets the peer ready for a slot.
func (p *process) prepare(calls, callers int) error {
	var nothing any
	return p.ask(&nothing, "prepare %d %d", calls, callers)
}

// work is a slot of the peer's own work.
func (p *process) work(calls, callers int) (s peer.Sample, err error) {
	if err := p.prepare(calls, callers); err != nil {
		return s, err
	}
	return p.prepared(calls, callers)
}

// prepared is a slot that the peer is ready for.
func (p *process) prepared(calls, callers int) (s peer.Sample, err error) {
	return s, p.ask(&s, "work %d %d", calls, callers)
}

// stop ends the peer and waits for it.
func (p *process) stop() error {
	return errors.Join(p.in.Close(), p.command.Wait(), p.log.Close())
}
