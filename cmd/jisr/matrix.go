package main

import (
	"bytes"
	"encoding/csv"
	"slices"

	"github.com/spf13/cobra"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/agreement"
)

// agreementFile is where an agreement lies in a checkout of the project.
const agreementFile = "agreement.txtpb"

func newMatrix(a *app) *cobra.Command {
	var file string
	var asCSV bool
	var page string
	var against former
	cmd := &cobra.Command{
		Use:   "matrix",
		Short: "Print who sees and who tells which class of data, and why",
		Long: `Matrix prints the law cell by cell: for each class and role under which
conditions it may be read and told, whether the person's consent is needed, and
the codes of the reasons. With --agreement it reads a file; with --server it
asks the exchange; with neither it reads ` + agreementFile + ` here.

With --html it writes all of the law as one page for people, in English and
Arabic, that needs no network. With --diff it says who would see more or less
by this agreement than by an earlier one, and with --diff-contract by this
contract than by an earlier one; it exits with 4 where somebody sees more.`,
		Example: `  jisr matrix --role foreign_affairs
  jisr matrix --agreement agreement.txtpb --csv > matrix.csv
  jisr matrix --html law.html
  git show HEAD^:agreement.txtpb > before.txtpb && jisr matrix --diff before.txtpb`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if asCSV && a.flags.json {
				return usage("--json and --csv are two ways to print", "give one of them")
			}
			if page != "" || against.given() {
				return a.wholeLaw(cmd, file, page, against, asCSV)
			}
			rules, law, err := a.rules(cmd, file)
			if err != nil {
				return err
			}
			switch {
			case a.flags.json:
				return a.printValue(rules)
			case asCSV:
				return a.printRulesCSV(rules)
			}
			if err := a.printRules(rules); err != nil {
				return err
			}
			var codes []int32
			for _, r := range rules {
				codes = append(codes, r.Reasons...)
			}
			return a.printReasons(law, codes)
		},
	}
	cmd.Flags().StringVar(&file, "agreement", "", "read this agreement, without an exchange")
	cmd.Flags().StringVar(&page, "html", "", "write a page to this file (- for standard output)")
	cmd.Flags().StringVar(&against.agreement, "diff", "", "compare with this earlier agreement")
	cmd.Flags().StringVar(&against.contract, "diff-contract", "", "compare with this earlier contract, a set of descriptors as buf build -o writes it")
	cmd.Flags().BoolVar(&asCSV, "csv", false, "print CSV for a spreadsheet (UTF-8 with byte order mark)")
	return cmd
}

// rules returns the matrix of a file or of an exchange, of one role where --role names it.
func (a *app) rules(cmd *cobra.Command, file string) ([]agreement.Rule, *agreement.Law, error) {
	if file == "" && a.flags.server != "" {
		return a.rulesOfServer(cmd)
	}
	if file == "" {
		file = agreementFile
	}
	law, err := readLaw(file)
	if err != nil {
		return nil, nil, err
	}
	rules := agreement.Matrix(law)
	if role := roleOf(a.flags.role); role != 0 {
		rules = slices.DeleteFunc(rules, func(r agreement.Rule) bool { return r.Role != agreement.RoleName(role) })
	}
	return rules, law, nil
}

func (a *app) rulesOfServer(cmd *cobra.Command) ([]agreement.Rule, *agreement.Law, error) {
	conn, err := a.connect()
	if err != nil {
		return nil, nil, err
	}
	defer conn.Close()
	reply, err := jisrv1.NewAgreementServiceClient(conn).GetDisclosureMatrix(cmd.Context(), jisrv1.GetDisclosureMatrixRequest_builder{Role: roleOf(a.flags.role)}.Build())
	if err != nil {
		return nil, nil, err
	}
	rules := make([]agreement.Rule, len(reply.GetRules()))
	for i, r := range reply.GetRules() {
		rules[i] = agreement.Rule{
			Class: agreement.ClassName(r.GetDataClass()), Role: agreement.RoleName(r.GetRole()),
			Read: conditions(r.GetRead()), Write: conditions(r.GetWrite()),
			Consent: r.GetConsent(), Reasons: r.GetReasons(), Fields: r.GetFields(),
		}
	}
	return rules, lawOf(cmd.Context(), conn), nil
}

func conditions(list []jisrv1.Condition) []string {
	names := make([]string, len(list))
	for i, c := range list {
		names[i] = agreement.ConditionName(c)
	}
	return names
}

// printRules prints one role as a table, and all roles class by class.
func (a *app) printRules(rules []agreement.Rule) error {
	if a.flags.role == "" {
		var text bytes.Buffer
		if err := agreement.WriteMatrix(&text, rules); err != nil {
			return written(err)
		}
		_, err := a.stdout.Write(text.Bytes())
		return written(err)
	}
	rows := make([][]string, len(rules))
	for i, r := range rules {
		r.Fields = agreement.InShort(r.Fields)
		c := r.Columns()
		rows[i] = []string{c[0], dash(c[2]), dash(c[3]), dash(c[4]), dash(c[5]), dash(c[6])}
	}
	return a.table([]string{"CLASS", "READ", "TELL", "CONSENT", "REASONS", "FIELDS"}, rows)
}

// printRulesCSV prints one line for each class and role. The byte order mark
// makes spreadsheets read Arabic as UTF-8.
func (a *app) printRulesCSV(rules []agreement.Rule) error {
	var b bytes.Buffer
	b.WriteString("\ufeff")
	w := csv.NewWriter(&b)
	rows := [][]string{agreement.MatrixHeader()}
	for _, r := range rules {
		rows = append(rows, r.Columns())
	}
	if err := w.WriteAll(rows); err != nil {
		return written(err)
	}
	_, err := a.stdout.Write(b.Bytes())
	return written(err)
}
