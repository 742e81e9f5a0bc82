package disclosure

import (
	"strings"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/identity"
	"github.com/jisr-exchange/jisr/services/record"
)

// admit is the page on the way in. A field that this program does not know, at
// any depth, is refused: it has no class. What is output only is dropped
// (AIP-203). A monitor's pseudonyms become names. And a new record that holds a
// class which no standing would let the role tell is refused before anything is
// looked up. The request is changed in place.
func (p *Page) admit(c *identity.Caller, request proto.Message) error {
	if unknown := Unknown(request); len(unknown) > 0 {
		return fault.Invalid(unknown...)
	}
	if c.Law.Pseudonymous(c.Role) {
		p.reveal(c.Agency, request)
	}
	return admitRecords(c, request)
}

// Unknown returns a violation for every message in a request, at any depth, that
// holds a field which the contract does not have.
func Unknown(request proto.Message) []fault.Violation {
	var violations []fault.Violation
	for _, path := range unknownFields(request.ProtoReflect(), "", nil) {
		violations = append(violations, fault.Violation{Field: path, Rule: "holds a field that the contract does not have"})
	}
	return violations
}

// unknownFields returns the paths of the messages that hold unknown fields.
func unknownFields(m protoreflect.Message, path string, found []string) []string {
	if len(m.GetUnknown()) > 0 {
		if path == "" {
			return append(found, "request")
		}
		return append(found, path)
	}
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		fd := fields.Get(i)
		if fd.Message() == nil || fd.IsMap() || !m.Has(fd) {
			continue
		}
		inner := string(fd.Name())
		if path != "" {
			inner = path + "." + inner
		}
		v := m.Get(fd)
		if fd.IsList() {
			for i := range v.List().Len() {
				found = unknownFields(v.List().Get(i).Message(), inner, found)
			}
			continue
		}
		found = unknownFields(v.Message(), inner, found)
	}
	return found
}

// admitRecords drops what is output only from the records in a request, and
// holds what a new record tells against the role's ceiling.
func admitRecords(c *identity.Caller, request proto.Message) error {
	r := request.ProtoReflect()
	fields := r.Descriptor().Fields()
	var denied []fault.Violation
	for i := range fields.Len() {
		fd := fields.Get(i)
		if fd.Message() == nil || fd.IsList() || !r.Has(fd) || record.ByDescriptor(fd.Message()) == nil {
			continue
		}
		m, anew := r.Get(fd).Message(), fields.ByName("update_mask") == nil
		m.Range(func(f protoreflect.FieldDescriptor, _ protoreflect.Value) bool {
			if has(f, annotations.FieldBehavior_OUTPUT_ONLY) {
				m.Clear(f)
			}
			return true
		})
		if anew {
			denied = append(denied, beyond(c.Law.WriteCeiling(c.Role, c.Purpose), fd, m)...)
		}
	}
	if len(denied) > 0 {
		return fault.New(fault.ClassNotWritable).Violating(denied...)
	}
	return nil
}

// beyond returns a violation for everything in a record, the request's field fd,
// that a ceiling does not hold.
func beyond(ceiling record.ClassSet, fd protoreflect.FieldDescriptor, m protoreflect.Message) (denied []fault.Violation) {
	m.Range(func(f protoreflect.FieldDescriptor, _ protoreflect.Value) bool {
		if tellable(f) && !ceiling.Has(record.ClassOf(f)) {
			denied = append(denied, fault.Violation{
				Field: strings.Join([]string{string(fd.Name()), string(f.Name())}, "."),
				Rule:  "your role may not tell " + className(record.ClassOf(f)),
			})
		}
		return true
	})
	return denied
}
