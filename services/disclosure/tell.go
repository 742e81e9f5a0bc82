package disclosure

import (
	"context"
	"fmt"
	"strings"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/record"
)

// Tell merges what a caller tells into a record and seals it. The classes of
// what is told are the write guard: one outside of the write lens refuses the
// whole call and names the paths, never the values. Sections that are not named
// are neither touched nor opened.
func (p *Page) Tell(ctx context.Context, t *agreement.Telling) (agreement.Told, error) {
	typ := record.TypeOf(t.Record)
	parts, err := partsOf(typ, t)
	if err != nil {
		return agreement.Told{}, err
	}
	write, read := t.Law.Write(t.Role, t.Purpose, t.Standing), t.Law.Read(t.Role, t.Purpose, t.Standing)
	told := agreement.Told{}
	var denied []fault.Violation
	for _, part := range parts {
		if !write.Has(part.field.Class) {
			denied = append(denied, fault.Violation{
				Field: requestPath(typ, part.field.Desc),
				Rule:  "your role may not tell " + className(part.field.Class) + " of this record",
			})
			continue
		}
		if t.Mask != nil && keptByAnother(typ, t, part.field) && !read.Has(part.field.Class) {
			denied = append(denied, fault.Violation{
				Field: requestPath(typ, part.field.Desc),
				Rule:  "another agency keeps this part, and your agency may not read it: ask whoever " + className(part.field.Class) + " belongs to",
			})
			continue
		}
		told.Classes |= record.Classes(part.field.Class)
		told.Changed = append(told.Changed, part.paths()...)
	}
	if len(denied) > 0 {
		return agreement.Told{}, fault.New(fault.ClassNotWritable).Violating(denied...)
	}
	for _, part := range parts {
		if err := p.keep(ctx, typ, t, part); err != nil {
			return agreement.Told{}, err
		}
	}
	return told, nil
}

// keptByAnother reports whether another agency wrote what stands there now. Who
// may not read another's words may neither wipe them nor, by adding one leaf,
// become their author and so read the rest. That somebody wrote something is
// told by the refusal: the lesser evil, and in the log.
func keptByAnother(typ *record.Type, t *agreement.Telling, f record.Field) bool {
	if typ.IsSection(f.Number) {
		s, ok := t.Envelope.Section(f.Number)
		return ok && s.Author != t.Agency
	}
	m, ok := t.Envelope.Mark(f.Class)
	return ok && m.Author != t.Agency
}

// part is one top-level field that is told: whole, or only some leaves of it.
type part struct {
	field  record.Field
	leaves [][]string // paths inside a section; none: the whole field
}

func (p part) paths() []string {
	top := string(p.field.Desc.Name())
	if len(p.leaves) == 0 {
		return []string{top}
	}
	paths := make([]string, len(p.leaves))
	for i, leaf := range p.leaves {
		paths[i] = top + "." + strings.Join(leaf, ".")
	}
	return paths
}

// partsOf finds what is told: for a new record all that is set, else what the mask names.
func partsOf(typ *record.Type, t *agreement.Telling) ([]part, error) {
	if t.Mask != nil {
		return maskParts(typ, t.Mask)
	}
	var parts []part
	r := t.Incoming.ProtoReflect()
	for _, fields := range [][]record.Field{typ.Header, typ.Sections} {
		for _, f := range fields {
			if r.Has(f.Desc) && tellable(f.Desc) {
				parts = append(parts, part{field: f})
			}
		}
	}
	return parts, nil
}

// tellable reports whether a caller may set a field at all; what is output only is the server's.
func tellable(fd protoreflect.FieldDescriptor) bool {
	return record.ClassOf(fd) != jisrv1.DataClass_DATA_CLASS_REFERENCE &&
		!has(fd, annotations.FieldBehavior_OUTPUT_ONLY, annotations.FieldBehavior_IDENTIFIER)
}

func maskParts(typ *record.Type, mask []string) ([]part, error) {
	var parts []part
	at := make(map[protoreflect.FieldNumber]int)
	var wrong []fault.Violation
	for i, path := range mask {
		steps := strings.Split(path, ".")
		f, rule := maskField(typ, steps)
		if rule != "" {
			wrong = append(wrong, fault.Violation{Field: fmt.Sprintf("update_mask.paths[%d]", i), Rule: rule})
			continue
		}
		n, seen := at[f.Number]
		if !seen {
			n = len(parts)
			at[f.Number] = n
			parts = append(parts, part{field: f})
		}
		switch {
		case len(steps) == 1:
			parts[n].leaves = nil
		case !seen || len(parts[n].leaves) > 0:
			parts[n].leaves = append(parts[n].leaves, steps[1:])
		}
	}
	if len(wrong) > 0 {
		return nil, fault.Invalid(wrong...)
	}
	return parts, nil
}

