// Command jisrd is the exchange: it serves one store over mutual TLS.
//
//	jisrd --config jisrd.yaml                 serve until SIGINT or SIGTERM
//	jisrd --config jisrd.yaml --check-config  say all that is wrong with what it is told, and exit
//	jisrd --config owner.yaml --schema        make or update the schemas in PostgreSQL, and exit
//
// The first SIGINT or SIGTERM drains; a second ends at once. SIGHUP reads
// certificates, revocation lists and the agreement again; what does not validate
// is refused and the last good one stays. Exit codes: 0 stopped, 1 failed, 2 misconfigured;
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
	"github.com/jisr-exchange/jisr/services/logline"
)

const (
	exitFailed        = 1
	exitMisconfigured = 2
)

func main() {
	os.Exit(run(context.Background(), os.Args[1:], os.Stdout, os.Stderr))
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("jisrd", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // a mistake in a flag would be told above all the help
	path := flags.String("config", "jisrd.yaml", "the configuration `file`; docs/jisrd.example.yaml shows every setting")
	check := flags.Bool("check-config", false, "check the configuration and all that it names, and exit")
	flags.BoolVar(check, "check", false, "the same as -check-config")
	schema := flags.Bool("schema", false, "bring the schemas of databases in PostgreSQL to this program's, as the roles that own them, and exit")
	asked := flags.Bool("version", false, "print the version, and exit")
	flags.Usage = func() {}
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		flags.SetOutput(stderr)
		usage(flags)
		return 0
	case err != nil:
		fmt.Fprintf(stderr, "jisrd: %v; jisrd --help lists the flags\n", err)
		return exitMisconfigured
	}
	if *asked {
		fmt.Fprintln(stdout, "jisrd", version())
		return 0
	}
	if flags.NArg() > 0 {
		fmt.Fprintf(stderr, "jisrd: %q is no flag; the configuration is named by --config\n", flags.Arg(0))
		return exitMisconfigured
	}
	if *check {
		err := daemon.Check(ctx, *path)
		if errors.Is(err, daemon.ErrServer) {
			fmt.Fprintf(stderr, "jisrd: the configuration and its files are sound, but %v\n", err)
			return exitFailed
		}
		if err != nil {
			fmt.Fprintf(stderr, "jisrd: the configuration cannot be served:\n  %v\n", err)
			return exitMisconfigured
		}
		fmt.Fprintln(stderr, "jisrd: the configuration and all that it names are sound")
		return 0
	}
	config, err := daemon.LoadConfig(*path)
	if err != nil {
		fmt.Fprintf(stderr, "jisrd: the configuration cannot be served:\n  %v\n", err)
		return exitMisconfigured
	}
	if err := harden(); err != nil {
		fmt.Fprintln(stderr, "jisrd:", err)
		return exitFailed
	}
	if *schema {
		return makeSchemas(ctx, config, stderr)
	}
	return serve(ctx, config, logline.New(config.Log, stderr), stderr)
}

func usage(flags *flag.FlagSet) {
	out := flags.Output()
	fmt.Fprintln(out, "jisrd is the exchange. It serves until SIGINT or SIGTERM, and reads certificates and agreement again on SIGHUP.\n\n"+
		"Exit codes: 0 stopped when told to; 1 the port, the store or the disk failed;\n"+
		"2 the command line, the configuration or a file that it names is wrong.\n\nFlags:")
	flags.PrintDefaults()
	fmt.Fprintln(out)
	daemon.Help(out)
	fmt.Fprintln(out, "\nTraces follow OpenTelemetry's environment (OTEL_EXPORTER_OTLP_ENDPOINT and others), and are off without it; docs/operations.md tells which.")
}

func serve(ctx context.Context, c *daemon.Config, log *slog.Logger, stderr io.Writer) int {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ends := make(chan os.Signal, 2)
	signal.Notify(ends, syscall.SIGINT, syscall.SIGTERM)
	defer signal.Stop(ends)
	go func() {
		<-ends
		stop()
		<-ends
		// What was answered is on the disk; what was not is uncertain, and its caller knows.
		log.LogAttrs(ctx, slog.LevelWarn, "a second signal: ending at once")
		os.Exit(exitFailed)
	}()
	hup := make(chan os.Signal, 1) // from the start: unheard, it would end the process
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	d, err := daemon.Open(ctx, c, version(), log)
	if err != nil {
		fmt.Fprintln(stderr, "jisrd:", err)
		if errors.Is(err, daemon.ErrMisconfigured) {
			return exitMisconfigured
		}
		return exitFailed
	}
	go func() {
		for range hup {
			if err := d.Reload(ctx); err != nil {
				log.LogAttrs(ctx, slog.LevelError, "not all was reloaded; the last good stays in force", logline.Amiss(err))
				continue
			}
			log.LogAttrs(ctx, slog.LevelInfo, "certificates, revocation lists and agreement were read again")
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

func makeSchemas(ctx context.Context, c *daemon.Config, stderr io.Writer) int {
	err := daemon.MakeSchemas(ctx, c)
	switch {
	case errors.Is(err, daemon.ErrMisconfigured):
		fmt.Fprintln(stderr, "jisrd:", err)
		return exitMisconfigured
	case err != nil:
		fmt.Fprintln(stderr, "jisrd:", err)
		return exitFailed
	}
	fmt.Fprintln(stderr, "jisrd: the schemas are this program's")
	return 0
}

func version() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		return info.Main.Version
	}
	return "unknown"
}
