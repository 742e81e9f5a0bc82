package crash_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/jisr-exchange/jisr/services/jisrtest"
	"github.com/jisr-exchange/jisr/services/jisrtest/process"
	"github.com/jisr-exchange/jisr/services/keyring"
)

const limit = process.Limit

const configuration = process.Configuration + `
listen: 127.0.0.1:0
database: data/jisr.db
keyring: keyring.db
metrics_listen: 127.0.0.1:0
budgets:
  calls_per_second: 1000000 # a load that is paced breaks less
`

// exchange is an exchange that runs as a process, time after time on the same files.
type exchange struct {
	t    testing.TB
	dir  string
	disk *disk // where set, the processes run under its supervision

	process *process.Process // nil while none runs
	log     *process.Log     // of the last one
	addr    string
	ops     string // where metrics and health are told
	clients map[string]*jisrtest.Client
	shelf   *keyring.Shelfmarks // see marks
}

// install makes an exchange's files and starts nothing.
func install(t testing.TB) *exchange {
	t.Helper()
	x := &exchange{t: t, dir: t.TempDir()}
	process.Install(t, x.dir, jisrtest.Police, jisrtest.Judge)
	x.must(os.WriteFile(filepath.Join(x.dir, "jisrd.yaml"), []byte(configuration), 0o600))
	x.must(os.Mkdir(filepath.Join(x.dir, "data"), 0o700))
	t.Cleanup(func() {
		if x.process != nil {
			x.kill()
		}
	})
	return x
}

func (x *exchange) must(err error) {
	x.t.Helper()
	if err != nil {
		x.t.Fatal(err)
	}
}

// data is the folder of the database, which tests put on volumes of their own.
func (x *exchange) data() string { return filepath.Join(x.dir, "data") }

// database is the path of the case database.
func (x *exchange) database() string { return filepath.Join(x.data(), "jisr.db") }

// marks are under what records lie in the database.
func (x *exchange) marks() *keyring.Shelfmarks {
	x.t.Helper()
	if x.shelf == nil {
		x.shelf = process.Marks(x.t, x.dir, filepath.Join(x.dir, "keyring.db"))
	}
	return x.shelf
}

// start starts the process and returns when it serves.
func (x *exchange) start() {
	x.t.Helper()
	if !x.tryStart() {
		x.t.Fatalf("jisrd does not start:\n%s", x.log)
	}
}

// tryStart starts the process and reports whether it serves.
func (x *exchange) tryStart() bool {
	x.t.Helper()
	p := process.Of(x.t, filepath.Join(x.dir, "jisrd.yaml"))
	if x.disk != nil {
		x.disk.supervise(x.t, p.Cmd)
	}
	p.Start()
	if x.disk != nil {
		x.disk.attach(x.t)
	}
	x.process, x.log, x.clients = p, p.Log, make(map[string]*jisrtest.Client)
	if !p.Serves() {
		x.process = nil
		return false
	}
	x.addr, x.ops = p.Address, p.Operations
	return true
}

// signal sends a signal and goes on.
func (x *exchange) signal(s syscall.Signal) {
	x.t.Helper()
	if x.disk != nil && s != syscall.SIGKILL {
		if err := x.disk.signal(x.process.Cmd.Process.Pid, s); err != nil && !errors.Is(err, os.ErrNotExist) && !errors.Is(err, syscall.ESRCH) {
			x.t.Fatal(err)
		}
		return
	}
	x.process.Signal(s)
}

// wait returns the exit code of the process when it has ended; -1 for a killed one.
func (x *exchange) wait() int {
	x.t.Helper()
	code := x.process.Wait()
	for _, c := range x.clients {
		c.Conn.Close()
	}
	x.process = nil
	return code
}

// kill ends the process as a loss of power to it would: at once.
func (x *exchange) kill() {
	x.t.Helper()
	x.signal(syscall.SIGKILL)
	x.wait()
}

// stop drains the process and requires a clean end.
func (x *exchange) stop() {
	x.t.Helper()
	x.signal(syscall.SIGTERM)
	if code := x.wait(); code != 0 {
		x.t.Fatalf("jisrd ended with %d after SIGTERM:\n%s", code, x.log)
	}
}

// as returns the client of "agency/system"; the officer is each call's own.
func (x *exchange) as(who string) *jisrtest.Client {
	x.t.Helper()
	if c := x.clients[who]; c != nil {
		return c
	}
	c := process.Connect(x.t, x.dir, x.addr, who, process.Headers(x.t, who))
	x.clients[who] = c
	return c
}

// bounded is a context for one thing that is waited for.
func bounded(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	t.Cleanup(cancel)
	return ctx
}
