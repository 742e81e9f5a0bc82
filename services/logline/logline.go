// Package logline is what the server's own log may hold: attributes from a closed
// list, each made of a type or held to a shape that has no room for a value of a
// record. Whatever is not on the list does not reach the log.
package logline

import (
	"fmt"
	"io"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"google.golang.org/grpc/codes"
)

// Reason is a stable name of why something was refused: upper case and underscores.
type Reason interface{ ~string }

// The shapes. What does not fit one is replaced, since it came from elsewhere than it should.
var (
	methods  = regexp.MustCompile(`^[A-Za-z0-9.]+/[A-Za-z0-9]+$`)
	slugs    = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)
	reasons  = regexp.MustCompile(`^[A-Z][A-Z0-9_]{0,62}$`)
	ids      = regexp.MustCompile(`^[a-z2-7]{26}$`)
	hashes   = regexp.MustCompile(`^[0-9a-f]{64}$`)
	words    = regexp.MustCompile(`^[a-z]{1,20}$`)
	sqlCodes = regexp.MustCompile(`^SQLITE_[A-Z_]{1,40}$|^sqlite error [0-9]+$|^SQLSTATE_[0-9A-Z]{5}$`)
	sockets  = regexp.MustCompile(`^[0-9A-Za-z.:%\[\]-]{1,80}$`)
	// programs are a product and its version, of what a client says first of itself.
	// The numbers are short, so that neither a telephone nor a civil number passes
	// for a version; what follows (platform, remarks, a build's name) is not ours to keep.
	programs = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9_-]*/v?[0-9]{1,5}(?:\.[0-9]{1,5}){0,3})(?:[ +-]|$)`)
)

// malformed stands for what did not fit.
const malformed = "malformed"

func shaped(key string, shape *regexp.Regexp, text string) slog.Attr {
	if !shape.MatchString(text) {
		text = malformed
	}
	return slog.String(key, text)
}

// Method is an rpc that the server has, such as CaseService/GetCase.
func Method(name string) slog.Attr { return shaped("method", methods, strings.TrimPrefix(name, "/")) }

// Code is what a call was answered.
func Code(c codes.Code) slog.Attr { return slog.String("code", c.String()) }

// Took is how long something took.
func Took(d time.Duration) slog.Attr { return slog.Duration("took", d.Round(time.Microsecond)) }

// Agency is the agency that a certificate names.
func Agency(slug string) slog.Attr { return shaped("agency", slugs, slug) }

// System is the agency's system that a certificate names.
func System(slug string) slog.Attr { return shaped("system", slugs, slug) }

// Why is the reason of a refusal.
func Why[R Reason](r R) slog.Attr { return shaped("reason", reasons, string(r)) }

// Advice is what helps against a refusal: a text of this program, and never built from another's.
type Advice string

// Action is what the operator can do.
func Action(a Advice) slog.Attr { return slog.String("action", string(a)) }

// Incident is the number of an internal error.
func Incident(id string) slog.Attr { return shaped("incident", ids, id) }

// TypeOf is the type of an error or a panic's value, and never its text.
func TypeOf(v any) slog.Attr { return slog.String("type", fmt.Sprintf("%T", v)) }

// Storage is the database's own code of an error.
func Storage(code string) slog.Attr { return shaped("storage", sqlCodes, code) }

// Agreement is the hash of an agreement.
func Agreement(hash string) slog.Attr { return shaped("agreement", hashes, hash) }

// Address is where the server listens: the operator's own setting.
func Address(a string) slog.Attr { return shaped("address", sockets, a) }

// Operations is where metrics and health are told.
func Operations(a string) slog.Attr { return shaped("operations", sockets, a) }

// Part is a part of the server that health tells apart.
func Part(name string) slog.Attr { return shaped("part", words, name) }

// Subject is what the certificate of a refused connection says of itself, for
// the operator who has to help. It names a system and not a person, and nobody
// vouches for it, so it is cut to one short line; so are the next two.
func Subject(name string) slog.Attr { return slog.String("subject", oneLine(name)) }

// Serial is that certificate's serial number.
func Serial(hex string) slog.Attr { return slog.String("serial", oneLine(hex)) }

// Issuer is who that certificate says issued it.
func Issuer(name string) slog.Attr { return slog.String("issuer", oneLine(name)) }

// Count is how many more there were of what a line tells.
func Count(n int) slog.Attr { return slog.Int("count", n) }

// Amiss is what is wrong with a file of the operator: configuration, agreement,
// certificates, revocation lists. It must not be used for anything else: of
// what came from a caller or the store, log TypeOf.
func Amiss(err error) slog.Attr { return slog.String("amiss", err.Error()) }

func oneLine(s string) string {
	var b strings.Builder
	for n, r := range []rune(s) {
		if n == 200 {
			b.WriteString("…")
			break
		}
		if !unicode.IsPrint(r) {
			r = unicode.ReplacementChar
		}
		b.WriteRune(r)
	}
	return b.String()
}

// programLength bounds what a peer can write into a log by its own words.
const programLength = 64

// Program is which client program calls, by its user-agent, where that begins in
// the form of a product and version; else it is "other". An operator needs it to
// know whose library is old, and needs nothing else that a peer writes there.
func Program(said []string) slog.Attr {
	name := "other"
	if len(said) == 1 {
		if form := programs.FindStringSubmatch(said[0]); form != nil && len(form[1]) <= programLength {
			name = form[1]
		}
	}
	return slog.String("user_agent", name)
}

// Keys are the attributes there are, beside time, level and message.
var Keys = []string{
	"action", "address", "agency", "agreement", "amiss", "code", "count", "incident", "issuer", "method", "operations", "part",
	"reason", "serial", "storage", "subject", "system", "took", "type", "user_agent",
}

// New returns the server's log on w, as JSON or, for eyes, as text. An attribute
// that is not on the list is replaced by the word that there was one.
func New(format string, w io.Writer) *slog.Logger {
	options := &slog.HandlerOptions{ReplaceAttr: onlyListed}
	if format == "text" {
		return slog.New(slog.NewTextHandler(w, options))
	}
	return slog.New(slog.NewJSONHandler(w, options))
}

func onlyListed(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && (slices.Contains(Keys, a.Key) || a.Key == slog.TimeKey || a.Key == slog.LevelKey || a.Key == slog.MessageKey) {
		return a
	}
	return slog.Bool("unlisted", true)
}
