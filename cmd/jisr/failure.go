package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/register"
)

// errLocal marks a failure of this machine: a full disk, a closed pipe.
var errLocal = errors.New("a file of this machine could not be written")

func isStatus(err error) bool {
	var s interface{ GRPCStatus() *status.Status }
	return errors.As(err, &s)
}

// report prints an error, with what to do about it, and returns the exit code.
func (a *app) report(err error) int {
	var (
		lost    *connectionError
		wrong   *usageError
		failed  *failedError
		more    *seesMoreError
		said    *verdict
		mapping register.Mistakes
	)
	p := a.painter(a.stderr)
	say := func(format string, args ...any) { fmt.Fprintf(a.stderr, format+"\n", args...) }
	switch {
	case errors.As(err, &said):
	case errors.As(err, &failed):
		say("%s %s", p.red("jisr:"), failed.text)
	case errors.As(err, &more):
		say("%s %v", p.red("jisr:"), more)
	case errors.As(err, &lost):
		say("%s %s", p.red("jisr:"), lost.what)
		say("  what to do: %s", lost.action)
	case errors.As(err, &wrong):
		say("%s %s", p.red("jisr:"), wrong.text)
		if wrong.hint != "" {
			say("  what to do: %s", wrong.hint)
		}
	case errors.As(err, &mapping):
		say("%s the mapping has %s, so nothing was sent:", p.red("jisr:"), count(len(mapping), "mistake"))
		say("%s", indent(mapping.Error()))
	case isStatus(err):
		a.reportStatus(err, p)
	case errors.Is(err, context.Canceled):
		say("%s interrupted", p.red("jisr:"))
	case errors.Is(err, errLocal):
		say("%s %v", p.red("jisr:"), err)
	default:
		// What cobra finds wrong: an unknown command or flag, a missing argument.
		say("%s %v", p.red("jisr:"), err)
		say("  what to do: see jisr --help")
	}
	return exitCode(err)
}

// told is what the exchange answered, ready to print.
type told struct {
	reason, message, action string
	more                    []string
}

// statusTold takes a status apart: reason, message, every violated field and
// what to do, in the caller's language where the exchange has it.
func statusTold(err error) told {
	st := status.Convert(err)
	t := told{reason: strings.ToUpper(st.Code().String()), message: visible(st.Message())}
	ownAction := ""
	for _, d := range st.Details() {
		switch d := d.(type) {
		case *errdetails.ErrorInfo:
			t.reason, t.action = visible(d.GetReason()), visible(d.GetMetadata()["action"])
			for _, fact := range facts(d) {
				t.more = append(t.more, visible(fact))
			}
		case *errdetails.BadRequest:
			for _, v := range d.GetFieldViolations() {
				rule := visible(v.GetDescription())
				if l := v.GetLocalizedMessage(); l != nil {
					rule = localized(l.GetMessage())
				}
				t.more = append(t.more, visible(v.GetField())+": "+rule)
			}
		case *errdetails.LocalizedMessage:
			t.message, ownAction = inOwnLanguage(d)
		case *errdetails.RetryInfo:
			t.more = append(t.more, "wait "+d.GetRetryDelay().AsDuration().Round(time.Millisecond).String())
		}
	}
	switch {
	case ownAction != "":
		t.action = ownAction
	case t.action != "":
	case st.Code() == codes.DeadlineExceeded:
		t.action = "repeat with a longer --timeout"
	case st.Code() == codes.Unimplemented:
		t.action = "this exchange does not have this call; its version may be older than this jisr"
	}
	return t
}

// reportStatus prints what the exchange answered.
func (a *app) reportStatus(err error, p painter) {
	t := statusTold(err)
	say := func(format string, args ...any) { fmt.Fprintf(a.stderr, format+"\n", args...) }
	say("%s %s: %s", p.red("jisr:"), t.reason, t.message)
	for _, line := range t.more {
		say("  - %s", line)
	}
	if t.action != "" {
		say("  what to do: %s", t.action)
	}
	switch fault.Reason(t.reason) {
	case fault.HeaderInvalid, fault.PurposeNotGranted, fault.RoleNotHeld:
		// What the exchange calls headers are flags here.
		say("  they are --officer, --purpose and --role; jisr whoami tells which there are")
	}
}

// facts lists the metadata of an ErrorInfo but the action, in order.
func facts(info *errdetails.ErrorInfo) []string {
	var lines []string
	for _, key := range sortedKeys(info.GetMetadata()) {
		if key != "action" {
			lines = append(lines, key+": "+info.GetMetadata()[key])
		}
	}
	return lines
}

func indent(s string) string { return "  " + strings.ReplaceAll(s, "\n", "\n  ") }

// count writes a number with its noun.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
