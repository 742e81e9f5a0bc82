package register

import (
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/jisr-exchange/jisr/services/fault"
)

const (
	// maxWaits bounds how often one call waits for the agency's budget.
	maxWaits = 20
	// maxWait bounds one such wait, whatever the exchange proposes.
	maxWait = 10 * time.Second
)

// isRefusal reports whether the exchange refused this one record. Everything
// else would meet the next record too, so it stops the import.
func isRefusal(err error) bool {
	switch status.Code(err) {
	case codes.InvalidArgument, codes.AlreadyExists, codes.FailedPrecondition, codes.NotFound, codes.Aborted:
		return true
	case codes.PermissionDenied:
		info, _ := details(err)
		return info.GetReason() == string(fault.ClassNotWritable)
	}
	return false
}

func details(err error) (*errdetails.ErrorInfo, []*errdetails.BadRequest_FieldViolation) {
	var info *errdetails.ErrorInfo
	var violations []*errdetails.BadRequest_FieldViolation
	for _, d := range status.Convert(err).Details() {
		switch d := d.(type) {
		case *errdetails.ErrorInfo:
			info = d
		case *errdetails.BadRequest:
			violations = append(violations, d.GetFieldViolations()...)
		}
	}
	return info, violations
}

// refused turns a refusal into rejects: one for each field that it names.
func (rec Record) refused(err error) []Reject {
	info, violations := details(err)
	text := info.GetReason()
	if text == "" {
		text = status.Code(err).String()
	}
	if text == string(fault.RequestIDReused) {
		return []Reject{{Line: rec.Line, Reason: "the exchange has this row with other content from an earlier import; change the record there, or give the row a new id"}}
	}
	text = "the exchange refused it: " + text + ", " + status.Convert(err).Message()
	var rejects []Reject
	for _, v := range violations {
		at, _ := rec.origin(index.ReplaceAllString(v.GetField(), ""))
		reason := text + ": " + strings.TrimSuffix(v.GetField()+": "+v.GetDescription(), ": ")
		rejects = append(rejects, Reject{Line: at.line, Column: at.column, Reason: reason})
	}
	if len(rejects) == 0 {
		rejects = []Reject{{Line: rec.Line, Reason: text}}
	}
	return rejects
}

// OverBudget says how long to wait before the agency's budget allows a call
// that was refused for it, and whether to try once more after so many attempts.
func OverBudget(err error, attempts int) (time.Duration, bool) {
	if status.Code(err) != codes.ResourceExhausted || attempts >= maxWaits {
		return 0, false
	}
	for _, d := range status.Convert(err).Details() {
		if retry, ok := d.(*errdetails.RetryInfo); ok {
			return min(retry.GetRetryDelay().AsDuration(), maxWait), true
		}
	}
	return 0, false
}
