package record

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// A record travels from the store to the page gate inside its generated type:
// the header set, the sections sealed and carried as unknown fields in a number
// range that the contract reserves for them. A handler cannot read them, a
// generated message marshals them by copy, and a reply that bypassed the gate
// would hold ciphertext that no client's parser touches. Where nothing but the gate
// asks for more, the type holds the record's name alone.

// sealNumber carries the record's key id and the marks of its header.
const sealNumber protowire.Number = lastSealed

// Section is one sealed section.
type Section struct {
	// Number is the field's number in the record.
	Number protowire.Number
	// Revision counts the section's changes, from 1.
	Revision uint64
	// Time is when it last changed, in microseconds since 1970.
	Time int64
	// Author is the agency that wrote this revision, by its slug.
	Author string
	// Sealed is the section's encoding under the subject's key.
	Sealed []byte
}

// Mark says when and by whom the header fields of one class last changed.
type Mark struct {
	// Class is the class of the fields.
	Class Class
	// Revision counts changes, from 1.
	Revision uint64
	// Time is when they last changed, in microseconds since 1970.
	Time int64
	// Author is the agency that changed them, by its slug.
	Author string
}

// Envelope is all that a record at rest has beside its header.
type Envelope struct {
	// KeyID names the data key of the record's subject; empty where nothing is sealed.
	KeyID string
	// Marks are the marks of the header's classes.
	Marks []Mark
	// Sections are the sealed sections, by number.
	Sections []Section
}

var errEnvelope = errors.New("record: broken envelope")

// Append encodes the envelope after b.
func (e *Envelope) Append(b []byte) []byte {
	var inner []byte
	inner = protowire.AppendString(inner, e.KeyID)
	for _, m := range e.Marks {
		inner = protowire.AppendVarint(inner, uint64(m.Class))
		inner = protowire.AppendVarint(inner, m.Revision)
		inner = protowire.AppendVarint(inner, uint64(m.Time))
		inner = protowire.AppendString(inner, m.Author)
	}
	b = protowire.AppendTag(b, sealNumber, protowire.BytesType)
	b = protowire.AppendBytes(b, inner)
	for _, s := range e.Sections {
		size := protowire.SizeVarint(s.Revision) + protowire.SizeVarint(uint64(s.Time)) +
			protowire.SizeBytes(len(s.Author)) + len(s.Sealed)
		b = protowire.AppendTag(b, firstSealed+s.Number, protowire.BytesType)
		b = protowire.AppendVarint(b, uint64(size))
		b = protowire.AppendVarint(b, s.Revision)
		b = protowire.AppendVarint(b, uint64(s.Time))
		b = protowire.AppendString(b, s.Author)
		b = append(b, s.Sealed...)
	}
	return b
}

// ParseEnvelope reads an envelope. The result shares b's memory.
func ParseEnvelope(b []byte) (Envelope, error) {
	var e Envelope
	if err := e.parse(b, every); err != nil {
		return Envelope{}, err
	}
	return e, nil
}

var lent = sync.Pool{New: func() any { return new(Envelope) }}

// LendEnvelope is ParseEnvelope for whoever gives the result back: reading a
// record then needs no memory of its own.
func LendEnvelope(b []byte) (*Envelope, error) { return lend(b, every) }

// LendWithin is LendEnvelope without the sections that a lens does not open: they are
// passed over.
func LendWithin(b []byte, t *Type, lens ClassSet) (*Envelope, error) {
	return lend(b, func(n protowire.Number) bool {
		f, ok := t.Field(n)
		return ok && lens.Has(f.Class)
	})
}

func lend(b []byte, wanted func(protowire.Number) bool) (*Envelope, error) {
	e := lent.Get().(*Envelope)
	if err := e.parse(b, wanted); err != nil {
		e.GiveBack()
		return nil, err
	}
	return e, nil
}

func every(protowire.Number) bool { return true }

// GiveBack ends the use of a lent envelope; it keeps nothing of the record alive.
func (e *Envelope) GiveBack() {
	clear(e.Sections)
	lent.Put(e)
}

// parse reads an envelope with the sections that are wanted into e, whose room it uses again.
func (e *Envelope) parse(b []byte, wanted func(protowire.Number) bool) error {
	author, keyed := "", false
	if len(e.Marks) > 0 {
		author = e.Marks[0].Author // of the record before; see same
	}
	e.Marks, e.Sections = e.Marks[:0], e.Sections[:0]
	for len(b) > 0 {
		num, size, n := sealedHead(b)
		if n < 0 || size > uint64(len(b)-n) {
			return errEnvelope
		}
		end := n + int(size)
		payload := b[n:end:end]
		b = b[end:]
		var err error
		switch {
		case num == sealNumber:
			keyed = true
			err = e.parseSeal(payload, &author)
		case wanted(num - firstSealed):
			err = e.parseSection(num-firstSealed, payload, &author)
		}
		if err != nil {
			return err
		}
	}
	if !keyed {
		e.KeyID = ""
	}
	return nil
}

