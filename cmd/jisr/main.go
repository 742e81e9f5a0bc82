// Command jisr is the command line of operators and agencies: it calls an
// exchange as a system of an agency, prints what the agreement says, and brings
// an agency's own register in.
//
// Exit codes: 0 all went well; 1 the exchange refused or failed, or rows of an
// import were rejected; 2 the command line, a file it names or the mapping is
// wrong; 3 no connection to the exchange, its certificate or the caller's among
// the causes; 4 somebody sees more by the agreement or contract compared.
package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// Exit codes; scripts depend on them.
const (
	exitOK         = 0
	exitRefused    = 1
	exitUsage      = 2
	exitConnection = 3
	exitSeesMore   = 4
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// A second interrupt ends the program at once.
	context.AfterFunc(ctx, stop)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is jisr with everything it touches handed in.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	return (&app{stdout: stdout, stderr: stderr, getenv: os.Getenv, now: time.Now, become: syscall.Exec}).run(ctx, args)
}

func (a *app) run(ctx context.Context, args []string) int {
	root := newRoot(a)
	root.SetArgs(args)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	return a.report(err)
}

// usageError is a mistake in the command line, or in a file that it names.
type usageError struct{ text, hint string }

func (e *usageError) Error() string { return e.text }

// failedError is a failure after which jisr has printed its own account.
type failedError struct{ text string }

func (e *failedError) Error() string { return e.text }

func usage(text, hint string) error { return &usageError{text, hint} }

// exitCode sorts an error. What cobra itself finds wrong comes without a type
// of ours and is a mistake in the command line.
func exitCode(err error) int {
	var failed *failedError
	var lost *connectionError
	var more *seesMoreError
	var said *verdict
	switch {
	case errors.As(err, &said):
		return said.code
	case errors.As(err, &more):
		return exitSeesMore
	case errors.As(err, &lost):
		return exitConnection
	case isStatus(err), errors.As(err, &failed), errors.Is(err, context.Canceled), errors.Is(err, errLocal):
		return exitRefused
	}
	return exitUsage
}
