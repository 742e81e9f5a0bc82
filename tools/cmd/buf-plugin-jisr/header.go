package main

import (
	"buf.build/go/bufplugin/descriptor"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// checkHeaderText finds free text in what is clear at rest. A remark in a
// header would lie in the database and its backups unsealed, and would be shown
// to whoever may know that the record exists.
func checkHeaderText(files []descriptor.FileDescriptor, found report) {
	found = once(found)
	for record := range records(files) {
		for field := range all(record.Fields()) {
			if !inHeader(field) {
				continue
			}
			if isFreeText(field) {
				found(field, "field %q of record %q is clear at rest and may hold free text. Make it a resource name (google.api.resource_reference), confine it by buf.validate string.pattern, in or const, or move it into a section.",
					field.Name(), record.FullName())
			}
			if field.Message() == nil {
				continue
			}
			walk(field.Message(), field, func(inner protoreflect.FieldDescriptor, anchor protoreflect.Descriptor) bool {
				if isFreeText(inner) {
					found(anchor, "%s may hold free text and lies in the header of record %q, under %q, so it is clear at rest. Make it a resource name (google.api.resource_reference), confine it by buf.validate string.pattern, in or const, or move it into a section.",
						place(inner, anchor), record.FullName(), field.Name())
				}
				return true
			})
		}
	}
}

// isFreeText tells whether the field is a string that may hold any words.
func isFreeText(field protoreflect.FieldDescriptor) bool {
	return field.Kind() == protoreflect.StringKind &&
		field.Name() != "etag" && // Made by the exchange, by hashing.
		!isResourceName(field) &&
		!hasClosedText(field)
}
