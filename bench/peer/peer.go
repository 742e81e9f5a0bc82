// Package peer holds the sides that are measured against each other, each run
// as a process of its own: the exchange, and what somebody would use instead.
// A peer does its one thing as well as its author would do it for a living.
package peer

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// Peer is one side: it serves at an address, or works by itself when told to.
type Peer struct {
	// Addr is where it serves; empty for one that works by itself.
	Addr string
	// Prepare, where there is one, gets ready for so many calls, unmeasured.
	Prepare func(calls, callers int) error
	// Work does one piece of work for one of several callers.
	Work func(caller int) error
	// Stop ends it.
	Stop func() error

	spare []byte // reserved as the exchange's is; see daemon.Spare
}

// Kinds are the peers by name. Each starts on a directory that Lay has laid.
var Kinds = map[string]func(dir string) (*Peer, error){
	"exchange":        Exchange,
	"raw":             Raw,
	"typed":           Typed,
	"entry-grouped":   EntryGrouped,
	"entry-alone":     EntryAlone,
	"change-grouped":  ChangeGrouped,
	"change-alone":    ChangeAlone,
	"change-together": ChangeTogether,
	"entry-pgx":       EntryByPgx,
	"change-pgx":      ChangeByPgx,
	"file":            File,
	"open":            Open,
	"open-unwrap":     OpenUnwrap,
	"open-hidden":     OpenHidden,
	"reflect":         Reflect,
	"reflect-many":    ReflectMany,
	"cipher":          Cipher,
	"cipher-unwrap":   CipherUnwrap,
}

// Usage is what a process has used.
type Usage struct {
	// CPU is user and system time so far.
	CPU time.Duration
	// Resident is the memory it holds now, in bytes.
	Resident int64
}

// Sample is one slot of work.
type Sample struct {
	Calls int
	// CPU is the process's own, of all its threads; Server is that of a database
	// server that it asks.
	CPU, Server, Wall time.Duration
	// P50 and P99 are of the single calls.
	P50, P99 time.Duration
}

// Each is the CPU of one call, with what it cost a server.
func (s Sample) Each() float64 { return float64(s.CPU+s.Server) / float64(s.Calls) }

// Rate is calls by the second.
func (s Sample) Rate() float64 { return float64(s.Calls) / s.Wall.Seconds() }

// Run runs a peer under its supervisor: it says where it serves, then answers a
// line for each line of in, and ends with in.
func Run(kind, dir string, in io.Reader, out io.Writer) (err error) {
	start, ok := Kinds[kind]
	if !ok {
		return fmt.Errorf("there is no peer %q", kind)
	}
	p, err := start(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Stop()) }()
	answer := json.NewEncoder(out)
	if err := answer.Encode(p.Addr); err != nil {
		return err
	}
	for lines := bufio.NewScanner(in); lines.Scan(); {
		reply, err := p.answer(lines.Text())
		if err != nil {
			return err
		}
		if err := answer.Encode(reply); err != nil {
			return err
		}
	}
	return nil
}

func (p *Peer) answer(line string) (any, error) {
	if line == "usage" {
		return Used()
	}
	var what string
	var calls, callers int
	if _, err := fmt.Sscanf(line, "%s %d %d", &what, &calls, &callers); err != nil || p.Work == nil {
		return nil, fmt.Errorf("a peer knows no %q", line)
	}
	switch {
	case what == "prepare" && p.Prepare == nil:
		return nil, nil
	case what == "prepare":
		return nil, p.Prepare(calls, callers)
	case what != "work":
		return nil, fmt.Errorf("a peer knows no %q", line)
	}
	before, err := Used()
	if err != nil {
		return nil, err
	}
	s, err := Drive(calls, callers, p.Work)
	if err != nil {
		return nil, err
	}
	after, err := Used()
	s.CPU = after.CPU - before.CPU
	return s, err
}

// Used is what this process has used.
func Used() (Usage, error) {
	var r unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &r); err != nil {
		return Usage{}, err
	}
	resident, err := resident()
	return Usage{CPU: time.Duration(r.Utime.Nano() + r.Stime.Nano()), Resident: resident}, err
}

// Drive lets so many callers make so many calls and says how long they took.
func Drive(calls, callers int, call func(caller int) error) (Sample, error) {
	took := make([]time.Duration, calls)
	var next atomic.Int64
	var failed atomic.Pointer[error]
	var group sync.WaitGroup
	start := time.Now()
	for caller := range callers {
		group.Go(func() {
			for n := next.Add(1) - 1; n < int64(calls) && failed.Load() == nil; n = next.Add(1) - 1 {
				begin := time.Now()
				if err := call(caller); err != nil {
					failed.CompareAndSwap(nil, &err)
					return
				}
				took[n] = time.Since(begin)
			}
		})
	}
	group.Wait()
	if err := failed.Load(); err != nil {
		return Sample{}, *err
	}
	s := Sample{Calls: calls, Wall: time.Since(start)}
	slices.Sort(took)
	s.P50, s.P99 = took[calls/2], took[calls*99/100]
	return s, nil
}

// resident reads VmRSS of this process.
func resident() (int64, error) {
	status, err := readFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(status) {
		var kib int64
		if _, err := fmt.Sscanf(line, "VmRSS: %d kB", &kib); err == nil {
			return kib << 10, nil
		}
	}
	return 0, errors.New("/proc/self/status has no VmRSS")
}
