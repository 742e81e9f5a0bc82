package main

import (
	"bytes"
	"fmt"
	"os"
	"slices"

	"github.com/spf13/cobra"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/lawpage"
	"github.com/jisr-exchange/jisr/services/matrix"
)

// former is what to compare with; what is not given is as it is now.
type former struct{ agreement, contract string }

func (f former) given() bool { return f.agreement != "" || f.contract != "" }

// seesMoreError says that a comparison found somebody who sees more. Scripts wait for its exit code.
type seesMoreError struct{ changes int }

func (e *seesMoreError) Error() string {
	if e.changes == 1 {
		return "1 change shows somebody more"
	}
	return fmt.Sprintf("%d changes show somebody more", e.changes)
}

// wholeLaw writes the page or the comparison, for which the cells alone are not enough.
func (a *app) wholeLaw(cmd *cobra.Command, file, page string, against former, asCSV bool) error {
	switch {
	case page != "" && against.given():
		return usage("--html and --diff are two different things", "give one of them")
	case asCSV:
		return usage("--csv prints the cells alone", "leave it out")
	case page != "" && a.flags.json:
		return usage("--html and --json are two ways to print", "give one of them")
	}
	law, err := a.law(cmd, file)
	if err != nil {
		return err
	}
	if page != "" {
		return a.printPage(law, page)
	}
	return a.printChanges(law, against)
}

// law returns the agreement of a file or of an exchange.
func (a *app) law(cmd *cobra.Command, file string) (*agreement.Law, error) {
	if file == "" && a.flags.server != "" {
		conn, err := a.connect()
		if err != nil {
			return nil, err
		}
		defer conn.Close()
		reply, err := jisrv1.NewAgreementServiceClient(conn).GetAgreement(cmd.Context(), &jisrv1.GetAgreementRequest{})
		if err != nil {
			return nil, err
		}
		law, err := agreement.Parse([]byte(reply.GetText()))
		if err != nil {
			return nil, usage("the agreement of this exchange is of another version than this jisr", "use the jisr that came with the exchange")
		}
		return law, nil
	}
	if file == "" {
		file = agreementFile
	}
	return readLaw(file)
}

func (a *app) printPage(law *agreement.Law, path string) error {
	var page bytes.Buffer
	if err := lawpage.Write(&page, law); err != nil {
		return written(err)
	}
	if path == "-" {
		_, err := a.stdout.Write(page.Bytes())
		return written(err)
	}
	//nolint:gosec // the page holds the agreement, which every agency has, and is made to be handed on
	if err := os.WriteFile(path, page.Bytes(), 0o644); err != nil {
		return usage("the page "+path+" cannot be written", "check the folder and who may write there")
	}
	return nil
}

// comparison is a comparison as --json prints it.
type comparison struct {
	Agreement string          `json:"agreement"`
	Against   string          `json:"against"`
	Changes   []matrix.Change `json:"changes"`
}

func (a *app) printChanges(law *agreement.Law, against former) error {
	was, contract := law, matrix.Current()
	if against.agreement != "" {
		var err error
		if was, err = readFormerLaw(against.agreement); err != nil {
			return err
		}
	}
	if against.contract != "" {
		encoded, err := os.ReadFile(against.contract)
		if err != nil {
			return usage("the contract "+against.contract+" cannot be read", "name a file that buf build -o wrote")
		}
		if contract, err = matrix.ReadContract(encoded); err != nil {
			return usage(against.contract+" holds no contract: "+err.Error(), "make it with buf build -o old.binpb in a checkout of that time")
		}
	}
	changes := matrix.Compare(matrix.NewSheet(was, contract), matrix.NewSheet(law, matrix.Current()))
	if a.flags.role != "" {
		// An agency that comes to hold the role is news about it too.
		changes = slices.DeleteFunc(changes, func(c matrix.Change) bool { return c.Who != a.flags.role && !slices.Contains(c.What, a.flags.role) })
	}
	if err := a.printComparison(comparison{law.Hash(), was.Hash(), changes}, law, was, against); err != nil {
		return err
	}
	n := 0
	for _, c := range changes {
		if c.Effect == matrix.More {
			n++
		}
	}
	if n > 0 {
		return &seesMoreError{n}
	}
	return nil
}

func (a *app) printComparison(c comparison, law, was *agreement.Law, against former) error {
	if a.flags.json {
		if c.Changes == nil {
			c.Changes = []matrix.Change{}
		}
		return a.printValue(c)
	}
	var b bytes.Buffer
	p := a.painter(a.stdout)
	fmt.Fprintf(&b, "Edition %s (%.12s) and this contract", law.Edition(), law.Hash())
	if against.agreement != "" {
		fmt.Fprintf(&b, ", against edition %s (%.12s)", was.Edition(), was.Hash())
	}
	if against.contract != "" {
		fmt.Fprintf(&b, ", against the contract of %s", visible(against.contract))
	}
	b.WriteString("\n")
	if len(c.Changes) == 0 {
		b.WriteString("\nNobody sees more or less.\n")
	}
	for _, part := range []struct {
		effect matrix.Effect
		title  string
	}{{matrix.More, p.red("MORE")}, {matrix.Less, p.bold("LESS")}, {matrix.Other, p.bold("OTHERWISE")}} {
		title := "\n" + part.title + "\n"
		for _, change := range c.Changes {
			if change.Effect == part.effect {
				b.WriteString(title + "  " + visible(change.Text) + "\n")
				title = ""
			}
		}
	}
	_, err := a.stdout.Write(b.Bytes())
	return written(err)
}
