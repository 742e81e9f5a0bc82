package main

import (
	"buf.build/go/bufplugin/descriptor"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// checkDataClass finds record fields without a data class, which nobody would
// ever see, and fields that contradict the class of what they lie in: the whole
// subtree is opened or withheld as one.
func checkDataClass(files []descriptor.FileDescriptor, found report) {
	names := classNames(files)
	for message := range ownMessages(files) {
		for field := range all(message.Fields()) {
			switch {
			case dataClass(field) != 0:
				checkInherited(field, names, found)
			case isRecord(message):
				found(field, "field %q of record %q has no data class, so nobody would ever see it. Give it the class that says what it is: [(jisr.v1.data_class) = DATA_CLASS_…].",
					field.Name(), message.FullName())
			}
		}
	}
}

// checkInherited finds what does not belong inside a field that has a class.
func checkInherited(outer protoreflect.FieldDescriptor, names map[uint64]string, found report) {
	if outer.Message() == nil {
		return
	}
	class := dataClass(outer)
	if isRecord(outer.Message()) {
		found(outer, "field %q is %s and holds a whole record, %q, whose fields have classes of their own. Drop the data class here, or name the record by its resource name instead.",
			outer.FullName(), names[class], outer.Message().FullName())
		return
	}
	walk(outer.Message(), outer, func(inner protoreflect.FieldDescriptor, anchor protoreflect.Descriptor) bool {
		if inner.Message() != nil && isRecord(inner.Message()) {
			found(anchor, "%s holds a whole record, %q, and lies inside %q, which is %s. Name the record by its resource name instead.",
				place(inner, anchor), inner.Message().FullName(), outer.FullName(), names[class])
			return false
		}
		if c := dataClass(inner); c != 0 && c != class {
			found(anchor, "%s is %s, but lies inside %q, which is %s, and everything inside a field is of that field's class. Drop the class here, or move the field to a section of its own.",
				place(inner, anchor), names[c], outer.FullName(), names[class])
		}
		return true
	})
}
