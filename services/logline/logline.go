// Package logline is what the server's own log may hold: attributes from a closed
// list, each made of a type or held to a shape that has no room for a value of a
// record. Whatever is not on the list does not reach the log.
package logline

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"
	"unicode"

	"google.golang.org/grpc/codes"
)

// Reason is a stable name of why something was refused: upper case and underscores.
type Reason interface{ ~string }

// malformed stands for what did not fit.
const malformed = "malformed"

func shaped(key string, s shape, text string) slog.Attr {
	if !s.MatchString(text) {
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
		if known, ok := program(said[0]); ok && len(known) <= programLength {
			name = known
		}
	}
	return slog.String("user_agent", name)
}

// Keys are the attributes there are, beside time, level and message.
var Keys = []string{
	"action", "address", "agency", "agreement", "amiss", "code", "count", "incident", "issuer", "method", "operations", "part",
	"reason", "serial", "storage", "subject", "system", "took", "type", "user_agent",
}

var listed = func() map[string]bool {
	all := make(map[string]bool, len(Keys))
	for _, k := range Keys {
		all[k] = true
	}
	return all
}()

// New returns the server's log on w, as JSON or, for eyes, as text. An attribute
// that is not on the list is replaced by the word that there was one.
func New(format string, w io.Writer) *slog.Logger {
	if format == "text" {
		return slog.New(closed{Handler: slog.NewTextHandler(w, nil)})
	}
	all := &lines{w: w}
	return slog.New(closed{Handler: slog.NewJSONHandler(all, nil), lines: all})
}

// closed holds each line against the list. It stands before the library's handler,
// whose own way to replace attributes makes every line twice as dear.
type closed struct {
	slog.Handler
	grouped bool   // in a group nothing is on the list
	lines   *lines // where JSON goes; nil for text, and for lines that have attributes of their own
}

var unlisted = slog.Bool("unlisted", true)

// Handle lets a line through as it is, or without what is not on the list.
func (h closed) Handle(ctx context.Context, r slog.Record) error {
	sound := true
	r.Attrs(func(a slog.Attr) bool {
		sound = h.has(a)
		return sound
	})
	if sound {
		return h.Handler.Handle(ctx, r)
	}
	kept := slog.NewRecord(r.Time, r.Level, r.Message, r.PC)
	r.Attrs(func(a slog.Attr) bool {
		if !h.has(a) {
			a = unlisted
		}
		kept.AddAttrs(a)
		return true
	})
	return h.Handler.Handle(ctx, kept)
}

// WithAttrs is the handler of lines that all have these attributes.
func (h closed) WithAttrs(attrs []slog.Attr) slog.Handler {
	kept := slices.Clone(attrs)
	for i, a := range kept {
		if !h.has(a) {
			kept[i] = unlisted
		}
	}
	return closed{Handler: h.Handler.WithAttrs(kept), grouped: h.grouped}
}

// WithGroup is the handler of lines in a group, whose name is not told either.
func (h closed) WithGroup(string) slog.Handler { return closed{Handler: h.Handler, grouped: true} }

// has reports whether an attribute is on the list, and is itself and no group of others.
func (h closed) has(a slog.Attr) bool {
	return !h.grouped && a.Value.Kind() != slog.KindGroup && a.Value.Kind() != slog.KindLogValuer && listed[a.Key]
}
