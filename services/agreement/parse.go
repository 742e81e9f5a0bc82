package agreement

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"

	"google.golang.org/protobuf/encoding/prototext"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/record"
)

// Mistakes is the error of an agreement that does not hold: everything that is
// wrong with it at once, so that it is mended in one pass.
type Mistakes []string

// Error lists the mistakes, one a line.
func (m Mistakes) Error() string {
	count := "1 mistake"
	if len(m) != 1 {
		count = fmt.Sprintf("%d mistakes", len(m))
	}
	return fmt.Sprintf("agreement: %s:\n  %s", count, strings.Join(m, "\n  "))
}

// position is how prototext says where it stopped, after a prefix whose blank
// it varies so that nobody relies on its words.
var position = regexp.MustCompile(`^proto:[ \x{a0}]+(?:syntax error )?(?:\(line (\d+):(\d+)\): )?`)

// unreadable says where the text ceases to be an agreement. An end in the midst
// of a block has no position in prototext: it is on the last line.
func unreadable(text []byte, err error) string {
	where := fmt.Sprintf("line %d: ", bytes.Count(text, []byte("\n"))+1)
	if at := position.FindStringSubmatch(err.Error()); at != nil && at[1] != "" {
		where = "line " + at[1] + ", column " + at[2] + ": "
	}
	return where + position.ReplaceAllString(err.Error(), "") + "; what follows was not read"
}

// Parse reads an agreement from its text. The agreement must be total: every
// role with every class and every record, every rpc, purpose and kind of
// referral is written out exactly once. What is merely missing would be denied
// anyway; it is refused so that a gap is never taken for a decision.
//
// Parse answers with all mistakes in one error of type Mistakes. A mistake of
// syntax (an unknown field or name among them) is named by line and column,
// and hides the others, because nothing after it can be read for certain.
func Parse(text []byte) (*Law, error) {
	msg := &jisrv1.Agreement{}
	if err := prototext.Unmarshal(text, msg); err != nil {
		return nil, Mistakes{unreadable(text, err)}
	}
	return read(msg, text)
}

// ParseFormer reads an agreement to compare with, which may come from before a
// role, class, record, rpc or purpose of today's contract: what it does not name
// was denied under it. The exchange never decides by what ParseFormer returns.
func ParseFormer(text []byte) (*Law, error) {
	msg := &jisrv1.Agreement{}
	if err := prototext.Unmarshal(text, msg); err != nil {
		return nil, Mistakes{err.Error()}
	}
	return (&parser{msg: msg, former: true}).read(text)
}

// read turns a decoded agreement into a law.
func read(msg *jisrv1.Agreement, text []byte) (*Law, error) {
	return (&parser{msg: msg}).read(text)
}

func (p *parser) read(text []byte) (*Law, error) {
	sum, msg := sha256.Sum256(text), p.msg
	p.law = &Law{
		text:          append([]byte(nil), text...),
		hash:          hex.EncodeToString(sum[:]),
		title:         msg.GetTitle(),
		edition:       msg.GetEdition(),
		agencies:      make(map[string]*Agency),
		reasons:       make(map[int32]reason),
		rpcs:          make(map[string]RoleSet),
		shelves:       make(map[string]*[maxRoles]LinkSet),
		referrals:     make(map[jisrv1.Referral_Kind]Referral),
		notifications: make(map[jisrv1.Notification_Subject]Notification),
	}
	// Reasons and agencies first: what follows points to them.
	for _, part := range []func(){
		p.head, p.reasons, p.agencies, p.roles, p.purposes, p.rpcs, p.records, p.classes, p.referrals, p.notifications,
	} {
		part()
	}
	if len(p.mistakes) > 0 {
		return nil, p.mistakes
	}
	for _, role := range every[jisrv1.Role]() {
		p.law.lenses[role] = makeLens(&p.law.cells[role])
	}
	return p.law, nil
}

// parser gathers a law and the mistakes on the way to it.
type parser struct {
	msg      *jisrv1.Agreement
	law      *Law
	former   bool // gaps are taken for denials
	mistakes Mistakes
}

func (p *parser) wrong(format string, args ...any) {
	p.mistakes = append(p.mistakes, fmt.Sprintf(format, args...))
}

// gap notes what is missing altogether.
func (p *parser) gap(format string, args ...any) {
	if !p.former {
		p.wrong(format, args...)
	}
}

// checkReasons demands at least one reason, each of which exists.
func (p *parser) checkReasons(where string, codes []int32) {
	if len(codes) == 0 {
		p.wrong("%s: no reason", where)
	}
	for _, code := range codes {
		if _, ok := p.law.reasons[code]; !ok {
			p.wrong("%s: reason %d does not exist", where, code)
		}
	}
}

// seen holds which values of an enum have occurred. The contract's enums stay
// below 64, and once asks before it notes.
type seen[E enum] uint64

// checkAll demands that every value of the enum was seen.
func (s seen[E]) checkAll(p *parser, where string) {
	for _, e := range every[E]() {
		if s&(1<<uint(e)) == 0 {
			p.gap("%s: %v is missing", where, e)
		}
	}
}

// once demands that a value exists in the contract and was not seen before,
// and notes that it was seen.
func (s *seen[E]) once(p *parser, where string, e E) bool {
	switch {
	case !defined(e):
		p.wrong("%s: %v is not a value of the contract", where, e)
		return false
	case *s&(1<<uint(e)) != 0:
		p.wrong("%s: %v is there twice", where, e)
		return false
	}
	*s |= 1 << uint(e)
	return true
}

// distinct demands of a list that its values exist and occur once, and returns those that do.
func distinct[E enum](p *parser, where string, list []E) []E {
	var s seen[E]
	good := make([]E, 0, len(list))
	for _, e := range list {
		if s.once(p, where, e) {
			good = append(good, e)
		}
	}
	return good
}

func (p *parser) classSet(where string, list []jisrv1.DataClass) record.ClassSet {
	return record.Classes(distinct(p, where, list)...)
}
