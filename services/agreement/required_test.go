package agreement

import (
	"slices"
	"testing"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// No request carries the agreement, so no validation holds what its contract
// calls REQUIRED: the parser does.
func TestWhatTheContractCallsRequiredMayNotBeLeftOut(t *testing.T) {
	msg := shippedMessage(t)
	filled := make(map[protoreflect.FieldDescriptor]protoreflect.Message)
	survey(msg.ProtoReflect(), filled)
	if len(filled) < 40 {
		t.Errorf("only %d fields are filled in", len(filled))
	}
	for fd, at := range filled {
		switch behaviors := proto.GetExtension(fd.Options(), annotations.E_FieldBehavior).([]annotations.FieldBehavior); {
		case slices.Contains(behaviors, annotations.FieldBehavior_REQUIRED):
			kept := at.Get(fd)
			if fd.IsList() { // which clearing empties
				kept = at.NewField(fd)
				for i := range at.Get(fd).List().Len() {
					kept.List().Append(at.Get(fd).List().Get(i))
				}
			}
			at.Clear(fd)
			if _, err := read(msg, nil); err == nil {
				t.Errorf("%s is REQUIRED and may be left out", fd.FullName())
			}
			at.Set(fd, kept)
		case !slices.Contains(behaviors, annotations.FieldBehavior_OPTIONAL):
			t.Errorf("%s is neither REQUIRED nor OPTIONAL", fd.FullName())
		}
	}
	// The control: what was taken out is back, and the agreement holds.
	if _, err := read(msg, nil); err != nil {
		t.Fatal(err)
	}
}

// survey walks an agreement and notes of each field a place where it is filled in.
func survey(m protoreflect.Message, filled map[protoreflect.FieldDescriptor]protoreflect.Message) {
	for i := range m.Descriptor().Fields().Len() {
		fd := m.Descriptor().Fields().Get(i)
		if !m.Has(fd) {
			continue
		}
		filled[fd] = m
		if fd.IsList() && fd.Message() != nil {
			for j := range m.Get(fd).List().Len() {
				survey(m.Get(fd).List().Get(j).Message(), filled)
			}
		}
	}
}
