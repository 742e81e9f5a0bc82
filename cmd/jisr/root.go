package main

import (
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
)

// app is one run of jisr.
type app struct {
	stdout, stderr io.Writer
	getenv         func(string) string
	flags          globals
}

// globals are the flags of every command. Each has a variable JISR_… that stands in where it is not given.
type globals struct {
	server, ca, cert, key  string
	dir, agency, system    string
	officer, purpose, role string
	json                   bool
	timeout                time.Duration
}

const rootLong = `jisr calls an exchange of trafficking cases as a system of an agency.

The certificate is named by --cert, --key and --ca, or by --dir, --agency and
--system where jisr certs made it. Every flag below can be set as a variable:
--server as JISR_SERVER, --officer as JISR_OFFICER, and so on.

Exit codes: 0 all went well; 1 the exchange refused or failed, or rows were
rejected; 2 the command line or a file it names is wrong; 3 no connection;
4 somebody sees more (jisr matrix --diff).`

// newRoot builds the tree of commands.
func newRoot(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:               "jisr",
		Short:             "Call an exchange of trafficking cases as an agency",
		Long:              rootLong,
		SilenceErrors:     true,
		SilenceUsage:      true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error { return a.environment(cmd) },
	}
	f, g := root.PersistentFlags(), &a.flags
	f.StringVar(&g.server, "server", "", "the exchange, as host:port")
	f.StringVar(&g.ca, "ca", "", "the authority of the exchange's certificate (PEM)")
	f.StringVar(&g.cert, "cert", "", "this system's certificate (PEM)")
	f.StringVar(&g.key, "key", "", "its key (PEM)")
	f.StringVar(&g.dir, "dir", "", "a directory made by jisr certs, instead of --ca, --cert and --key")
	f.StringVar(&g.agency, "agency", "", "the agency whose certificate to take from --dir")
	f.StringVar(&g.system, "system", "main", "the system whose certificate to take from --dir")
	f.StringVar(&g.officer, "officer", "", "for whom the call is made: an opaque id")
	f.StringVar(&g.purpose, "purpose", "", "why it is made: "+strings.Join(purposeNames(), ", "))
	f.StringVar(&g.role, "role", "", "in which role, where the certificate holds several")
	f.BoolVar(&g.json, "json", false, "print JSON")
	f.DurationVar(&g.timeout, "timeout", 10*time.Second, "deadline of one call")
	complete(root, "purpose", purposeNames())
	complete(root, "role", roleNames())

	root.AddCommand(newWhoAmI(a), newCerts(a), newMatrix(a), newExplain(a), newGet(a), newLog(a), newImport(a), newExport(a), newDemo(a))
	return root
}

// oneName asks for the name of one record.
func oneName(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return usage("jisr "+cmd.Name()+" needs the name of one record", "for example jisr "+cmd.Name()+" cases/mfzgk2lbnrsw45dfon2gk3tuem")
	}
	return nil
}

// complete offers a closed list to the shells.
func complete(cmd *cobra.Command, flag string, names []string) {
	// It fails only for a flag that is not there, which every test would show.
	_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(names, cobra.ShellCompDirectiveNoFileComp))
}

// environment fills flags that were not given from JISR_ variables, and checks the closed lists.
func (a *app) environment(cmd *cobra.Command) error {
	for _, name := range []string{"server", "ca", "cert", "key", "dir", "agency", "system", "officer", "purpose", "role", "timeout"} {
		flag := cmd.Flags().Lookup(name)
		variable := "JISR_" + strings.ToUpper(name)
		if value := a.getenv(variable); value != "" && !flag.Changed {
			if err := flag.Value.Set(value); err != nil {
				return usage(variable+" is not a valid --"+name, flag.Usage)
			}
		}
	}
	if a.flags.timeout <= 0 {
		return usage("--timeout must be more than nothing", "give it as 10s or 1m")
	}
	if p := a.flags.purpose; p != "" && purposeOf(p) == 0 {
		return usage("there is no purpose "+quoted(p), "purposes: "+strings.Join(purposeNames(), ", "))
	}
	if r := a.flags.role; r != "" && roleOf(r) == 0 {
		return usage("there is no role "+quoted(r), "roles: "+strings.Join(roleNames(), ", "))
	}
	return nil
}

// onTerminal reports whether w is a terminal that wants colour (no-color.org).
func (a *app) onTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	return ok && a.getenv("NO_COLOR") == "" && a.getenv("TERM") != "dumb" && term.IsTerminal(int(file.Fd()))
}

func purposeNames() []string { return shortNames(jisrv1.Purpose(0).Descriptor()) }

func purposeOf(name string) jisrv1.Purpose {
	return jisrv1.Purpose(jisrv1.Purpose_value["PURPOSE_"+strings.ToUpper(name)])
}

func roleNames() []string { return shortNames(jisrv1.Role(0).Descriptor()) }

func roleOf(name string) jisrv1.Role {
	return jisrv1.Role(jisrv1.Role_value["ROLE_"+strings.ToUpper(name)])
}
