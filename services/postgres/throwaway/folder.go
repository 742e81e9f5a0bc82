package throwaway

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// disk and memory are where clusters lie: the name of a socket has 107 bytes at
// most, and another user must come in.
const (
	disk   = "/tmp/jisr-postgres-"
	memory = "/dev/shm/jisr-postgres-"
)

// room is what the servers of a run of all tests need at once, and as much again.
const room = 4 << 30

// place is where the clusters of tests lie: in memory where there is room. What a
// test takes from a server is its processes, and the kernel keeps what they wrote,
// on a disk or not; waiting for one is most of what servers do in tests.
var place = sync.OnceValue(func() string {
	var s unix.Statfs_t
	dir := filepath.Dir(memory)
	if unix.Statfs(dir, &s) != nil || unix.Access(dir, unix.W_OK) != nil || s.Bavail*uint64(s.Bsize) < room {
		return disk
	}
	return memory
})

// owner is who runs the server: PostgreSQL refuses to be run by root.
var owner = sync.OnceValue(func() *syscall.Credential {
	if os.Geteuid() != 0 {
		return nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(u.Uid, 10, 32)
		if err != nil {
			continue
		}
		gid, err := strconv.ParseUint(u.Gid, 10, 32)
		if err != nil {
			continue
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	}
	return &syscall.Credential{Uid: 65534, Gid: 65534}
})

// attributes are those of every process of a cluster. It is in a group of its own,
// so that an interrupt at the keyboard reaches the tests and not the server below them.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Credential: owner(), Setpgid: true}
}

// folder makes the cluster's folder.
func (c *Cluster) folder() (err error) {
	if c.dir, err = os.MkdirTemp(filepath.Dir(c.place), filepath.Base(c.place)); err != nil {
		return fmt.Errorf("throwaway: %w", err)
	}
	// It has its name once it is held: one that were found free would be swept.
	made, name := filepath.Join(c.dir, "lock.new"), filepath.Join(c.dir, "lock")
	c.lock, err = os.OpenFile(made, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("throwaway: %w", err)
	}
	if err := syscall.Flock(int(c.lock.Fd()), syscall.LOCK_EX); err != nil {
		return fmt.Errorf("throwaway: %w", err)
	}
	if err := os.Rename(made, name); err != nil {
		return fmt.Errorf("throwaway: %w", err)
	}
	return c.give(c.dir)
}

// Put writes a file into the cluster's folder that the server alone can read.
func (c *Cluster) Put(name, text string) error {
	path := filepath.Join(c.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return fmt.Errorf("throwaway: %w", err)
	}
	return c.give(path)
}

// give makes a file or folder the server's own.
func (c *Cluster) give(path string) error {
	o := owner()
	if o == nil {
		return nil
	}
	return os.Chown(path, int(o.Uid), int(o.Gid))
}

// forgetShared removes the segment of shared memory by which a killed server
// keeps a second one out: the kernel keeps it for ever, and has 4096 at most.
func (c *Cluster) forgetShared() error {
	text, err := os.ReadFile(filepath.Join(c.data(), "postmaster.pid"))
	if os.IsNotExist(err) {
		return nil // it ended in order
	}
	if err != nil {
		return fmt.Errorf("throwaway: %w", err)
	}
	lines := strings.Split(string(text), "\n")
	if len(lines) < 7 {
		return nil // it was killed before it had one
	}
	key := strings.Fields(lines[6])
	if len(key) != 2 {
		return nil
	}
	id, err := strconv.Atoi(key[1])
	if err != nil {
		return fmt.Errorf("throwaway: %w", err)
	}
	if _, err := unix.SysvShmCtl(id, unix.IPC_RMID, nil); err != nil && err != unix.EINVAL && err != unix.EIDRM {
		return fmt.Errorf("throwaway: shared memory: %w", err)
	}
	return nil
}

// sweep ends and removes what runs have left behind that were killed together
// with the shells which watched over their servers.
func sweep() {
	var left []string
	for _, place := range []string{disk, memory} {
		found, err := filepath.Glob(place + "*")
		if err != nil {
			return
		}
		left = append(left, found...)
	}
	for _, dir := range left {
		if c, free := abandoned(dir); free {
			if pid := c.postmaster(); pid != 0 {
				_ = killAll(pid) // whoever cannot end it cannot remove its folder either
			}
			_ = c.forgetShared()
			_ = os.RemoveAll(dir)
			c.lock.Close()
		}
	}
}

// abandoned reports whether the process that made a folder is gone.
func abandoned(dir string) (*Cluster, bool) {
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR, 0)
	if err != nil {
		// Either it is being made at this moment, or being removed, or another user's.
		if at, statErr := os.Stat(dir); os.IsNotExist(err) && statErr == nil && time.Since(at.ModTime()) > limit {
			_ = os.RemoveAll(dir)
		}
		return nil, false
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		lock.Close()
		return nil, false
	}
	return &Cluster{dir: dir, lock: lock}, true
}

// postmaster is the process of the server that still runs in the folder; 0 if
// there is none. Its number may be another process's by now: a server lives in its folder.
func (c *Cluster) postmaster() int {
	text, err := os.ReadFile(filepath.Join(c.data(), "postmaster.pid"))
	if err != nil {
		return 0
	}
	first, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(first)
	if err != nil || pid <= 1 {
		return 0
	}
	if at, err := os.Readlink(fmt.Sprintf("/proc/%d/cwd", pid)); err != nil || at != c.data() {
		return 0
	}
	return pid
}