// sealedHead reads tag and length of a field of the reserved range: as Append writes
// them at once, and as others might by the library. n is negative where it is none.
func sealedHead(b []byte) (num protowire.Number, size uint64, n int) {
	if len(b) >= 5 {
		w := binary.LittleEndian.Uint32(b)
		// Three bytes of tag, and the first of a length.
		if num = protowire.Number(w>>3&0xf | w>>4&0x7f0 | w>>5&0x3f800); w&0x808087 == 0x8080|uint32(protowire.BytesType) && num >= firstSealed && num <= lastSealed {
			switch size = uint64(w >> 24); {
			case size < 0x80:
				return num, size, 4
			case b[4] < 0x80:
				return num, size&0x7f | uint64(b[4])<<7, 5
			}
		}
	}
	num, typ, n := protowire.ConsumeTag(b)
	if n < 0 || typ != protowire.BytesType || num < firstSealed || num > lastSealed {
		return 0, 0, -1
	}
	size, m := protowire.ConsumeVarint(b[n:])
	if m < 0 {
		return 0, 0, -1
	}
	return num, size, n + m
}

func (e *Envelope) parseSeal(p []byte, author *string) error {
	key, n := protowire.ConsumeBytes(p)
	if n < 0 {
		return errEnvelope
	}
	e.KeyID = same(key, e.KeyID)
	for p = p[n:]; len(p) > 0; {
		class, a := protowire.ConsumeVarint(p)
		if a < 0 {
			return errEnvelope
		}
		revision, time, by, rest, err := parseRevision(p[a:])
		if err != nil {
			return err
		}
		*author = same(by, *author)
		e.Marks = append(e.Marks, Mark{Class: Class(class), Revision: revision, Time: time, Author: *author})
		p = rest
	}
	return nil
}

func (e *Envelope) parseSection(n protowire.Number, p []byte, author *string) error {
	revision, time, by, rest, err := parseRevision(p)
	if err != nil {
		return err
	}
	*author = same(by, *author)
	e.Sections = append(e.Sections, Section{Number: n, Revision: revision, Time: time, Author: *author, Sealed: rest})
	return nil
}

// same returns b as a string, without a copy where it is the one at hand: most
// of a record is of one author.
func same(b []byte, s string) string {
	if string(b) == s {
		return s
	}
	return string(b)
}

func parseRevision(p []byte) (revision uint64, time int64, author, rest []byte, err error) {
	revision, a := protowire.ConsumeVarint(p)
	if a < 0 {
		return 0, 0, nil, nil, errEnvelope
	}
	micros, b := protowire.ConsumeVarint(p[a:])
	if b < 0 {
		return 0, 0, nil, nil, errEnvelope
	}
	name, c := protowire.ConsumeBytes(p[a+b:])
	if c < 0 {
		return 0, 0, nil, nil, errEnvelope
	}
	return revision, int64(micros), name, p[a+b+c:], nil
}

// Mark returns the mark of a class.
func (e *Envelope) Mark(c Class) (Mark, bool) {
	for _, m := range e.Marks {
		if m.Class == c {
			return m, true
		}
	}
	return Mark{}, false
}

// SetMark puts a mark in the place of its class's older one.
func (e *Envelope) SetMark(m Mark) {
	for i := range e.Marks {
		if e.Marks[i].Class == m.Class {
			e.Marks[i] = m
			return
		}
	}
	e.Marks = append(e.Marks, m)
}

// Section returns the section of that number.
func (e *Envelope) Section(n protowire.Number) (Section, bool) {
	for _, s := range e.Sections {
		if s.Number == n {
			return s, true
		}
	}
	return Section{}, false
}

// SetSection puts a section in the place of its older revision; sections stay ordered by number.
func (e *Envelope) SetSection(s Section) {
	for i := range e.Sections {
		if e.Sections[i].Number == s.Number {
			e.Sections[i] = s
			return
		}
		if e.Sections[i].Number > s.Number {
			e.Sections = append(e.Sections[:i], append([]Section{s}, e.Sections[i:]...)...)
			return
		}
	}
	e.Sections = append(e.Sections, s)
}

// Own returns the classes of which the agency wrote every current revision.
func (e *Envelope) Own(t *Type, agency string) ClassSet {
	var own, others ClassSet
	for _, m := range e.Marks {
		if m.Author == agency {
			own |= Classes(m.Class)
		} else {
			others |= Classes(m.Class)
		}
	}
	for _, s := range e.Sections {
		f, ok := t.Field(s.Number)
		if !ok {
			continue
		}
		if s.Author == agency {
			own |= Classes(f.Class)
		} else {
			others |= Classes(f.Class)
		}
	}
	return own &^ others
}

// Attach puts a record's encoded envelope into its generated type.
func Attach(m proto.Message, envelope []byte) {
	m.ProtoReflect().SetUnknown(protoreflect.RawFields(envelope))
}

// Detach returns the encoded envelope of a record. It fails on an unknown field
// outside of the reserved range: such a record did not come from the store.
func Detach(m proto.Message) ([]byte, error) {
	raw := m.ProtoReflect().GetUnknown()
	for b := raw; len(b) > 0; {
		num, _, n := protowire.ConsumeField(b)
		if n < 0 {
			return nil, errEnvelope
		}
		if num < firstSealed || num > lastSealed {
			return nil, fmt.Errorf("record: unknown field %d in a record", num)
		}
		b = b[n:]
	}
	return raw, nil
}
