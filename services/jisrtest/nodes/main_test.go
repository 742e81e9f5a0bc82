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
	"testing"

	"github.com/jisr-exchange/jisr/services/jisrtest/process"
)

func TestMain(m *testing.M) {
	// Tests that are run beside each other wait nearly all the time.
	if err := flag.Set("test.parallel", "8"); err != nil {
		fmt.Fprintln(os.Stderr, "nodes:", err)
		os.Exit(1)
	}
	os.Exit(process.Main(m))
}