// maskField resolves one path of a mask, or says what is wrong with it.
func maskField(typ *record.Type, steps []string) (record.Field, string) {
	fd := typ.Desc.Fields().ByName(protoreflect.Name(steps[0]))
	if fd == nil {
		return record.Field{}, "must begin with a field of " + typ.Name + "; * is not accepted"
	}
	if !tellable(fd) || has(fd, annotations.FieldBehavior_IMMUTABLE) {
		return record.Field{}, "names a field that cannot be changed by an update"
	}
	f, _ := typ.Field(fd.Number())
	if len(steps) > 1 && (!typ.IsSection(fd.Number()) || fd.IsList()) {
		return record.Field{}, "may name leaves only inside a section that is not repeated"
	}
	for d, rest := fd, steps[1:]; len(rest) > 0; rest = rest[1:] {
		if d.Message() == nil || d.IsList() {
			return record.Field{}, "names something inside a field that has no fields"
		}
		if d = d.Message().Fields().ByName(protoreflect.Name(rest[0])); d == nil {
			return record.Field{}, "names a field that does not exist"
		}
	}
	return f, ""
}

// keep puts one part where it belongs: header fields into the record, sections
// sealed into the envelope, under the next revision and in the caller's name.
func (p *Page) keep(ctx context.Context, typ *record.Type, t *agreement.Telling, part part) error {
	in, out := t.Incoming.ProtoReflect(), t.Record.ProtoReflect()
	fd := part.field.Desc
	if !typ.IsSection(part.field.Number) {
		if in.Has(fd) {
			out.Set(fd, in.Get(fd))
		} else {
			out.Clear(fd)
		}
		return nil
	}
	clear := typ.New().ProtoReflect()
	old, exists := t.Envelope.Section(part.field.Number)
	if exists && len(part.leaves) > 0 {
		if err := p.unseal(ctx, t, old, clear); err != nil {
			return err
		}
	}
	if len(part.leaves) == 0 {
		if in.Has(fd) {
			clear.Set(fd, in.Get(fd))
		}
	} else {
		for _, leaf := range part.leaves {
			copyLeaf(clear.Mutable(fd).Message(), in.Get(fd).Message(), leaf)
		}
	}
	// The section is sealed from here on; in clear it stays nowhere.
	defer out.Clear(fd)
	author := t.Agency
	if exists && len(part.leaves) > 0 && old.Author != t.Agency {
		author = "" // words of several are nobody's own: nobody keeps them when its link ends
	}
	return p.seal(ctx, t, old, part.field, clear, author)
}

// unseal opens a section for a merge of leaves. Leaves that this program does
// not know survive in it as unknown fields.
func (p *Page) unseal(ctx context.Context, t *agreement.Telling, s record.Section, into protoreflect.Message) error {
	aead, err := p.ring.AEAD(ctx, t.Envelope.KeyID)
	if err != nil {
		return err
	}
	plain, err := aead.Open(nil, nil, s.Sealed, bind(t.Name, s.Number, s.Revision))
	if err != nil {
		return fmt.Errorf("disclosure: section %d cannot be opened: swapped, rolled back or tampered with", s.Number)
	}
	return proto.Unmarshal(plain, into.Interface())
}

func (p *Page) seal(ctx context.Context, t *agreement.Telling, old record.Section, f record.Field, clear protoreflect.Message, author string) error {
	plain, err := proto.MarshalOptions{Deterministic: true}.Marshal(clear.Interface())
	if err != nil {
		return err
	}
	aead, err := p.ring.AEAD(ctx, t.Envelope.KeyID)
	if err != nil {
		return err
	}
	revision := old.Revision + 1
	t.Envelope.SetSection(record.Section{
		Number: f.Number, Revision: revision, Time: t.Time.UnixMicro(), Author: author,
		Sealed: aead.Seal(nil, nil, plain, bind(t.Name, f.Number, revision)),
	})
	return nil
}

// copyLeaf copies one leaf, or clears it where the caller left it empty.
func copyLeaf(to, from protoreflect.Message, path []string) {
	fd := to.Descriptor().Fields().ByName(protoreflect.Name(path[0]))
	if len(path) > 1 {
		copyLeaf(to.Mutable(fd).Message(), from.Get(fd).Message(), path[1:])
		return
	}
	if from.Has(fd) {
		to.Set(fd, from.Get(fd))
	} else {
		to.Clear(fd)
	}
}

// requestPath is a field's path in a request, such as "victim.location".
func requestPath(t *record.Type, fd protoreflect.FieldDescriptor) string {
	return strings.ToLower(t.Name) + "." + string(fd.Name())
}

// className is a class as people read it, such as VICTIM_LOCATION.
func className(c record.Class) string { return strings.TrimPrefix(c.String(), "DATA_CLASS_") }
