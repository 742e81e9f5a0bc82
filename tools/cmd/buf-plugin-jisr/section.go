package main

import (
	"buf.build/go/bufplugin/descriptor"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// checkSections holds a record to the shape that sealing needs: outside the
// header every top-level field is a message, sealed by itself, and the walls
// between data classes are the walls between those fields.
func checkSections(files []descriptor.FileDescriptor, found report) {
	names := classNames(files)
	for record := range records(files) {
		sectionOf := make(map[uint64]protoreflect.FieldDescriptor)
		for field := range all(record.Fields()) {
			if inHeader(field) {
				continue
			}
			if field.Message() == nil || field.IsMap() {
				found(field, "field %q of record %q is neither part of the header nor a message, so it cannot be sealed by itself. Put it into the section message of its class; only if a query or the life cycle needs it clear at rest, mark it [(jisr.v1.indexed) = true].",
					field.Name(), record.FullName())
				continue
			}
			class := dataClass(field)
			if class == 0 {
				continue // JISR_DATA_CLASS says so already.
			}
			if other, taken := sectionOf[class]; taken {
				found(field, "sections %q and %q of record %q are both %s. One class has one section in a record: join them, or find the class that tells them apart.",
					other.Name(), field.Name(), record.FullName(), names[class])
				continue
			}
			sectionOf[class] = field
		}
		for oneof := range all(record.Oneofs()) {
			if !oneof.IsSynthetic() {
				found(oneof, "oneof %q stands in record %q. Which of its fields is set would show through the wall between their classes: put the oneof inside one section, or make plain fields of it.",
					oneof.Name(), record.FullName())
			}
		}
	}
}
