package main

import (
	"slices"

	"buf.build/go/bufplugin/descriptor"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// openMessages can hold anything, so no rule can say what class is in them.
var openMessages = map[protoreflect.FullName]bool{
	"google.protobuf.Any":       true,
	"google.protobuf.Struct":    true,
	"google.protobuf.Value":     true,
	"google.protobuf.ListValue": true,
}

// checkClosed finds what the schema leaves open in anything that is stored,
// asked or answered: types that hold anything, maps, whose keys are text
// without a class and whose encoding has no fixed order, and messages that
// contain themselves, which have no greatest depth.
func checkClosed(files []descriptor.FileDescriptor, found report) {
	c := &closedCheck{found: once(found), done: make(map[protoreflect.FullName]bool)}
	for record := range records(files) {
		c.message(record, record)
	}
	for method := range methods(files) {
		c.message(method.Input(), method)
		c.message(method.Output(), method)
	}
}

// closedCheck walks messages depth first. open is the way down to the present
// one, by which recursion is seen; done are those that hold nothing new.
type closedCheck struct {
	found report
	open  []protoreflect.FullName
	done  map[protoreflect.FullName]bool
}

// message checks what lies inside a message; anchor is the nearest place in
// this project's files.
func (c *closedCheck) message(message protoreflect.MessageDescriptor, anchor protoreflect.Descriptor) {
	if openMessages[message.FullName()] {
		c.found(anchor, "%q leads to %q, which can hold anything, so no class can be given to what is in it. Declare a message with the fields that are meant.",
			anchor.FullName(), message.FullName())
		return
	}
	// Another's message is walked again for each field that leads to it: the
	// finding belongs to the field.
	if c.done[message.FullName()] {
		return
	}
	c.open = append(c.open, message.FullName())
	for field := range all(message.Fields()) {
		c.field(field, anchor)
	}
	c.open = c.open[:len(c.open)-1]
	c.done[message.FullName()] = own(message)
}

func (c *closedCheck) field(field protoreflect.FieldDescriptor, anchor protoreflect.Descriptor) {
	if own(field) {
		anchor = field
	}
	switch {
	case field.IsMap():
		c.found(anchor, "field %q is a map: its keys are text that no class covers, and its encoding has no fixed order. Use a repeated message with a field for the key.",
			field.FullName())
	case field.Message() == nil:
	case slices.Contains(c.open, field.Message().FullName()):
		c.found(anchor, "field %q leads back to %q, in which it lies, so the message has no greatest depth. Use a flat list whose entries name each other.",
			field.FullName(), field.Message().FullName())
	default:
		c.message(field.Message(), anchor)
	}
}
