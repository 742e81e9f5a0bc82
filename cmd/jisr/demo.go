package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"

	shipped "github.com/jisr-exchange/jisr"
	"github.com/jisr-exchange/jisr/services/certs"
	"github.com/jisr-exchange/jisr/services/demo"
)

func newDemo(a *app) *cobra.Command {
	var f importFlags
	var listen string
	var serve bool
	var made demo.Made
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Play a case across agencies on a throw-away exchange, or leave it running",
		Long: `Demo starts a real exchange in this process, with certificates and data of its
own, and plays a case: nine agencies call it, each under its own certificate,
and it prints what each saw and what was withheld from it, and why. Nothing is
left behind.

With --serve the exchange is left running, with the data of the play, and lines
for grpcurl are printed. Ctrl-C stops it and removes its files, unless --dir
named where to keep them.`,
		Example: `  jisr demo
  jisr demo --register cases.csv --mapping cases.mapping.yaml
  jisr demo --serve --dir .jisr-demo`,
		Args:        cobra.NoArgs,
		Annotations: map[string]string{withoutContext: "yes"},
		RunE: func(cmd *cobra.Command, _ []string) error {
			if a.flags.json {
				return usage("jisr demo tells a story, which has no JSON", "leave --json out; with --serve, the other commands ask the exchange and print JSON")
			}
			if made.Dir != "" && !serve {
				return usage("--made goes with --serve", "leave it out; jisr gives it to itself")
			}
			o := demo.Options{Agreement: shipped.Agreement, Listen: listen, Version: version(), Out: a.stdout, Colour: a.onTerminal(a.stdout)}
			// JISR_DIR names the certificates of another exchange: only the flag says where these go.
			if cmd.Flags().Changed("dir") {
				o.Dir = a.flags.dir
				if _, err := os.Stat(filepath.Join(o.Dir, certs.CAFile)); made.Dir == "" && !errors.Is(err, fs.ErrNotExist) {
					return usage(o.Dir+" holds an authority already", "name another directory, or remove it")
				}
			}
			if f.register != "" || f.mapping != "" {
				if f.register == "" || f.mapping == "" {
					return usage("--register and --mapping go together", "see jisr import --help for what they hold")
				}
				_, plan, err := f.plan()
				if err != nil {
					return err
				}
				o.Plan = plan
			}
			ctx := cmd.Context()
			if !signal.Ignored(syscall.SIGHUP) {
				// A terminal that is closed must not leave keys behind either.
				var stop context.CancelFunc
				ctx, stop = signal.NotifyContext(ctx, syscall.SIGHUP)
				defer stop()
			}
			// `jisr demo | head` must not end before the files are removed: a write that nobody reads fails instead.
			signal.Ignore(syscall.SIGPIPE)
			defer signal.Reset(syscall.SIGPIPE)
			if serve {
				o.Log = a.stderr
				if made.Dir != "" {
					made.Listen = listen
					return played(demo.Keep(ctx, o, made))
				}
				if a.become == nil {
					return played(demo.Serve(ctx, o))
				}
				var err error
				if made, err = demo.Make(ctx, o); err != nil {
					if ctx.Err() != nil {
						return nil // an interrupt is how a server is asked to stop
					}
					return played(err)
				}
				a.afresh(o, made) // returns only where it cannot
				return played(demo.Keep(ctx, o, made))
			}
			return played(demo.Run(ctx, o))
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&serve, "serve", false, "leave the exchange running, with the data of the play")
	flags.StringVar(&listen, "listen", "", "where it listens (default "+demo.DefaultListen+" with --serve, else any free port)")
	flags.StringVar(&made.Dir, "made", "", "serve the demonstration that was made here; jisr gives it to itself")
	_ = flags.MarkHidden("made") // it is there
	flags.StringVar(&f.register, "register", "", "import this register (CSV) instead of the one of the play")
	flags.StringVar(&f.mapping, "mapping", "", "the mapping of --register (YAML)")
	return cmd
}

// played sorts how a demonstration ended.
func played(err error) error {
	switch {
	case err == nil, errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, syscall.EPIPE):
		return nil // whoever read it has seen enough
	case errors.Is(err, syscall.EADDRINUSE):
		return usage("another program listens there already", "name another address with --listen, such as 127.0.0.1:7444")
	}
	return &failedError{fmt.Sprintf("the demonstration failed: %v", err)}
}

// afresh lets a new process of this program serve a demonstration that was made:
// it has read less of the program and holds nothing of the making, which is a
// fourth of the memory. Where that cannot be, this process goes on.
func (a *app) afresh(o demo.Options, made demo.Made) {
	program, err := os.Executable()
	if err != nil {
		return
	}
	args := []string{os.Args[0], "demo", "--serve", "--listen", made.Listen, "--made", made.Dir}
	if o.Dir != "" {
		args = append(args, "--dir", o.Dir)
	}
	_ = a.become(program, args, os.Environ()) // then this process serves
}

// version is what the module proxy or the checkout says this build is.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		return info.Main.Version
	}
	return "unknown"
}
