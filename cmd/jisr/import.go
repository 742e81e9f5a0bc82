package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/register"
)

// importFlags are the flags of jisr import.
type importFlags struct {
	register, mapping, rejects, names string
	resume, check                     bool
	inFlight                          int
}

func newImport(a *app) *cobra.Command {
	var f importFlags
	cmd := &cobra.Command{
		Use:   "import",
		Short: "Bring an agency's own register (CSV or JSON) into the exchange",
		Long: `Import reads a register by a mapping, checks every record, and creates cases
with their victims and suspects. A case goes in whole or not at all: a row at
fault keeps its case back and is listed with line, column and reason, never
with the value. Importing again has one effect, for 30 days by the exchange's
memory and for ever with --names and --resume: an import that was cut off, by
whatever, is run again. How to write a mapping: docs/registers.md.

Exit codes: 0 every row is in; 1 rows were rejected, or the import stopped;
2 the mapping or the command line is wrong; 3 no connection.`,
		Example: `  jisr import --register cases.csv --mapping cases.mapping.yaml --check
  jisr import --register cases.csv --mapping cases.mapping.yaml --rejects rejects.csv --names names.csv`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.valid(); err != nil {
				return err
			}
			mapping, plan, err := f.plan()
			if err != nil {
				return err
			}
			if f.check {
				return a.finishImport(&f, plan, register.Summary{Rows: plan.Rows, Rejected: rejectedRows(plan.Rejects)}, plan.Rejects, nil)
			}
			return a.runImport(cmd.Context(), &f, mapping, plan)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.register, "register", "", "the register, CSV or JSON in UTF-8 (required)")
	flags.StringVar(&f.mapping, "mapping", "", "the mapping, YAML (required)")
	flags.StringVar(&f.rejects, "rejects", "", "write rejected rows to this CSV: line, column, reason")
	flags.StringVar(&f.names, "names", "", "write what became of each row to this CSV: external id, resource name")
	flags.BoolVar(&f.resume, "resume", false, "go on with the --names of an earlier run: what it lists is not sent again")
	flags.BoolVar(&f.check, "check", false, "check register and mapping, and send nothing")
	flags.IntVar(&f.inFlight, "in-flight", 16, "how many cases are sent at a time")
	return cmd
}

func (f *importFlags) valid() error {
	switch {
	case f.register == "" || f.mapping == "":
		return usage("import needs --register and --mapping", "see jisr import --help")
	case f.inFlight < 1 || f.inFlight > 256:
		return usage("--in-flight must be 1 to 256", "16 suits most exchanges")
	case f.resume && f.names == "":
		return usage("--resume needs the --names of the earlier run", "name its file")
	}
	return nil
}

// plan reads the mapping and the register.
func (f *importFlags) plan() (*register.Mapping, *register.Plan, error) {
	mappingFile, err := openInput(f.mapping)
	if err != nil {
		return nil, nil, err
	}
	defer mappingFile.Close()
	mapping, err := register.ReadMapping(mappingFile)
	if err != nil {
		return nil, nil, err
	}
	registerFile, err := openInput(f.register)
	if err != nil {
		return nil, nil, err
	}
	defer registerFile.Close()
	plan, err := mapping.Plan(registerFile)
	var mistakes register.Mistakes
	if err != nil && !errors.As(err, &mistakes) {
		return nil, nil, usage(f.register+": "+err.Error(), "nothing was sent")
	}
	return mapping, plan, err
}

func openInput(path string) (*os.File, error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, usage("there is no file "+path, "check the name")
	}
	if err != nil {
		return nil, usage("the file "+path+" cannot be read", "check who may read it")
	}
	return file, nil
}

// runImport sends the plan and tells how it went.
func (a *app) runImport(ctx context.Context, f *importFlags, mapping *register.Mapping, plan *register.Plan) error {
	conn, err := a.connect()
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := a.mayTell(ctx, conn, mapping); err != nil {
		return err
	}
	names, closeNames, err := f.openNames()
	if err != nil {
		return err
	}
	progress := newProgress(a.stderr, a.onTerminal(a.stderr), "rows", time.Now)
	importer := register.Importer{
		Cases: jisrv1.NewCaseServiceClient(conn), InFlight: f.inFlight, Timeout: a.flags.timeout,
		Names: names, Progress: func(s register.Summary) {
			before := s.AlreadyThere + rejectedRows(plan.Rejects)
			progress.show(s.Imported+s.AlreadyThere+s.Rejected, before, plan.Rows, fmt.Sprintf(", %d rejected", s.Rejected))
		},
	}
	summary, rejects, err := importer.Run(ctx, plan)
	progress.end()
	if closing := written(closeNames()); err == nil {
		err = closing
	}
	return a.finishImport(f, plan, summary, rejects, err)
}

