package logline

import (
	"regexp"
	"strings"
)

// shape is a form that a text has or has not.
type shape interface{ MatchString(text string) bool }

// The shapes. What does not fit one is replaced, since it came from elsewhere than it should.
var (
	reasons  = regexp.MustCompile(`^[A-Z][A-Z0-9_]{0,62}$`)
	ids      = regexp.MustCompile(`^[a-z2-7]{26}$`)
	hashes   = regexp.MustCompile(`^[0-9a-f]{64}$`)
	words    = regexp.MustCompile(`^[a-z]{1,20}$`)
	sqlCodes = regexp.MustCompile(`^SQLITE_[A-Z_]{1,40}$|^sqlite error [0-9]+$|^SQLSTATE_[0-9A-Z]{5}$`)
	sockets  = regexp.MustCompile(`^[0-9A-Za-z.:%\[\]-]{1,80}$`)
)

// The shapes of every call's line are read by hand: by expressions they were
// 2 µs, more than the line itself. A test holds them to the expressions.
type form func(text string) bool

// MatchString reports whether a text has the form.
func (f form) MatchString(text string) bool { return f(text) }

// methods are ^[A-Za-z0-9.]+/[A-Za-z0-9]+$.
var methods form = func(text string) bool {
	service, verb, ok := strings.Cut(text, "/")
	return ok && service != "" && verb != "" &&
		only(service, func(c byte) bool { return letter(c) || digit(c) || c == '.' }) &&
		only(verb, func(c byte) bool { return letter(c) || digit(c) })
}

// slugs are ^[a-z0-9][a-z0-9-]{0,62}$.
var slugs form = func(text string) bool {
	return text != "" && len(text) <= 63 && text[0] != '-' &&
		only(text, func(c byte) bool { return 'a' <= c && c <= 'z' || digit(c) || c == '-' })
}

// program is what a text begins with, if that is a product and its version:
// ^[A-Za-z][A-Za-z0-9_-]*/v?[0-9]{1,5}(\.[0-9]{1,5}){0,3} before a blank, + or -, or the end.
// The numbers are short, so that neither a telephone nor a civil number passes
// for a version; what follows (platform, remarks, a build's name) is not ours to keep.
func program(text string) (string, bool) {
	product, rest, ok := strings.Cut(text, "/")
	if !ok || product == "" || !letter(product[0]) ||
		!only(product, func(c byte) bool { return letter(c) || digit(c) || c == '_' || c == '-' }) {
		return "", false
	}
	rest = strings.TrimPrefix(rest, "v")
	for part := 0; part < 4; part++ {
		n := 0
		for n < len(rest) && digit(rest[n]) {
			n++
		}
		if n < 1 || n > 5 {
			return "", false
		}
		if rest = rest[n:]; rest == "" || strings.IndexByte(" +-", rest[0]) >= 0 {
			return text[:len(text)-len(rest)], true
		}
		if rest[0] != '.' {
			return "", false
		}
		rest = rest[1:]
	}
	return "", false
}

func only(text string, of func(byte) bool) bool {
	for i := range len(text) {
		if !of(text[i]) {
			return false
		}
	}
	return true
}

func letter(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }

func digit(c byte) bool { return '0' <= c && c <= '9' }
