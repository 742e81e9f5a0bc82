package disclosure

import (
	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/jisr-exchange/jisr/services/identity"
	"github.com/jisr-exchange/jisr/services/record"
)

// nameFor is a record's name as the caller knows it.
func (p *Page) nameFor(c *identity.Caller, name string) string {
	if c.Law.Pseudonymous(c.Role) {
		return p.pseudonyms.Hide(c.Agency, name)
	}
	return name
}

// disguise rewrites a monitor's copy of a header: every record name becomes the
// monitor's own pseudonym and every time its month.
func (p *Page) disguise(agency string, t *record.Type, header []byte) ([]byte, error) {
	m := t.New()
	if err := proto.Unmarshal(header, m); err != nil {
		return nil, err
	}
	r := m.ProtoReflect()
	r.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case namesRecords(fd) && fd.IsList():
			for i := range v.List().Len() {
				hidden := p.pseudonyms.Hide(agency, v.List().Get(i).String())
				v.List().Set(i, protoreflect.ValueOfString(hidden))
			}
		case namesRecords(fd):
			r.Set(fd, protoreflect.ValueOfString(p.pseudonyms.Hide(agency, v.String())))
		case isTime(fd) && !fd.IsList():
			if ts, ok := v.Message().Interface().(*timestamppb.Timestamp); ok {
				coarse := timestamppb.New(month(ts.AsTime()))
				r.Set(fd, protoreflect.ValueOfMessage(coarse.ProtoReflect()))
			}
		}
		return true
	})
	return proto.MarshalOptions{Deterministic: true}.Marshal(m)
}

// reveal turns a monitor's pseudonyms in a request back into names. What is no
// pseudonym of that agency turns into a name that no record has.
func (p *Page) reveal(agency string, request proto.Message) {
	r := request.ProtoReflect()
	r.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		if namesRecords(fd) && !fd.IsList() {
			r.Set(fd, protoreflect.ValueOfString(p.pseudonyms.Reveal(agency, v.String())))
		}
		return true
	})
}

// namesRecords reports whether a field holds names of records (not of agencies).
func namesRecords(fd protoreflect.FieldDescriptor) bool {
	if fd.Kind() != protoreflect.StringKind {
		return false
	}
	if ref, ok := proto.GetExtension(fd.Options(), annotations.E_ResourceReference).(*annotations.ResourceReference); ok && ref != nil {
		return ref.GetType() != "jisr.v1/Agency"
	}
	return has(fd, annotations.FieldBehavior_IDENTIFIER)
}

func isTime(fd protoreflect.FieldDescriptor) bool {
	return fd.Kind() == protoreflect.MessageKind && fd.Message().FullName() == "google.protobuf.Timestamp"
}

// has reports whether a field carries a behaviour (AIP-203).
func has(fd protoreflect.FieldDescriptor, want ...annotations.FieldBehavior) bool {
	behaviours, _ := proto.GetExtension(fd.Options(), annotations.E_FieldBehavior).([]annotations.FieldBehavior)
	for _, b := range behaviours {
		for _, w := range want {
			if b == w {
				return true
			}
		}
	}
	return false
}
