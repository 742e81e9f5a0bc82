package main

import (
	"strconv"
	"strings"
	"unicode"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// shortNames returns the values of an enum without prefix, in lower case, as headers and flags have them.
func shortNames(d protoreflect.EnumDescriptor) []string {
	var names []string
	for i := 1; i < d.Values().Len(); i++ {
		names = append(names, strings.ToLower(short(d, d.Values().Get(i).Number())))
	}
	return names
}

// short returns a value's name without the enum's prefix; a number where this jisr does not know it.
func short(d protoreflect.EnumDescriptor, n protoreflect.EnumNumber) string {
	v := d.Values().ByNumber(n)
	if v == nil {
		return strconv.Itoa(int(n))
	}
	return strings.TrimPrefix(string(v.Name()), strings.TrimSuffix(string(d.Values().Get(0).Name()), "UNSPECIFIED"))
}

// enumName is short for a generated enum.
func enumName(e protoreflect.Enum) string { return short(e.Descriptor(), e.Number()) }

// lower is enumName in lower case, "-" where it is not set.
func lower(e protoreflect.Enum) string {
	if e.Number() == 0 {
		return "-"
	}
	return strings.ToLower(enumName(e))
}

// lowerAll joins the lower-case names of several values.
func lowerAll[E protoreflect.Enum](list []E, sep string) string {
	names := make([]string, len(list))
	for i, e := range list {
		names[i] = lower(e)
	}
	return strings.Join(names, sep)
}

func quoted(s string) string { return strconv.Quote(s) }

// visible makes control characters and the ones that turn the direction of text
// visible: a value of a record must not steer the terminal of who reads it.
func visible(s string) string {
	if strings.IndexFunc(s, steers) < 0 {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if steers(r) {
			b.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

func steers(r rune) bool {
	const firstOverride, lastOverride, firstIsolate, lastIsolate = '\u202a', '\u202e', '\u2066', '\u2069'
	return unicode.IsControl(r) && r != '\n' && r != '\t' ||
		r >= firstOverride && r <= lastOverride || r >= firstIsolate && r <= lastIsolate
}
