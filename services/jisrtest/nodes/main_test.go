// Package nodes_test runs several jisrd over one PostgreSQL, each a process of
// its own with a line of its own to the database, and takes nodes, lines and the
// database away from under agencies that go on calling over real mutual TLS.
//
// What the agencies were told is then held against what can have happened: the
// life of a referral by porcupine, everything else by the rows themselves.
package nodes_test

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/jisrtest"
)

// jisrd is the program under test, built once for a run, and law the shipped agreement.
var (
	jisrd string
	law   *agreement.Law
)

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	// Tests that are run beside each other wait nearly all the time.
	if err := flag.Set("test.parallel", "8"); err != nil {
		fmt.Fprintln(os.Stderr, "nodes:", err)
		return 1
	}
	dir, err := os.MkdirTemp("", "jisr-nodes-")
	if err != nil {
		fmt.Fprintln(os.Stderr, "nodes:", err)
		return 1
	}
	defer os.RemoveAll(dir)
	text, err := os.ReadFile(filepath.Join(jisrtest.Root(), "agreement.txtpb"))
	if err == nil {
		law, err = agreement.Parse(text)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "nodes:", err)
		return 1
	}
	jisrd = filepath.Join(dir, "jisrd")
	build := exec.Command("go", "build", "-o", jisrd, "./cmd/jisrd")
	build.Dir = jisrtest.Root()
	build.Env = append(os.Environ(), "CGO_ENABLED=0") // as it is shipped
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "nodes: build jisrd: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}
