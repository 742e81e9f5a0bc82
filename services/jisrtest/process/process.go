// Package process runs jisrd as operators do: a process of its own, built as it is
// shipped, on files of its own. Tests kill it, starve it and let it be attacked.
package process

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// Limit bounds everything that is waited for; what takes as long hangs.
const Limit = 2 * time.Minute

// Process is one run of jisrd.
type Process struct {
	// Cmd may be changed until Start.
	Cmd *exec.Cmd
	// Address and Operations are where it serves agencies and operators, as it tells.
	Address, Operations string
	// Log is what it logs.
	Log *Log

	t     testing.TB
	ended chan struct{}
}

// Of is a process under a configuration, which does not run yet. Lines of its log
// that have one of the messages are not kept.
func Of(t testing.TB, config string, without ...string) *Process {
	t.Helper()
	p := &Process{t: t, Cmd: exec.Command(Program(t, "jisrd"), "--config", config), Log: newLog(without), ended: make(chan struct{})}
	// No process outlives a test run, however that ends.
	p.Cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return p
}

// Start starts the process and does not wait until it serves.
func (p *Process) Start() {
	p.t.Helper()
	stderr, err := p.Cmd.StderrPipe()
	if err == nil {
		err = p.Cmd.Start()
	}
	if err != nil {
		p.t.Fatal(err)
	}
	go func() {
		defer close(p.ended)
		p.Log.read(stderr)
		_ = p.Cmd.Wait() // whoever waits for the end reads ProcessState
	}()
}

// Serves returns when the process serves, or false when it has ended instead.
func (p *Process) Serves() bool {
	p.t.Helper()
	select {
	case at := <-p.Log.serving:
		p.Address, p.Operations = at.Address, at.Operations
		return true
	case <-p.ended:
		return false
	case <-time.After(Limit):
		p.t.Fatalf("jisrd neither serves nor ends:\n%s", p.Log)
		return false
	}
}

// Signal sends a signal, which one that has ended does not take.
func (p *Process) Signal(s syscall.Signal) {
	p.t.Helper()
	if err := p.Cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.t.Fatal(err)
	}
}

// Ended is closed when the process has ended and all that it logged is read.
func (p *Process) Ended() <-chan struct{} { return p.ended }

// Wait returns the exit code when the process has ended; -1 of one that was killed.
func (p *Process) Wait() int {
	p.t.Helper()
	select {
	case <-p.ended:
	case <-time.After(Limit):
		p.t.Fatalf("jisrd does not end:\n%s", p.Log)
	}
	return p.Cmd.ProcessState.ExitCode()
}

// Kill ends the process as a loss of power to it would: at once.
func (p *Process) Kill() {
	p.t.Helper()
	p.Signal(syscall.SIGKILL)
	p.Wait()
}
