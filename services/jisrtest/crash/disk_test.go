package crash_test

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// supervisedProgram names, in the environment, the program that the test binary
// becomes after it has put itself under supervision.
const supervisedProgram = "JISR_CRASH_SUPERVISED"

// disk stands between a process and its disk: the kernel (seccomp user
// notification) asks it before every fsync and, where reach goes that far, before
// writes and what else changes a folder. It needs no privilege and no tool, and
// it hits the call that the test means and no other.
type disk struct {
	reach reach

	mu   sync.Mutex
	rule func(op operation) syscall.Errno

	waiting map[uint32]int // threads that wait for an answer

	ours, theirs *os.File
}

func (d *disk) waits(thread uint32, n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.waiting == nil {
		d.waiting = make(map[uint32]int)
	}
	d.waiting[thread] += n
}

// signal sends a signal to a thread that does not wait for the disk: one that
// does takes none but SIGKILL, and the kernel gives a process's to any thread.
func (d *disk) signal(pid int, s syscall.Signal) error {
	threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, t := range threads {
		var thread int
		if _, err := fmt.Sscan(t.Name(), &thread); err == nil && d.waiting[uint32(thread)] == 0 {
			return unix.Tgkill(pid, thread, s)
		}
	}
	return unix.ESRCH
}

// reach is which calls of a process are asked about.
type reach string

const (
	// syncs are fsync and fdatasync.
	syncs reach = "sync"
	// writes are also writes into a database file, which SQLite alone makes by pwrite.
	writes reach = "write"
	// everything is also every other write and what makes, cuts, renames and removes files.
	everything reach = "everything"
)

// reached are the calls by what they are to a disk.
var reached = map[reach]map[int32]string{
	syncs:  {unix.SYS_FSYNC: "sync", unix.SYS_FDATASYNC: "sync"},
	writes: {unix.SYS_FSYNC: "sync", unix.SYS_FDATASYNC: "sync", unix.SYS_PWRITE64: "write"},
	everything: {
		unix.SYS_FSYNC: "sync", unix.SYS_FDATASYNC: "sync", unix.SYS_PWRITE64: "write", unix.SYS_WRITE: "write",
		unix.SYS_FTRUNCATE: "truncate", unix.SYS_RENAMEAT: "rename", unix.SYS_RENAMEAT2: "rename", unix.SYS_UNLINKAT: "remove", unix.SYS_MKDIRAT: "make", unix.SYS_LINKAT: "name",
	},
}

// killed, as a rule's answer, kills the process before the operation happens.
const killed = syscall.Errno(0xffff)

// operation is what a process asks of its disk.
type operation struct {
	// Kind is sync, write, truncate, name, rename, remove or make.
	Kind string
	// Path is the file; empty where this user may not look into the process, or
	// where the call names no open file.
	Path string
}

// on sets what decides from now on: 0 lets the operation happen, any other
// error is what the process is told instead. The rule may wait: then so does
// the process.
func (d *disk) on(rule func(operation) syscall.Errno) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.rule = rule
}

// supervise turns a command into one that runs under supervision.
func (d *disk) supervise(t testing.TB, c *exec.Cmd) {
	t.Helper()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	d.ours = os.NewFile(uintptr(pair[0]), "supervisor")
	d.theirs = os.NewFile(uintptr(pair[1]), "supervised")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if d.reach == "" {
		d.reach = syncs
	}
	c.Env = append(os.Environ(), supervisedProgram+"="+c.Path, supervisedProgram+"_REACH="+string(d.reach))
	c.Path = self
	c.ExtraFiles = []*os.File{d.theirs} // file 3 there
}