// mayTell asks the exchange, before anything is sent, whether the role may tell
// what the mapping fills: else the case would go in and its persons be refused.
func (a *app) mayTell(ctx context.Context, conn *grpc.ClientConn, mapping *register.Mapping) error {
	client := jisrv1.NewAgreementServiceClient(conn)
	me, err := client.WhoAmI(ctx, &jisrv1.WhoAmIRequest{})
	if err != nil {
		return err
	}
	if me.GetRole() == 0 {
		return usage("this certificate holds several roles", "say with --role in which one you import: "+lowerAll(me.GetRoles(), ", "))
	}
	reply, err := client.GetDisclosureMatrix(ctx, jisrv1.GetDisclosureMatrixRequest_builder{Role: me.GetRole()}.Build())
	if err != nil {
		return err
	}
	tells := make(map[jisrv1.DataClass]bool)
	for _, r := range reply.GetRules() {
		for _, c := range r.GetWrite() {
			tells[r.GetDataClass()] = tells[r.GetDataClass()] || c != jisrv1.Condition_CONDITION_NEVER && c != 0
		}
	}
	var mistakes register.Mistakes
	for _, told := range mapping.Classes() {
		if !tells[told.Class] {
			mistakes = append(mistakes, register.Mistake{Text: fmt.Sprintf("the role %s may not tell %s: leave out %s",
				lower(me.GetRole()), agreement.ClassName(told.Class), strings.Join(told.Fields, ", "))})
		}
	}
	if len(mistakes) > 0 {
		return mistakes
	}
	return nil
}

// openNames reads the list of an earlier run, or begins a new one. It never
// writes over a list without --resume: it may be the only one.
func (f *importFlags) openNames() (*register.Names, func() error, error) {
	names := register.NewNames()
	nothing := func() error { return nil }
	if f.names == "" {
		return names, nothing, nil
	}
	old, err := os.Open(f.names)
	switch {
	case err == nil && !f.resume:
		_ = old.Close() // only whether it is there was asked
		return nil, nil, usage(f.names+" is there already", "go on with it by --resume, or name another file")
	case err == nil:
		names, err = register.ReadNames(old)
		if err := errors.Join(err, old.Close()); err != nil {
			return nil, nil, usage(f.names+": "+err.Error(), "name the file that the earlier run wrote with --names")
		}
	case !errors.Is(err, fs.ErrNotExist):
		return nil, nil, usage("the file "+f.names+" cannot be read", "check who may read it")
	case f.resume:
		return nil, nil, usage("there is no file "+f.names+" to go on with", "leave out --resume for a first run")
	}
	// The old list stays until the new one holds all of it.
	fresh := f.names + ".new"
	out, err := os.OpenFile(fresh, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, nil, usage("the file "+fresh+" cannot be written", "check the directory")
	}
	// On the disk before it takes the old one's place: else a loss of power could leave neither.
	if err := errors.Join(names.Start(out), out.Sync()); err != nil {
		return nil, nil, errors.Join(written(err), out.Close())
	}
	if err := os.Rename(fresh, f.names); err != nil {
		return nil, nil, errors.Join(written(err), out.Close())
	}
	return names, out.Close, nil
}

// finishImport writes the rejects and the summary, and decides the exit code.
func (a *app) finishImport(f *importFlags, plan *register.Plan, s register.Summary, rejects []register.Reject, err error) error {
	if f.rejects != "" {
		if err := writeFile(f.rejects, func(w io.Writer) error { return register.WriteRejects(w, rejects) }); err != nil {
			return err
		}
	}
	if printErr := a.printImport(f, plan, s, rejects); printErr != nil {
		return printErr
	}
	switch {
	case err != nil:
		return err
	case s.Rejected > 0:
		hint := ""
		if f.rejects == "" && len(rejects) > shownRejects {
			hint = "; --rejects FILE writes them all"
		}
		return &failedError{count(s.Rejected, "row") + " rejected" + hint}
	}
	return nil
}

func writeFile(path string, write func(io.Writer) error) error {
	out, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return usage("the file "+path+" cannot be written", "check the directory")
	}
	return written(errors.Join(write(out), out.Close()))
}
