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
	"testing"

	"github.com/jisr-exchange/jisr/services/jisrtest/process"
)

func TestMain(m *testing.M) {
	if program := os.Getenv(supervisedProgram); program != "" {
		fmt.Fprintln(os.Stderr, "crash: start under supervision:", runSupervised(program))
		os.Exit(1)
	}
	os.Exit(process.Main(m))
}
