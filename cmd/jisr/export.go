package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/export"
	"github.com/jisr-exchange/jisr/services/register"
)

// exportFlags are the flags of jisr export.
type exportFlags struct {
	out, format, mapping, name string
	kinds                      []string
	replace                    bool
}

// exportForms are the forms by their names on the command line.
var exportForms = map[string]export.Form{"csv": (*export.Summary).CSV, "jsonl": (*export.Summary).JSONLines}

func newExport(a *app) *cobra.Command {
	var f exportFlags
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Write what the exchange shows this caller to a file (CSV or JSON lines)",
		Long: `Export reads the cases, victims and suspects that this caller may know of, as
it may see them, and writes them to a file that only its owner may read: CSV for
a spreadsheet, or one JSON object a line. What was withheld is named and not
there. The file stands when it is whole, and not before.

Every record read is an entry in the exchange's log, as any other reading is.`,
		Example: `  jisr export --out view.csv --officer sw-0042 --purpose protection
  jisr export --out view.jsonl --kinds victim --mapping view.mapping.yaml`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.runExport(cmd.Context(), &f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.out, "out", "", "the file to write (required)")
	flags.StringVar(&f.format, "format", "csv", "csv (UTF-8 with byte order mark) or jsonl")
	flags.StringSliceVar(&f.kinds, "kinds", nil, "which records: case, victim, suspect (all that the role may list)")
	flags.StringVar(&f.mapping, "mapping", "", "write here the mapping by which jisr import reads the export again")
	flags.StringVar(&f.name, "register", "jisr-export", "what that mapping names the register")
	flags.BoolVar(&f.replace, "replace", false, "write over files that are there already")
	complete(cmd, "format", sortedKeys(exportForms))
	return cmd
}

// wanted checks the flags and returns the kinds asked for, nil for all.
func (f *exportFlags) wanted() ([]register.Kind, error) {
	if f.out == "" {
		return nil, usage("export needs --out", "name the file to write")
	}
	if exportForms[f.format] == nil {
		return nil, usage("there is no format "+quoted(f.format), "formats: "+strings.Join(sortedKeys(exportForms), ", "))
	}
	var kinds []register.Kind
	for _, kind := range export.Kinds {
		if slices.Contains(f.kinds, kind.String()) {
			kinds = append(kinds, kind)
		}
	}
	for _, name := range f.kinds {
		if !slices.ContainsFunc(kinds, func(k register.Kind) bool { return k.String() == name }) {
			return nil, usage("there is no kind "+quoted(name), "kinds: case, victim, suspect")
		}
	}
	if f.mapping != "" {
		if _, err := register.ReadMapping(strings.NewReader("register: " + f.name + "\nid: name\nfields: [{from: a, to: case.governorate}]\n")); err != nil {
			return nil, usage(quoted(f.name)+" cannot name a register", "lower-case letters, digits, dots and dashes")
		}
	}
	if sameFile(f.out, f.mapping) {
		return nil, usage("--out and --mapping name the same file", "name another one for the mapping")
	}
	for _, path := range []string{f.out, f.mapping} {
		if path == "" || f.replace {
			continue
		}
		if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
			return nil, usage(path+" is there already", "name another file, or write over it with --replace")
		}
	}
	return kinds, nil
}

// sameFile reports whether two paths lead to one file, which the second to be written would replace.
func sameFile(a, b string) bool {
	if b == "" {
		return false
	}
	for _, path := range []*string{&a, &b} {
		if real, err := filepath.EvalSymlinks(filepath.Dir(*path)); err == nil {
			*path = filepath.Join(real, filepath.Base(*path))
		}
		if abs, err := filepath.Abs(*path); err == nil {
			*path = abs
		}
	}
	return a == b
}

func (a *app) runExport(ctx context.Context, f *exportFlags) error {
	kinds, err := f.wanted()
	if err != nil {
		return err
	}
	conn, err := a.connect()
	if err != nil {
		return err
	}
	defer conn.Close()
	progress := newProgress(a.stderr, a.onTerminal(a.stderr), "records", time.Now)
	exporter := export.Exporter{Cases: jisrv1.NewCaseServiceClient(conn), Kinds: kinds, Progress: func(n int) { progress.show(n, 0, 0, "") }}
	sum, err := exporter.ToFile(ctx, f.out, exportForms[f.format])
	progress.end()
	if err == nil && f.mapping != "" {
		err = export.WriteFile(f.mapping, func(w io.Writer) error {
			_, err := w.Write(sum.Mapping(f.name, f.format == "jsonl"))
			return err
		})
	}
	if errors.Is(err, export.ErrFile) {
		return written(err)
	}
	if err != nil {
		return err
	}
	return a.printExport(f, sum)
}

// exportReport is the outcome of an export, for --json.
type exportReport struct {
	File       string         `json:"file"`
	Cases      int            `json:"cases"`
	Victims    int            `json:"victims"`
	Suspects   int            `json:"suspects"`
	NotGranted []string       `json:"not_granted"`
	Withheld   map[string]int `json:"withheld"`
	Unknown    int            `json:"unknown"`
}

func (a *app) printExport(f *exportFlags, s *export.Summary) error {
	r := exportReport{
		File: f.out, Cases: s.Records[register.KindCase], Victims: s.Records[register.KindVictim], Suspects: s.Records[register.KindSuspect],
		NotGranted: []string{}, Withheld: s.Withheld, Unknown: s.Unknown,
	}
	for _, kind := range s.NotGranted {
		r.NotGranted = append(r.NotGranted, kind.String())
	}
	if a.flags.json {
		return a.printValue(r)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %s, %s written to %s\n", count(r.Cases, "case"), count(r.Victims, "victim"), count(r.Suspects, "suspect"), f.out)
	if len(r.NotGranted) > 0 {
		fmt.Fprintf(&b, "  this role may not list: %s\n", strings.Join(r.NotGranted, ", "))
	}
	for _, class := range sortedKeys(r.Withheld) {
		fmt.Fprintf(&b, "  %s withheld of %s\n", class, count(r.Withheld[class], "record"))
	}
	if r.Unknown > 0 {
		fmt.Fprintf(&b, "  %s with fields that this jisr does not know and left out: a newer jisr writes them\n", count(r.Unknown, "record"))
	}
	_, err := fmt.Fprint(a.stdout, b.String())
	return written(err)
}
