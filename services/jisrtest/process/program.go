package process

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/jisr-exchange/jisr/services/jisrtest"
)

// programs are those that this run of tests has built, by their names.
var programs struct {
	sync.Mutex
	dir   string
	built map[string]string
}

// Main runs a package's tests and removes the programs that they built.
func Main(m *testing.M) int {
	dir, err := os.MkdirTemp("", "jisr-programs-")
	if err != nil {
		fmt.Fprintln(os.Stderr, "process:", err)
		return 1
	}
	defer os.RemoveAll(dir)
	programs.dir, programs.built = dir, make(map[string]string)
	return m.Run()
}

// Program is the path of a program of cmd/, built once for a run.
func Program(t testing.TB, name string) string {
	t.Helper()
	programs.Lock()
	defer programs.Unlock()
	if programs.dir == "" {
		t.Fatal("the tests of this package are not run by process.Main")
	}
	if path := programs.built[name]; path != "" {
		return path
	}
	path := filepath.Join(programs.dir, name)
	build := exec.Command("go", "build", "-ldflags", "-s -w", "-o", path, "./cmd/"+name)
	build.Dir = jisrtest.Root()
	build.Env = append(os.Environ(), "CGO_ENABLED=0") // as it is shipped
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", name, err, out)
	}
	programs.built[name] = path
	return path
}
