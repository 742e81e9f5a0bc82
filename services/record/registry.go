package record

import (
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// messageTypes are the contract's records, found among the linked descriptors.
var messageTypes = findRecords()

func findRecords() map[protoreflect.FullName]protoreflect.MessageType {
	found := make(map[protoreflect.FullName]protoreflect.MessageType)
	protoregistry.GlobalTypes.RangeMessages(func(mt protoreflect.MessageType) bool {
		if d := mt.Descriptor(); d.ParentFile().Package() == "jisr.v1" && IsRecord(d) {
			found[d.FullName()] = mt
		}
		return true
	})
	return found
}
