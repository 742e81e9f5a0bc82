package cases

import (
	"context"
	"errors"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/identity"
	"github.com/jisr-exchange/jisr/services/record"
)

// filePart reads one record of a case file into the reply's field of its type.
func (s *Service) filePart(ctx context.Context, c *identity.Caller, name string) (*jisrv1.GetCaseFileResponse, error) {
	n, ok := record.ParseName(name)
	if !ok {
		return nil, fault.New(fault.NotFound)
	}
	m := n.Type.New()
	if err := s.store.View(ctx, c, name, m); err != nil {
		return nil, err
	}
	part := &jisrv1.GetCaseFileResponse{}
	r := part.ProtoReflect()
	fd := fieldOf(r.Descriptor(), m)
	if fd == nil {
		return nil, fault.New(fault.Internal)
	}
	r.Set(fd, protoreflect.ValueOfMessage(m.ProtoReflect()))
	return part, nil
}

func fieldOf(d protoreflect.MessageDescriptor, m proto.Message) protoreflect.FieldDescriptor {
	for i := range d.Fields().Len() {
		if fd := d.Fields().Get(i); fd.Message() != nil && fd.Message().FullName() == m.ProtoReflect().Descriptor().FullName() {
			return fd
		}
	}
	return nil
}

func gone(err error) bool { return errors.Is(err, fault.New(fault.NotFound)) }
