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
	m.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		if fd.Message() == nil || fd.IsMap() {
			return true
		}
		inner := string(fd.Name())
		if path != "" {
			inner = path + "." + inner
		}
		if fd.IsList() {
			for i := range v.List().Len() {
				found = unknownFields(v.List().Get(i).Message(), inner, found)
			}
			return true
		}
		found = unknownFields(v.Message(), inner, found)
		return true
	})
	return found
}

// admitRecords drops what is output only from the records in a request, and
// holds what a new record tells against the role's ceiling.
func admitRecords(c *identity.Caller, request proto.Message) error {
	r := request.ProtoReflect()
	updates := r.Descriptor().Fields().ByName("update_mask") != nil
	ceiling := c.Law.WriteCeiling(c.Role, c.Purpose)
	var denied []fault.Violation
	r.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		if fd.Message() == nil || fd.IsList() || !record.IsRecord(fd.Message()) {
			return true
		}
		m := v.Message()
		m.Range(func(f protoreflect.FieldDescriptor, _ protoreflect.Value) bool {
			switch {
			case has(f, annotations.FieldBehavior_OUTPUT_ONLY):
				m.Clear(f)
			case updates || !tellable(f):
			case !ceiling.Has(record.ClassOf(f)):
				denied = append(denied, fault.Violation{
					Field: strings.Join([]string{string(fd.Name()), string(f.Name())}, "."),
					Rule:  "your role may not tell " + className(record.ClassOf(f)),
				})
			}
			return true
		})
		return true
	})
	if len(denied) > 0 {
		return fault.New(fault.ClassNotWritable).Violating(denied...)
	}
	return nil
}
