package disclosure

import (
	"context"
	"fmt"
	"sync"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/identity"
	"github.com/jisr-exchange/jisr/services/record"
)

// Replies are records, or envelopes of records with words of the exchange
// beside them (page tokens, the agreement). A field of a reply that is neither
// has no way out: the walk below builds the reply anew from what it knows.

// Handles reports, field by field, what of a reply type the gate would let
// through; a field with an error is one that it would drop. For the start-up
// check over every rpc.
func Handles(reply protoreflect.MessageDescriptor) error {
	return handles(reply, make(map[protoreflect.FullName]bool))
}

func handles(d protoreflect.MessageDescriptor, seen map[protoreflect.FullName]bool) error {
	if record.IsRecord(d) || seen[d.FullName()] {
		return nil
	}
	seen[d.FullName()] = true
	for i := range d.Fields().Len() {
		fd := d.Fields().Get(i)
		switch {
		case record.ClassOf(fd) != 0:
		case fd.Message() != nil && !fd.IsMap():
			if err := handles(fd.Message(), seen); err != nil {
				return err
			}
		default:
			return fmt.Errorf("field %s of a reply has no data class and is no record", fd.FullName())
		}
	}
	return nil
}

// rebuild builds a reply anew: records through render, classed fields of the
// exchange by copy, envelopes by the same rule. Whatever else stands in the
// reply, unknown fields among it, is not built.
func (p *Page) rebuild(ctx context.Context, c *identity.Caller, reply proto.Message, sections bool) (proto.Message, []shown, error) {
	if t := record.TypeOf(reply); t != nil {
		encoded, what, err := p.render(ctx, c, reply, sections)
		if err != nil {
			return nil, nil, err
		}
		return raw(t, encoded), []shown{what}, nil
	}
	in := reply.ProtoReflect()
	out := in.New()
	var all []shown
	for i := range in.Descriptor().Fields().Len() {
		fd := in.Descriptor().Fields().Get(i)
		if !in.Has(fd) {
			continue
		}
		if class := record.ClassOf(fd); class != 0 {
			if class == jisrv1.DataClass_DATA_CLASS_EXCHANGE {
				out.Set(fd, in.Get(fd))
			}
			continue
		}
		if fd.Message() == nil || fd.IsMap() {
			continue
		}
		what, err := p.rebuildField(ctx, c, in, out, fd, sections)
		if err != nil {
			return nil, nil, err
		}
		all = append(all, what...)
	}
	return out.Interface(), all, nil
}

func (p *Page) rebuildField(ctx context.Context, c *identity.Caller, in, out protoreflect.Message, fd protoreflect.FieldDescriptor, sections bool) ([]shown, error) {
	if !fd.IsList() {
		m, what, err := p.rebuild(ctx, c, in.Get(fd).Message().Interface(), sections)
		if err != nil {
			return nil, err
		}
		out.Set(fd, protoreflect.ValueOfMessage(m.ProtoReflect()))
		return what, nil
	}
	var all []shown
	from, to := in.Get(fd).List(), out.Mutable(fd).List()
	for i := range from.Len() {
		m, what, err := p.rebuild(ctx, c, from.Get(i).Message().Interface(), sections)
		if err != nil {
			return nil, err
		}
		to.Append(protoreflect.ValueOfMessage(m.ProtoReflect()))
		all = append(all, what...)
	}
	return all, nil
}

// carriesRecords reports whether a reply type can hold a record at all.
func carriesRecords(d protoreflect.MessageDescriptor) bool {
	if known, ok := carriers.Load(d.FullName()); ok {
		return known.(bool)
	}
	found := carries(d, make(map[protoreflect.FullName]bool))
	carriers.Store(d.FullName(), found)
	return found
}

var carriers sync.Map

func carries(d protoreflect.MessageDescriptor, seen map[protoreflect.FullName]bool) bool {
	if record.IsRecord(d) {
		return true
	}
	if seen[d.FullName()] {
		return false
	}
	seen[d.FullName()] = true
	for i := range d.Fields().Len() {
		if m := d.Fields().Get(i).Message(); m != nil && carries(m, seen) {
			return true
		}
	}
	return false
}
