package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// The results of a check.
const (
	resultOK      = "ok"
	resultFailed  = "failed"
	resultSkipped = "skipped"
)

// finding is what one check came to, for --json too.
type finding struct {
	Check  string `json:"check"`
	Result string `json:"result"`
	Found  string `json:"found"`
	Action string `json:"action,omitempty"`
}

// skip is why a check could not be made, where nothing it rests on failed.
type skip struct{ because string }

func (s *skip) Error() string { return s.because }

// check is one question of the doctor. It is not asked where one that it needs had no good answer.
type check struct {
	name  string
	needs []string
	ask   func(context.Context) (found string, err error)
}

const doctorLong = `Doctor looks at everything between this machine and an exchange, one thing after
the other, and says of each what it found and, where it is wrong, what to do:

  context             is it known which exchange, and which certificate?
  key_mode            may nobody but its owner read the key?
  certificate         can the certificate be read?
  key                 does the key belong to it?
  expiry              is it in date?
  client_use          is it for client authentication?
  agency_name         does it name one agency and system, and the one that is meant?
  chain               is it from an authority that the exchange takes?
  address             does something that speaks gRPC over TLS answer, and no proxy in the way?
  server_certificate  is the exchange the one that its name says?
  clock               do both clocks agree?
  who_am_i            does the exchange know this system?

It changes nothing, and asks the exchange for nothing but WhoAmI.

Exit codes: 0 all is well; 1 the exchange refuses the call; 2 it is not known what
to check; 3 anything else is wrong.`

func newDoctor(a *app) *cobra.Command {
	var contextErr error
	return &cobra.Command{
		Use:   "doctor",
		Short: "Find out why an exchange cannot be called, and what to do",
		Long:  doctorLong,
		Args:  cobra.NoArgs,
		// A mistake in the context is the first finding and not the end.
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			contextErr = a.environment(cmd)
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			p := &patient{app: a, contextErr: contextErr}
			findings, first := p.examine(cmd.Context())
			if err := a.printFindings(findings, first == nil); err != nil {
				return err
			}
			if first == nil {
				return nil
			}
			return &verdict{exitCode(first)}
		},
	}
}

// verdict ends jisr with a code after everything was said.
type verdict struct{ code int }

func (*verdict) Error() string { return "not everything is well" }

// examine asks every check in turn. It returns the first error, which gives the exit code.
func (p *patient) examine(ctx context.Context) (findings []finding, first error) {
	root := make(map[string]string) // what failed first of what a check rests on, by check
	for _, c := range p.checks() {
		f := finding{Check: c.name, Result: resultOK}
		for _, need := range c.needs {
			if failed := root[need]; failed != "" {
				f.Result, f.Found, root[c.name] = resultSkipped, "because of "+failed, failed
				break
			}
		}
		if f.Result == resultOK {
			var err error
			var lacking *skip
			if f.Found, err = c.ask(ctx); errors.As(err, &lacking) {
				f.Result, f.Found = resultSkipped, lacking.because
			} else if err != nil {
				f.Result, root[c.name] = resultFailed, c.name
				f.Found, f.Action = whatToDo(err)
				if first == nil {
					first = err
				}
			}
		}
		findings = append(findings, f)
	}
	return findings, first
}

// whatToDo takes an error apart.
func whatToDo(err error) (what, action string) {
	var (
		lost  *connectionError
		wrong *usageError
	)
	switch {
	case errors.As(err, &lost):
		return lost.what, lost.action
	case errors.As(err, &wrong):
		return wrong.text, wrong.hint
	case isStatus(err):
		s := statusTold(err)
		return s.reason + ": " + s.message, s.action
	}
	return visible(err.Error()), "tell the operator of the exchange"
}

// printFindings prints the findings in the order of the checks.
func (a *app) printFindings(findings []finding, well bool) error {
	if a.flags.json {
		return a.printValue(struct {
			Server string    `json:"server"`
			OK     bool      `json:"ok"`
			Checks []finding `json:"checks"`
		}{a.flags.server, well, findings})
	}
	p := a.painter(a.stdout)
	counts := make(map[string]int)
	var b strings.Builder
	for _, f := range findings {
		counts[f.Result]++
		result := fmt.Sprintf("%-7s", f.Result)
		if f.Result == resultFailed {
			result = p.red(result)
		}
		fmt.Fprintf(&b, "%s  %-18s  %s\n", result, f.Check, strings.ReplaceAll(f.Found, "\n", "\n"+strings.Repeat(" ", 29)))
		if f.Action != "" {
			fmt.Fprintf(&b, "%29swhat to do: %s\n", "", f.Action)
		}
	}
	fmt.Fprintf(&b, "\n%d ok, %d failed, %d skipped\n", counts[resultOK], counts[resultFailed], counts[resultSkipped])
	_, err := fmt.Fprint(a.stdout, b.String())
	return written(err)
}
