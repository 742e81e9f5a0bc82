package identity

import (
	"strings"

	"google.golang.org/grpc/metadata"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/fault"
)

// The identity headers. No other header that begins with `jisr-` is let in, so
// that a misspelt one is never taken for an absent one.
const (
	OfficerHeader = "jisr-officer"
	PurposeHeader = "jisr-purpose"
	RoleHeader    = "jisr-role"

	headerPrefix = "jisr-"
)

// headers are the identity headers of a call; what was not sent is zero.
type headers struct {
	officer string
	purpose jisrv1.Purpose
	role    jisrv1.Role
}

var (
	roleByHeader    = byHeader(jisrv1.Role_name, agreement.RoleName)
	purposeByHeader = byHeader(jisrv1.Purpose_name, agreement.PurposeName)
)

// byHeader maps the header names of an enum's values to them, without the unspecified one.
func byHeader[E ~int32](numbers map[int32]string, header func(E) string) map[string]E {
	m := make(map[string]E, len(numbers))
	for number := range numbers {
		if number != 0 {
			m[header(E(number))] = E(number)
		}
	}
	return m
}

// readHeaders reads the identity headers. A repeated one is refused whatever
// its values: proxies and libraries differ in which they take, and that is how
// identities were smuggled elsewhere. The faults name headers, never values.
func readHeaders(md metadata.MD) (headers, error) {
	var h headers
	var wrong []fault.Violation
	one := func(header, rule string, accept func(string) bool) {
		values, ok := md[header]
		if !ok {
			return
		}
		if len(values) != 1 || !accept(values[0]) {
			wrong = append(wrong, fault.Violation{Field: header, Rule: rule})
		}
	}
	one(OfficerHeader, "once, 1 to 64 of A-Z a-z 0-9 . _ -", func(v string) bool {
		h.officer = v
		return isOfficer(v)
	})
	one(PurposeHeader, "once, a purpose of the contract in lower case", func(v string) bool {
		h.purpose = purposeByHeader[v]
		return h.purpose != 0
	})
	one(RoleHeader, "once, a role of the contract in lower case", func(v string) bool {
		h.role = roleByHeader[v]
		return h.role != 0
	})
	for key := range md {
		if len(key) < len(headerPrefix) || !strings.EqualFold(key[:len(headerPrefix)], headerPrefix) {
			continue
		}
		if key != OfficerHeader && key != PurposeHeader && key != RoleHeader {
			// The name is the caller's own text, so it is not repeated.
			wrong = append(wrong, fault.Violation{Field: headerPrefix + "*", Rule: "no jisr- header but jisr-officer, jisr-purpose and jisr-role"})
			break
		}
	}
	if len(wrong) > 0 {
		return headers{}, fault.New(fault.HeaderInvalid).Violating(wrong...)
	}
	return h, nil
}

// missing refuses a call that does not say for whom and what for.
func (h headers) missing() error {
	var wrong []fault.Violation
	if h.officer == "" {
		wrong = append(wrong, fault.Violation{Field: OfficerHeader, Rule: "required by this method"})
	}
	if h.purpose == 0 {
		wrong = append(wrong, fault.Violation{Field: PurposeHeader, Rule: "required by this method"})
	}
	if len(wrong) > 0 {
		return fault.New(fault.HeaderInvalid).Violating(wrong...)
	}
	return nil
}

// isOfficer reports whether s is [A-Za-z0-9._-]{1,64}.
func isOfficer(s string) bool {
	if len(s) < 1 || len(s) > 64 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '.' && c != '_' && c != '-' {
			return false
		}
	}
	return true
}
