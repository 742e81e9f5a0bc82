package main

import (
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
)

// app is one run of jisr.
type app struct {
	stdout, stderr io.Writer
	getenv         func(string) string
	now            func() time.Time
	become         func(program string, args, env []string) error // as another process; nil where that must not happen
	flags          globals
	context        string // where flags that were not given came from; "" without a context
}

// globals are the flags of every command. Each has a variable JISR_… that stands in where it is not given.
type globals struct {
	server, ca, cert, key  string
	dir, agency, system    string
	officer, purpose, role string
	context, language      string
	json                   bool
	timeout                time.Duration
}

const rootLong = `jisr calls an exchange of trafficking cases as a system of an agency.

The certificate is named by --cert, --key and --ca, or by --dir, --agency and
--system where jisr certs made it. Every flag below but --json can be set as a
variable, --server as JISR_SERVER, and most in a context (jisr help contexts).
A flag wins over its variable, and a variable over the context.

Something does not work? jisr doctor says what, and what to do.

Exit codes: 0 all went well; 1 the exchange refused or failed, or rows were
rejected; 2 the command line or a file it names is wrong; 3 no connection, the
certificate's files among the causes; 4 somebody sees more (jisr matrix --diff).`

// newRoot builds the tree of commands.
func newRoot(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:               "jisr",
		Short:             "Call an exchange of trafficking cases as an agency",
		Long:              rootLong,
		Version:           version(),
		SilenceErrors:     true,
		SilenceUsage:      true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error { return a.environment(cmd) },
	}
	root.SetVersionTemplate("jisr {{.Version}}\n")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usage(err.Error(), "see "+cmd.CommandPath()+" --help")
	})
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
	f.StringVar(&g.context, "context", "", "the named context to take flags from")
	f.StringVar(&g.language, "language", "", "the language of the exchange's errors: "+strings.Join(languages(), ", ")+" (default that of LANG)")
	f.BoolVar(&g.json, "json", false, "print JSON")
	f.DurationVar(&g.timeout, "timeout", 10*time.Second, "deadline of one call")
	complete(root, "purpose", purposeNames())
	complete(root, "role", roleNames())
	complete(root, "language", languages())
	_ = root.RegisterFlagCompletionFunc("context", a.contextNames) // as in complete
	_ = root.RegisterFlagCompletionFunc("agency", a.agencyNames)

	root.AddCommand(newWhoAmI(a), newDoctor(a), newContexts(), newCerts(a), newMatrix(a), newExplain(a), newGet(a), newLog(a), newImport(a), newExport(a), newMigrate(a), newDemo(a))
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

// withoutContext marks commands that make files and call nobody: a context's
// --dir is where certificates are read from, and never where some are written.
const withoutContext = "withoutContext"

// environment fills flags that were not given from JISR_ variables, then from
// the context, and checks the closed lists.
func (a *app) environment(cmd *cobra.Command) error {
	flags := cmd.Flags()
	if value := a.getenv("JISR_CONTEXT"); value != "" && !flags.Changed("context") {
		a.flags.context = value
	}
	given := make(map[string]bool) // by a flag or a variable; the context leaves these alone
	for _, name := range []string{"server", "ca", "cert", "key", "dir", "agency", "system", "officer", "purpose", "role", "language", "timeout"} {
		variable := "JISR_" + strings.ToUpper(name)
		value := a.getenv(variable)
		if given[name] = flags.Changed(name) || value != ""; flags.Changed(name) || value == "" {
			continue
		}
		if err := flags.Lookup(name).Value.Set(value); err != nil {
			return usage(variable+" is not a valid --"+name, flags.Lookup(name).Usage)
		}
	}
	if cmd.Annotations[withoutContext] == "" {
		if err := a.fromContext(flags, given); err != nil {
			return err
		}
	}
	if a.flags.timeout <= 0 {
		return usage("--timeout must be more than nothing", "give it as 10s or 1m")
	}
	if p := a.flags.purpose; p != "" && purposeOf(p) == 0 {
		return usage("there is no purpose "+quoted(p), "purposes: "+strings.Join(purposeNames(), ", "))
	}
	if l := a.flags.language; l != "" && !languageTag.MatchString(l) {
		return usage(quoted(l)+" is not a language", "languages: "+strings.Join(languages(), ", "))
	}
	if r := a.flags.role; r != "" && roleOf(r) == 0 {
		return usage("there is no role "+quoted(r), "roles: "+strings.Join(roleNames(), ", "))
	}
	return nil
}

func (a *app) fromContext(flags *pflag.FlagSet, given map[string]bool) error {
	values, err := a.contextValues(a.flags.context)
	if err != nil {
		return err
	}
	named := slices.ContainsFunc(certificateFlags, func(name string) bool { return given[name] })
	for name, value := range values {
		if given[name] || named && slices.Contains(certificateFlags, name) {
			continue
		}
		if err := flags.Lookup(name).Value.Set(value); err != nil {
			return usage("the context gives no valid --"+name, flags.Lookup(name).Usage)
		}
	}
	return nil
}

const contextsLong = `A context is a set of flags under a name. Contexts stand in
$XDG_CONFIG_HOME/jisr/config.yaml (~/.config/jisr/config.yaml where that is not set),
which nobody but its owner may write:

  current: erbil              # taken where neither --context nor JISR_CONTEXT names one
  contexts:
    erbil:
      server: exchange.example:7443
      ca: ca.pem              # paths are relative to this file
      certificate: erbil.pem
      key: erbil-key.pem
      agency: kri-dcoc        # jisr doctor compares it with the certificate
      officer: er-0142
      purpose: investigation

Further keys: dir and system (in place of ca, certificate and key, for a directory
made by jisr certs), role, language. A flag wins over its variable JISR_..., a
variable over the context; one of --dir, --ca, --cert and --key leaves all four
of the context aside. jisr certs and jisr demo take nothing from a context.`

// newContexts is help alone: contexts are written with an editor.
func newContexts() *cobra.Command {
	return &cobra.Command{Use: "contexts", Short: "How to keep server, certificate and officer under a name", Long: contextsLong}
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
