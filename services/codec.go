package services

import (
	"errors"
	"io"
	"slices"
	"strconv"

	"google.golang.org/grpc/encoding"
	encodingproto "google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/jisr-exchange/jisr/services/disclosure"
	"github.com/jisr-exchange/jisr/services/fault"
)

const (
	// maxFields bounds what one request may hold, inner messages and list items
	// counted: a byte or two of wire can ask for a hundred bytes of memory and
	// more. The largest that is of use has some hundred.
	maxFields = 4096
	// maxDepth bounds how deep messages may lie in each other: the contract's lie four deep.
	maxDepth = 16
)

var (
	errWire       = errors.New("not a message of this type")
	errMany       = errors.New("too many fields")
	errDepth      = errors.New("nested too deep")
	errCompressed = errors.New("compressed requests are not taken")
	errUnreleased = errors.New("a reply that the page gate did not release")
)

// codec counts what a request holds before it builds it: unary requests are
// decoded before any interceptor runs. The bytes are in hand already, bounded by
// maxRequest; this bounds what becomes of them.
type codec struct{ encoding.CodecV2 }

func newCodec() codec { return codec{encoding.GetCodecV2(encodingproto.Name)} }

// Marshal sends a reply of the contract as the page gate released it, and no
// other: a handler that got around the gate gets no answer out.
func (c codec) Marshal(v any) (mem.BufferSlice, error) {
	if released, ok := v.(*disclosure.Released); ok {
		return released.Send()
	}
	if m, ok := v.(proto.Message); !ok || ofContract(m) {
		return nil, errUnreleased
	}
	return c.CodecV2.Marshal(v) // health and reflection
}

func ofContract(m proto.Message) bool {
	return m.ProtoReflect().Descriptor().ParentFile().Package() == "jisr.v1"
}

// plainOnly refuses compressed requests: a small one must not become a large one.
// Nothing of the exchange's own links a compressor, but the exporter of traces
// does, and grpc-go takes requests by whatever is linked. Its registry of
// compressors is the process's, so the server is told by the older option.
type plainOnly struct{}

func (plainOnly) Type() string { return "gzip" }

func (plainOnly) Do(io.Reader) ([]byte, error) { return nil, errCompressed }

// Unmarshal decodes a request. Of a request of the contract that is refused, a
// mark remains, so that the door, the log and the catalogue see the call as they
// see any other; validation then refuses it by the mark.
func (c codec) Unmarshal(data mem.BufferSlice, v any) error {
	m, ok := v.(proto.Message)
	if !ok {
		return errWire
	}
	buffer := data.MaterializeToBuffer(mem.DefaultBufferPool())
	defer buffer.Free()
	err := decode(buffer.ReadOnlyData(), m)
	if err != nil && ofContract(m) {
		proto.Reset(m)
		m.ProtoReflect().SetUnknown(mark(err))
		return nil
	}
	return err
}

func decode(b []byte, m proto.Message) error {
	left := maxFields
	if err := count(b, m.ProtoReflect().Descriptor(), maxDepth, &left); err != nil {
		return err
	}
	if proto.Unmarshal(b, m) != nil {
		return errWire // what exactly is wrong with it may hold what was in it
	}
	return nil
}

// count walks an encoded message without building anything, and takes what it
// holds from left.
func count(b []byte, md protoreflect.MessageDescriptor, depth int, left *int) error {
	if depth == 0 {
		return errDepth
	}
	for len(b) > 0 {
		number, kind, n := protowire.ConsumeTag(b)
		if n < 0 || kind == protowire.StartGroupType || kind == protowire.EndGroupType {
			return errWire // the contract has no groups
		}
		b = b[n:]
		if n = protowire.ConsumeFieldValue(number, kind, b); n < 0 {
			return errWire
		}
		if *left--; *left < 0 {
			return errMany
		}
		if kind == protowire.BytesType {
			inner, _ := protowire.ConsumeBytes(b)
			if err := countInside(inner, md.Fields().ByNumber(number), depth, left); err != nil {
				return err
			}
		}
		b = b[n:]
	}
	return nil
}

// countInside counts what a length-delimited value holds; a field that the
// contract does not have is kept as it is, and refused later by its name.
func countInside(b []byte, fd protoreflect.FieldDescriptor, depth int, left *int) error {
	switch {
	case fd == nil:
		return nil
	case fd.Message() != nil:
		return count(b, fd.Message(), depth-1, left)
	case fd.IsList() && fd.Kind() != protoreflect.StringKind && fd.Kind() != protoreflect.BytesKind:
		if *left -= len(b); *left < 0 { // packed; an item is a byte at the least
			return errMany
		}
	}
	return nil
}

// markNumber is the last field number there is; the contract does not use it.
// Whoever sends it is refused as for any field that the contract does not have.
const markNumber = protowire.MaxValidNumber

// refusal is what a request can be refused for before it is built, and the words for it.
type refusal struct {
	err    error
	broken fault.Violation
}

var marks = []refusal{
	{errWire, fault.Violation{Field: "request", Rule: "must be an encoded message of the method's request type, its texts in UTF-8"}},
	{errMany, fault.Violation{Field: "request", Rule: "must hold no more than " + strconv.Itoa(maxFields) + " fields and list items"}},
	{errDepth, fault.Violation{Field: "request", Rule: "must not nest messages more than " + strconv.Itoa(maxDepth) + " deep"}},
}

func mark(err error) []byte {
	which := slices.IndexFunc(marks, func(r refusal) bool { return errors.Is(err, r.err) })
	return protowire.AppendVarint(protowire.AppendTag(nil, markNumber, protowire.VarintType), uint64(which))
}

// unreadable refuses a request that the codec left a mark of.
func unreadable(m proto.Message) error {
	unknown := m.ProtoReflect().GetUnknown()
	number, _, n := protowire.ConsumeTag(unknown)
	if n < 0 || number != markNumber {
		return nil
	}
	which, _ := protowire.ConsumeVarint(unknown[n:])
	if which >= uint64(len(marks)) {
		return nil
	}
	return fault.Invalid(marks[which].broken)
}
