package main

import (
	"regexp"
	"strings"

	"google.golang.org/genproto/googleapis/rpc/errdetails"

	"github.com/jisr-exchange/jisr/services/fault"
)

// languageTag is what a language tag looks like (RFC 5646); metadata of a call takes nothing else than ASCII.
var languageTag = regexp.MustCompile(`^[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*$`)

// languageOf returns the language in which errors of the exchange are asked for,
// as a BCP 47 tag: the flag's, else the one of the messages of this session.
func (a *app) languageOf() string {
	if a.flags.language != "" {
		return a.flags.language
	}
	for _, variable := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		// The first that is set decides, as POSIX has it; ckb_IQ.UTF-8 is ckb-IQ.
		if value := a.getenv(variable); value != "" {
			value, _, _ = strings.Cut(value, ".")
			value, _, _ = strings.Cut(value, "@")
			if value == "C" || value == "POSIX" {
				return ""
			}
			if value = strings.ReplaceAll(value, "_", "-"); !languageTag.MatchString(value) {
				return "" // a variable that is spoilt must not fail the call
			}
			return value
		}
	}
	return ""
}

// Isolates of the Unicode bidirectional algorithm: a text between them turns
// nothing that stands beside it.
const (
	rightToLeft = "\u2067"
	endIsolate  = "\u2069"
)

// ltrIsolate is a name of the contract inside a text that runs from right to left.
var ltrIsolate = regexp.MustCompile("\u2066[^\u2066-\u2069]*\u2069")

// localized makes a text of the catalogue ready for a terminal: isolates in pairs
// stay, whatever else steers is made visible, and the whole stands in an isolate.
func localized(s string) string {
	var b strings.Builder
	b.WriteString(rightToLeft)
	at := 0
	for _, span := range ltrIsolate.FindAllStringIndex(s, -1) {
		b.WriteString(visible(s[at:span[0]]))
		inner := s[span[0]+len("\u2066") : span[1]-len(endIsolate)]
		b.WriteString("\u2066" + visible(inner) + endIsolate)
		at = span[1]
	}
	b.WriteString(visible(s[at:]))
	b.WriteString(endIsolate)
	return b.String()
}

// inOwnLanguage splits a localized message of the exchange into what happened and what to do.
func inOwnLanguage(l *errdetails.LocalizedMessage) (message, action string) {
	message, action, _ = strings.Cut(l.GetMessage(), "\n")
	return localized(message), localized(action)
}

// languages are those that errors of the exchange have texts in.
func languages() []string {
	names := []string{string(fault.English)}
	for _, l := range fault.Languages() {
		names = append(names, string(l))
	}
	return names
}
