package throwaway

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Kill kills the server with all its processes at once, as if its machine had
// lost power: no session comes to finish what it does. The folder stays.
func (c *Cluster) Kill() error { return c.end(killAll) }

// Pause stops every process of the server where it is; connections stay open and nothing answers.
func (c *Cluster) Pause() error {
	if c.server == nil {
		return errors.New("throwaway: the server does not run")
	}
	_, err := pauseAll(c.server.pid)
	return err
}

// Resume lets a paused server go on.
func (c *Cluster) Resume() error {
	if c.server == nil {
		return errors.New("throwaway: the server does not run")
	}
	family, err := children(c.server.pid)
	if err != nil {
		return err
	}
	for _, pid := range append(family, c.server.pid) {
		if err := signal(pid, syscall.SIGCONT); err != nil {
			return err
		}
	}
	return nil
}

// Ended reports whether a server that was started has ended by itself.
func (c *Cluster) Ended() bool { return c.server != nil && !alive(c.server.pid) }

// Recover starts a server again that has ended by itself, as what supervises one
// would, and returns when it answers.
func (c *Cluster) Recover() error {
	if c.server == nil {
		return errors.New("throwaway: the server was not started")
	}
	if err := c.until("SELECT true"); err == nil || !c.Ended() {
		return err
	}
	if err := c.end(func(int) error { return nil }); err != nil {
		return err
	}
	return c.Start()
}

// killAll kills a server and all its processes, and returns when they are gone: one
// that is still at its last write keeps the next server out. It is stopped first,
// so that it starts no further one meanwhile.
func killAll(pid int) error {
	family, err := pauseAll(pid)
	if err != nil {
		return err
	}
	for _, p := range append(family, pid) {
		if err := signal(p, syscall.SIGKILL); err != nil {
			return err
		}
	}
	again := time.NewTicker(time.Millisecond)
	defer again.Stop()
	for end := time.After(limit); slices.ContainsFunc(family, alive); {
		select {
		case <-again.C:
		case <-end:
			return errors.New("throwaway: processes of a server that was killed live on")
		}
	}
	return nil
}

func pauseAll(pid int) ([]int, error) {
	if err := signal(pid, syscall.SIGSTOP); err != nil {
		return nil, err
	}
	family, err := children(pid)
	if err != nil {
		return nil, err
	}
	for _, p := range family {
		if err := signal(p, syscall.SIGSTOP); err != nil {
			return nil, err
		}
	}
	return family, nil
}

// signal sends a signal to a process that may have ended.
func signal(pid int, s syscall.Signal) error {
	if err := syscall.Kill(pid, s); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("throwaway: %w", err)
	}
	return nil
}

// children are the processes that a process has started; each session of a
// server is one, in a process group of its own.
func children(pid int) ([]int, error) {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, err
	}
	var found []int
	for _, path := range stats {
		id, parent, _ := family(path)
		if parent == pid {
			found = append(found, id)
		}
	}
	return found, nil
}

// alive reports whether a process runs; one that ended and was not waited for does not.
func alive(pid int) bool {
	_, parent, state := family(fmt.Sprintf("/proc/%d/stat", pid))
	return parent != 0 && state != "Z"
}

// family reads "7 (postgres: writer) S 5 ...": a process, its parent and its state.
func family(path string) (id, parent int, state string) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, 0, "" // it has ended meanwhile
	}
	open, end := strings.IndexByte(string(text), '('), strings.LastIndexByte(string(text), ')')
	if open < 0 || end < 0 {
		return 0, 0, ""
	}
	words := strings.Fields(string(text[end+1:]))
	if len(words) < 2 {
		return 0, 0, ""
	}
	id, err = strconv.Atoi(strings.TrimSpace(string(text[:open])))
	if err != nil {
		return 0, 0, ""
	}
	if parent, err = strconv.Atoi(words[1]); err != nil {
		return 0, 0, ""
	}
	return id, parent, words[0]
}
