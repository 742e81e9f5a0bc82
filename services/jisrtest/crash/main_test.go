// Package crash_test runs the exchange as a process of its own, on real files
// and over real mutual TLS, and takes the ground away from under it: kill -9, a
// full disk, a disk that forgets, clients that hang up. Whatever an agency was
// told before must be there afterwards, with its entry in the access log.
//
// Every call is written into a book as it is made and answered; an audit then
// holds the exchange's own files against the book.
package crash_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/jisr-exchange/jisr/services/jisrtest"
)

// jisrd is the program under test, and lawText the agreement that was shipped
// when it was built: once for a run.
var (
	jisrd   string
	lawText []byte
)

func TestMain(m *testing.M) {
	if program := os.Getenv(supervisedProgram); program != "" {
		fmt.Fprintln(os.Stderr, "crash: start under supervision:", runSupervised(program))
		os.Exit(1)
	}
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "jisr-crash-")
	if err != nil {
		fmt.Fprintln(os.Stderr, "crash:", err)
		return 1
	}
	defer os.RemoveAll(dir)
	if lawText, err = os.ReadFile(filepath.Join(jisrtest.Root(), "agreement.txtpb")); err != nil {
		fmt.Fprintln(os.Stderr, "crash:", err)
		return 1
	}
	jisrd = filepath.Join(dir, "jisrd")
	build := exec.Command("go", "build", "-o", jisrd, "./cmd/jisrd")
	build.Dir = jisrtest.Root()
	build.Env = append(os.Environ(), "CGO_ENABLED=0") // as it is shipped
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "crash: build jisrd: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}
