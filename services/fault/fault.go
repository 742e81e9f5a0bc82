// Package fault is the closed catalogue of what jisr answers when it does not
// answer OK. Every error that crosses to an agency is one of these: a code, a
// stable reason, a sentence and what to do about it. A value from a record, a
// database text or the text of a Go error never crosses.
package fault

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
)

// Domain is the ErrorInfo domain of every fault (AIP-193).
const Domain = "jisr"

// Reason is the stable name of a fault, as ErrorInfo.reason.
type Reason string

// Violation is one thing wrong with a request: where, and what the rule is. It never holds the value.
type Violation struct {
	// Field is the path in the request, as `victim.location.phone`.
	Field string
	// Rule is what the field must satisfy.
	Rule string
}

// Fault is an error of the catalogue.
type Fault struct {
	reason     Reason
	violations []Violation
	meta       map[string]string
	retryAfter time.Duration
}

// New returns the fault of that reason. A reason that is not catalogued becomes INTERNAL.
func New(r Reason) *Fault { return &Fault{reason: r} }

// Invalid returns an INVALID fault that names every violation.
func Invalid(vs ...Violation) *Fault { return New(InvalidRequest).Violating(vs...) }

// Violating adds violations.
func (f *Fault) Violating(vs ...Violation) *Fault {
	f.violations = append(f.violations, vs...)
	return f
}

// With adds a fact that the caller may know, under a stable key; never a value of a record.
func (f *Fault) With(key, fact string) *Fault {
	if f.meta == nil {
		f.meta = make(map[string]string)
	}
	f.meta[key] = fact
	return f
}

// RetryAfter says when a repetition may help.
func (f *Fault) RetryAfter(d time.Duration) *Fault {
	f.retryAfter = d
	return f
}

// Reason returns the stable name. One that nobody gave a reason is INTERNAL too:
// its code would else be OK, and a refusal would look like a success.
func (f *Fault) Reason() Reason {
	if _, ok := catalogue[f.reason]; !ok {
		return Internal
	}
	return f.reason
}

// Code returns the gRPC code.
func (f *Fault) Code() codes.Code { return catalogue[f.Reason()].code }

// Error gives the reason and the violated paths; for logs, which may hold no more.
func (f *Fault) Error() string {
	text := string(f.Reason())
	for _, v := range f.violations {
		text += " " + v.Field
	}
	return text
}

// Is makes errors.Is compare by reason.
func (f *Fault) Is(target error) bool {
	other, ok := target.(*Fault)
	return ok && other.Reason() == f.Reason()
}

// GRPCStatus renders the fault for the wire in English.
func (f *Fault) GRPCStatus() *status.Status { return f.StatusIn(English) }

// StatusIn renders the fault for the wire: ErrorInfo always, BadRequest and
// RetryInfo where they apply, and in another language than English a
// LocalizedMessage; each detail type once (AIP-193). Beside the language it
// depends on the fault alone, so what is hidden and what is absent stay alike.
func (f *Fault) StatusIn(l Language) *status.Status {
	reason := f.Reason()
	e := catalogue[reason]
	st := status.New(e.code, e.message)
	info := &errdetails.ErrorInfo{Reason: string(reason), Domain: Domain, Metadata: maps.Clone(f.meta)}
	if info.Metadata == nil {
		info.Metadata = make(map[string]string)
	}
	info.Metadata["action"] = e.action
	details := []proto.Message{info}
	if len(f.violations) > 0 {
		bad := badRequest(f.violations, l)
		if len(bad.GetFieldViolations()) < len(f.violations) {
			info.Metadata["violations"] = strconv.Itoa(len(f.violations))
		}
		details = append(details, bad)
	}
	if f.retryAfter > 0 {
		details = append(details, &errdetails.RetryInfo{RetryDelay: durationpb.New(f.retryAfter)})
	}
	if message, action := DescribeIn(reason, l); l != English {
		// What happened and what to do are two lines: each is a paragraph of its own direction.
		details = append(details, &errdetails.LocalizedMessage{Locale: string(l), Message: message + "\n" + action})
	}
	// In one form for the same fault: ErrorInfo holds a map, whose entries would
	// else go out in another order each time.
	p := st.Proto()
	for _, d := range details {
		packed := &anypb.Any{}
		if err := anypb.MarshalFrom(packed, d, proto.MarshalOptions{Deterministic: true}); err != nil {
			// Only a detail that cannot be marshalled gets here; the bare status still holds.
			return st
		}
		p.Details = append(p.Details, packed)
	}
	return status.FromProto(p)
}

// maxViolations bounds the bytes in which violations are told. Errors travel in
// trailers, for which gRPC's protocol suggests 8 KiB in all and of which most
// clients take no more: to them an error that is longer is none that they can read.
const maxViolations = 4 << 10

// badRequest names the violations by their paths, as many as there is room for,
// and in what room is left then says the rules in the other language, too.
func badRequest(violations []Violation, l Language) *errdetails.BadRequest {
	bad := &errdetails.BadRequest{}
	vs := slices.Clone(violations)
	slices.SortStableFunc(vs, func(a, b Violation) int { return strings.Compare(a.Field, b.Field) })
	room := maxViolations
	for i, v := range vs {
		field := &errdetails.BadRequest_FieldViolation{Field: v.Field, Description: v.Rule}
		if room -= encoded(field); room < 0 && i > 0 {
			return bad
		}
		bad.FieldViolations = append(bad.FieldViolations, field)
	}
	for _, field := range bad.GetFieldViolations() {
		text := ruleIn(field.GetDescription(), l)
		if l == English || text == "" {
			continue
		}
		said := &errdetails.LocalizedMessage{Locale: string(l), Message: text}
		if room -= encoded(said) + 2; room < 0 { // what it lies in has longer lengths for it
			return bad
		}
		field.LocalizedMessage = said
	}
	return bad
}

// encoded is what a message takes inside another: itself, a tag and a length of two bytes.
func encoded(m proto.Message) int { return proto.Size(m) + 3 }
