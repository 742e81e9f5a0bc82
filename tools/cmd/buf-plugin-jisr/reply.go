package main

import (
	"buf.build/go/bufplugin/descriptor"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// checkReplies walks the reply of every rpc and finds what would leave without
// anyone having said what it is. Records are not entered: they have rules of
// their own, and the page gate.
func checkReplies(files []descriptor.FileDescriptor, found report) {
	found = once(found)
	for method := range methods(files) {
		if isRecord(method.Output()) {
			continue
		}
		walk(method.Output(), method, func(field protoreflect.FieldDescriptor, anchor protoreflect.Descriptor) bool {
			if dataClass(field) != 0 {
				return false // Everything inside is of that class.
			}
			if field.Message() != nil && !field.IsMap() {
				return !isRecord(field.Message())
			}
			found(anchor, "%s leaves in the reply of %q without a data class, so the gate would not let it pass. Give it one: DATA_CLASS_EXCHANGE if it is the exchange's own word and never about a case, else the class that says what it is.",
				place(field, anchor), method.FullName())
			return false
		})
	}
}
