package disclosure

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/identity"
	"github.com/jisr-exchange/jisr/services/record"
)

// Replies are records, or envelopes of records with words of the exchange
// beside them (page tokens, the agreement). A field of a reply that is neither
// has no way out: the walk below builds the reply anew from what it knows, and as
// the bytes that are sent, so that nothing is encoded twice.

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

// rendering is one reply on its way out to a caller.
type rendering struct {
	page     *Page
	ctx      context.Context
	caller   *identity.Caller
	docket   *agreement.Docket
	sections bool
	shown    []shown
}

// encode appends a reply as it goes out, built anew: records as the caller may see
// them, classed fields of the exchange by copy, envelopes by the same rule. Whatever
// else stands in the reply, unknown fields among it, is not built. With sections
// false, records are their headers alone.
func (p *Page) encode(ctx context.Context, c *identity.Caller, out []byte, reply proto.Message, sections bool) ([]byte, []shown, error) {
	r := rendering{page: p, ctx: ctx, caller: c, docket: agreement.DocketFrom(ctx), sections: sections}
	out, err := r.message(out, reply)
	if err != nil {
		return nil, nil, err
	}
	return out, r.shown, nil
}

func (r *rendering) message(out []byte, m proto.Message) ([]byte, error) {
	in := m.ProtoReflect()
	if t := record.ByDescriptor(in.Descriptor()); t != nil {
		return r.record(out, t, m)
	}
	words := in.New() // of the exchange
	for i := range in.Descriptor().Fields().Len() {
		fd := in.Descriptor().Fields().Get(i)
		if !in.Has(fd) {
			continue
		}
		if class := record.ClassOf(fd); class != 0 {
			if class == jisrv1.DataClass_DATA_CLASS_EXCHANGE {
				words.Set(fd, in.Get(fd))
			}
			continue
		}
		if fd.Message() == nil || fd.IsMap() {
			continue
		}
		var err error
		if out, err = r.field(out, in, fd); err != nil {
			return nil, err
		}
	}
	return proto.MarshalOptions{}.MarshalAppend(out, words.Interface())
}

func (r *rendering) field(out []byte, in protoreflect.Message, fd protoreflect.FieldDescriptor) (_ []byte, err error) {
	if !fd.IsList() {
		return r.inside(out, fd.Number(), in.Get(fd).Message().Interface())
	}
	list := in.Get(fd).List()
	r.shown = slices.Grow(r.shown, list.Len())
	for i := range list.Len() {
		if out, err = r.inside(out, fd.Number(), list.Get(i).Message().Interface()); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// inside appends a message as a field of another.
func (r *rendering) inside(out []byte, n protowire.Number, m proto.Message) ([]byte, error) {
	out = protowire.AppendTag(out, n, protowire.BytesType)
	at := len(out)
	out = append(out, make([]byte, lengthRoom)...)
	out, err := r.message(out, m)
	if err != nil {
		return nil, err
	}
	return setLength(out, at), nil
}

// lengthRoom is what is left for the length of a message before it is known: two
// bytes are right for records of 128 bytes to 16 KiB, and others are moved.
const lengthRoom = 2

// setLength writes the length of what follows the room at.
func setLength(out []byte, at int) []byte {
	length := len(out) - at - lengthRoom
	size := protowire.SizeVarint(uint64(length))
	if size > lengthRoom {
		out = append(out, make([]byte, size-lengthRoom)...)
	}
	copy(out[at+size:], out[at+lengthRoom:at+lengthRoom+length])
	protowire.AppendVarint(out[:at], uint64(length))
	return out[:at+size+length]
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
