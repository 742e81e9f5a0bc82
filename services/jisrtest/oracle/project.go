package oracle

import (
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
)

// Project returns what a lens shows of a record in clear: a new message with
// exactly the top-level fields whose class the lens grants. It only ever adds,
// so what it does not know (an unclassed field, an unknown one at any depth)
// is not in the result. Etag, update time and withheld are copied as they
// stand; what a role sees of those is computed elsewhere.
func Project(whole proto.Message, lens map[jisrv1.DataClass]bool) proto.Message {
	from := whole.ProtoReflect()
	to := from.New()
	from.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		class := classOf(fd)
		if class != jisrv1.DataClass_DATA_CLASS_UNSPECIFIED && lens[class] {
			to.Set(fd, copyField(to, fd, v))
		}
		return true
	})
	return to.Interface()
}

func classOf(fd protoreflect.FieldDescriptor) jisrv1.DataClass {
	return proto.GetExtension(fd.Options(), jisrv1.E_DataClass).(jisrv1.DataClass)
}

// copyField returns a deep copy of a field's value for the message to, known fields alone. Records hold no maps.
func copyField(to protoreflect.Message, fd protoreflect.FieldDescriptor, v protoreflect.Value) protoreflect.Value {
	if !fd.IsList() {
		return copyValue(fd, v)
	}
	list := to.NewField(fd)
	for i := range v.List().Len() {
		list.List().Append(copyValue(fd, v.List().Get(i)))
	}
	return list
}

func copyValue(fd protoreflect.FieldDescriptor, v protoreflect.Value) protoreflect.Value {
	switch fd.Kind() {
	case protoreflect.MessageKind:
		from := v.Message()
		to := from.New()
		from.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
			to.Set(fd, copyField(to, fd, v))
			return true
		})
		return protoreflect.ValueOfMessage(to)
	case protoreflect.BytesKind:
		return protoreflect.ValueOfBytes(append([]byte(nil), v.Bytes()...))
	default:
		return v
	}
}
