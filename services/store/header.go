package store

import (
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/jisr-exchange/jisr/services/record"
)

// viewFields are computed for each caller and never stored.
var viewFields = map[protoreflect.Name]bool{"etag": true, "update_time": true, "withheld": true}

// marshalHeader encodes the header of a record, and refuses one that still
// holds a section in clear: sections are stored sealed or not at all.
func marshalHeader(t *record.Type, m proto.Message) ([]byte, error) {
	header := t.New().ProtoReflect()
	var err error
	m.ProtoReflect().Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		if t.IsSection(fd.Number()) {
			err = errClearSection
			return false
		}
		if !viewFields[fd.Name()] {
			header.Set(fd, v)
		}
		return true
	})
	if err != nil {
		return nil, err
	}
	return proto.MarshalOptions{Deterministic: true}.Marshal(header.Interface())
}

func field(m proto.Message, name protoreflect.Name) (protoreflect.Message, protoreflect.FieldDescriptor) {
	r := m.ProtoReflect()
	return r, r.Descriptor().Fields().ByName(name)
}

func nameOf(m proto.Message) string {
	r, fd := field(m, "name")
	return r.Get(fd).String()
}

func setName(m proto.Message, name string) {
	m.(interface{ SetName(string) }).SetName(name) // every record has one
}

func setCreateTime(m proto.Message, at time.Time) {
	r, fd := field(m, "create_time")
	r.Set(fd, protoreflect.ValueOfMessage(timestamp(at).ProtoReflect()))
}

// stateOf returns a record's state, for filters; 0 where it has none.
func stateOf(m proto.Message) int {
	r, fd := field(m, "state")
	if fd == nil {
		return 0
	}
	return int(r.Get(fd).Enum())
}
