// Command jisrd is the exchange: it serves one embedded store over mutual TLS.
//
//	jisrd --config jisrd.yaml          serve until SIGINT or SIGTERM
//	jisrd --config jisrd.yaml --check  say all that is wrong with it and with what it names, and exit
//
// SIGHUP reads the agreement again; one that does not validate is refused and
// the last good one stays. Exit codes: 0 stopped, 1 failed, 2 misconfigured;
// scripts depend on them.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/jisr-exchange/jisr/services/daemon"
)

const (
	exitFailed        = 1
	exitMisconfigured = 2
)

const usage = `jisrd serves an exchange until SIGINT or SIGTERM; SIGHUP reads the agreement again.

Exit codes: 0 stopped when told to; 1 the port, the store or the disk failed;
2 the command line, the configuration or a file that it names is wrong.

`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stderr)
	stop()
	os.Exit(code)
}

func run(ctx context.Context, args []string, stderr io.Writer) int {
	flags := flag.NewFlagSet("jisrd", flag.ContinueOnError)
	flags.SetOutput(stderr)
	path := flags.String("config", "jisrd.yaml", "the configuration `file`; docs/jisrd.example.yaml shows every setting")
	check := flags.Bool("check", false, "check the configuration, the agreement and the certificates, and exit")
	flags.Usage = func() {
		fmt.Fprint(stderr, usage)
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return 0
		}
		return exitMisconfigured
	}
	if flags.NArg() > 0 {
		fmt.Fprintf(stderr, "jisrd: %q is no flag; the configuration is named by --config\n", flags.Arg(0))
		return exitMisconfigured
	}
	config, err := daemon.LoadConfig(*path)
	if err != nil {
		fmt.Fprintln(stderr, "jisrd:", err)
		return exitMisconfigured
	}
	if *check {
		return checkOnly(config, stderr)
	}
	if err := harden(); err != nil {
		fmt.Fprintln(stderr, "jisrd:", err)
		return exitFailed
	}
	return serve(ctx, config, logger(config.Log, stderr), stderr)
}

func checkOnly(c *daemon.Config, stderr io.Writer) int {
	if err := c.Check(); err != nil {
		fmt.Fprintln(stderr, "jisrd:", err)
		return exitMisconfigured
	}
	fmt.Fprintln(stderr, "jisrd: configuration, agreement and certificates are sound")
	return 0
}

func serve(ctx context.Context, c *daemon.Config, log *slog.Logger, stderr io.Writer) int {
	d, err := daemon.Open(ctx, c, version(), log)
	if err != nil {
		fmt.Fprintln(stderr, "jisrd:", err)
		if errors.Is(err, daemon.ErrMisconfigured) {
			return exitMisconfigured
		}
		return exitFailed
	}
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	go func() {
		for range hup {
			if err := d.Reload(ctx); err != nil {
				log.Error("the agreement was not reloaded", slog.String("error", err.Error()))
			}
		}
	}()
	if err := d.Run(ctx); err != nil {
		return exitFailed
	}
	return 0
}

// harden keeps the process's memory from leaving it: no core dumps, not
// readable by other processes of the user, no stacks of panics; and its files
// from being read by other users.
func harden() error {
	unix.Umask(0o077)
	debug.SetTraceback("none")
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		return fmt.Errorf("no core dumps: %w", err)
	}
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("not dumpable: %w", err)
	}
	return nil
}

func logger(format string, w io.Writer) *slog.Logger {
	if format == "text" {
		return slog.New(slog.NewTextHandler(w, nil))
	}
	return slog.New(slog.NewJSONHandler(w, nil))
}

func version() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		return info.Main.Version
	}
	return "unknown"
}