// runSupervised puts the current thread under supervision, hands the listener
// to the test, and becomes the program.
func runSupervised(program string) error {
	runtime.LockOSThread()
	calls := slices.Sorted(maps.Keys(reached[reach(os.Getenv(supervisedProgram+"_REACH"))]))
	filter := []unix.SockFilter{{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 0}} // the call's number
	for i, nr := range calls {
		filter = append(filter, unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: uint32(nr), Jt: uint8(len(calls) - i)})
	}
	filter = append(filter,
		unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
		unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_USER_NOTIF})
	// Per thread, and this may not be the thread that the test set it on.
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0); err != nil {
		return err
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	listener, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER,
		// Once asked, the call waits for its answer: Go's own signals do not make it ask again.
		unix.SECCOMP_FILTER_FLAG_NEW_LISTENER|unix.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
		uintptr(unsafe.Pointer(&unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]})))
	if errno != 0 {
		return fmt.Errorf("seccomp user notification (Linux 5.19 or newer): %w", errno)
	}
	if err := unix.Sendmsg(3, []byte{0}, unix.UnixRights(int(listener)), nil, 0); err != nil {
		return err
	}
	unix.CloseOnExec(3)
	return syscall.Exec(program, append([]string{program}, os.Args[1:]...), os.Environ())
}

// attach takes the listener over and answers until the process has ended.
func (d *disk) attach(t testing.TB) {
	t.Helper()
	d.theirs.Close() // a process that fails to start closes the last one
	conn, err := net.FileConn(d.ours)
	if err != nil {
		t.Fatal(err)
	}
	d.ours.Close()
	defer conn.Close()
	oob := make([]byte, unix.CmsgSpace(4))
	_, n, _, _, err := conn.(*net.UnixConn).ReadMsgUnix(make([]byte, 1), oob)
	if err != nil {
		t.Fatal(err)
	}
	messages, err := unix.ParseSocketControlMessage(oob[:n])
	if err != nil || len(messages) != 1 {
		t.Fatalf("the process did not hand its listener over (%v)", err)
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil {
		t.Fatal(err)
	}
	go d.serve(fds[0])
}

// notification and answer are struct seccomp_notif and struct seccomp_notif_resp of linux/seccomp.h.
type notification struct {
	id         uint64
	pid, flags uint32
	nr         int32
	arch       uint32
	ip         uint64
	args       [6]uint64
}

type answer struct {
	id    uint64
	val   int64
	err   int32
	flags uint32
}

func (d *disk) serve(listener int) {
	var open sync.WaitGroup
	defer func() {
		open.Wait()
		unix.Close(listener)
	}()
	for {
		ready := []unix.PollFd{{Fd: int32(listener), Events: unix.POLLIN}}
		if _, err := unix.Poll(ready, -1); err != nil && !errors.Is(err, unix.EINTR) || ready[0].Revents&unix.POLLHUP != 0 {
			return // the process has ended
		}
		if ready[0].Revents&unix.POLLIN == 0 {
			continue
		}
		n := notification{}
		if err := control(listener, unix.SECCOMP_IOCTL_NOTIF_RECV, unsafe.Pointer(&n)); err != 0 {
			continue // it was killed between asking and being heard
		}
		open.Go(func() { d.answer(listener, n) })
	}
}

func (d *disk) answer(listener int, n notification) {
	d.mu.Lock()
	rule := d.rule
	d.mu.Unlock()
	a := answer{id: n.id, flags: unix.SECCOMP_USER_NOTIF_FLAG_CONTINUE}
	if rule != nil {
		op := operation{Kind: reached[d.reach][n.nr]}
		if path, err := os.Readlink(filepath.Join("/proc", fmt.Sprint(n.pid), "fd", fmt.Sprint(n.args[0]))); err == nil {
			op.Path = path
		}
		d.waits(n.pid, 1)
		errno := rule(op)
		d.waits(n.pid, -1)
		if errno == killed {
			_ = unix.Kill(int(n.pid), unix.SIGKILL) // it may have ended by itself
			return
		} else if errno != 0 {
			a.err, a.flags = -int32(errno), 0
		}
	}
	_ = control(listener, unix.SECCOMP_IOCTL_NOTIF_SEND, unsafe.Pointer(&a)) // fails only where the process was killed meanwhile
}

func control(fd int, request uintptr, argument unsafe.Pointer) syscall.Errno {
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), request, uintptr(argument))
	return errno
}
