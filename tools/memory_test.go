// Package tools_test tries the scripts of the build.
package tools_test

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// inMemory is a run of a command by in-memory.sh, whose memory is a folder.
func inMemory(t *testing.T, memory, command string) *exec.Cmd {
	t.Helper()
	c := exec.Command("./in-memory.sh", "sh", "-c", command)
	c.Env = append(os.Environ(), "JISR_MEMORY="+memory, "JISR_MEMORY_NEED=0")
	c.Stderr = os.Stderr
	return c
}

// begun is a run that goes on until its input is closed, and the folder that it uses.
func begun(t *testing.T, memory string) (run *exec.Cmd, folder string, end func()) {
	t.Helper()
	run = inMemory(t, memory, `echo "$TMPDIR"; read -r word || true`)
	in, err := run.StdinPipe()
	must(t, err)
	out, err := run.StdoutPipe()
	must(t, err)
	must(t, run.Start())
	reader := bufio.NewReader(out)
	line, err := reader.ReadString('\n')
	must(t, err)
	return run, strings.TrimSpace(line), sync.OnceFunc(func() {
		must(t, in.Close())
		if _, err := io.Copy(io.Discard, reader); err != nil { // until the last process of it has ended
			t.Error(err)
		}
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func there(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func TestWhatAKilledRunLeavesInMemoryIsSweptByTheNextAndNothingElse(t *testing.T) {
	memory := t.TempDir()
	others := filepath.Join(memory, "jisr-postgres-1")
	must(t, os.Mkdir(others, 0o700))
	running, used, end := begun(t, memory)
	defer end()
	killed, left, endOf := begun(t, memory)
	defer endOf()
	if filepath.Dir(used) != memory || filepath.Dir(left) != memory || used == left {
		t.Fatalf("their files lie in %s and %s", used, left)
	}
	must(t, killed.Process.Kill())
	_ = killed.Process.Release() // what it ran goes on, and holds its output
	next := func() { must(t, inMemory(t, memory, `touch "$TMPDIR/of-the-next"`).Run()) }
	next()
	if !there(left) {
		t.Error("what a process of a killed run uses is removed")
	}
	endOf()
	// The process has closed its output, and lets go of the folder next.
	for tries := 0; there(left) && tries < 100; tries++ {
		next()
	}
	if there(left) {
		t.Error("what a killed run has left is not removed")
	}
	if !there(used) || !there(others) {
		t.Error("what another uses is removed")
	}
	end()
	must(t, running.Wait())
	if found, err := os.ReadDir(memory); err != nil || len(found) != 1 {
		t.Errorf("in the end %d folders are left (%v)", len(found), err)
	}
}

func TestRunsAtOnceTakeNothingFromEachOther(t *testing.T) {
	memory := t.TempDir()
	var all sync.WaitGroup
	for range 24 {
		all.Go(func() {
			if err := inMemory(t, memory, `touch "$TMPDIR/mine"; for again in 1 2 3 4 5; do ls "$TMPDIR/mine" >/dev/null || exit 1; done`).Run(); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if err := inMemory(t, memory, "exit 3").Run(); err == nil || err.Error() != "exit status 3" {
		t.Errorf("a command that fails is told as %v", err)
	}
	if found, err := os.ReadDir(memory); err != nil || len(found) != 0 {
		t.Errorf("in the end %d folders are left (%v)", len(found), err)
	}
}
