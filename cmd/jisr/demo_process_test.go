package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/jisr-exchange/jisr/services/certs"
)

// The process that made a demonstration gives way to one that only serves it:
// the same process to whoever started it, with the same end.
func TestAServedDemonstrationIsServedByAFreshProcessThatLeavesNothing(t *testing.T) {
	tmp := t.TempDir()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "demo", "--serve", "--listen", "127.0.0.1:0")
	cmd.Env = append(os.Environ(), asProcess+"=1", "TMPDIR="+tmp)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var addr, dir string
	lines := bufio.NewScanner(out)
	for lines.Scan() && !strings.Contains(lines.Text(), "ListLogEntries") {
		if rest, ok := strings.CutPrefix(lines.Text(), "jisr serves on "); ok {
			addr, _, _ = strings.Cut(rest, ",")
		}
		if path := strings.TrimSpace(lines.Text()); strings.HasPrefix(path, tmp) {
			dir = path
		}
	}
	if addr == "" || dir == "" {
		t.Fatalf("the exchange did not say where it is: %q %q (%v)", addr, dir, lines.Err())
	}
	cert, key := certs.ClientFiles(dir, "moi-ct", "cases")
	if o := jisr(t, "whoami", "--server", addr, "--ca", filepath.Join(dir, certs.CAFile), "--cert", cert, "--key", key); o.code != exitOK {
		t.Errorf("the exchange does not answer: %+v", o)
	}
	if command, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", cmd.Process.Pid)); err == nil && !strings.Contains(string(command), "--made") {
		t.Errorf("the process that made the data serves it: %q", command)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, out); err != nil { // until it has ended
		t.Error(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("it ended with %v", err)
	}
	if left, err := os.ReadDir(tmp); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}
