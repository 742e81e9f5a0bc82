package main

import (
	"fmt"
	"iter"
	"strings"

	"buf.build/go/bufplugin/descriptor"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// ownPrefix begins the full name of everything that this project declares.
// Only there can a finding be mended.
const ownPrefix = "jisr."

// own tells whether the descriptor is this project's.
func own(d protoreflect.Descriptor) bool {
	return strings.HasPrefix(string(d.FullName()), ownPrefix)
}

// ownMessages walks the messages of the files under check, nested ones
// included.
func ownMessages(files []descriptor.FileDescriptor) iter.Seq[protoreflect.MessageDescriptor] {
	return func(yield func(protoreflect.MessageDescriptor) bool) {
		for _, file := range files {
			if !file.IsImport() && !eachMessage(file.ProtoreflectFileDescriptor().Messages(), yield) {
				return
			}
		}
	}
}

// eachMessage yields the messages and those declared inside them. The entries
// of maps are made by the compiler and left out.
func eachMessage(messages protoreflect.MessageDescriptors, yield func(protoreflect.MessageDescriptor) bool) bool {
	for message := range all(messages) {
		if message.IsMapEntry() {
			continue
		}
		if !yield(message) || !eachMessage(message.Messages(), yield) {
			return false
		}
	}
	return true
}

// records walks the records of the files under check.
func records(files []descriptor.FileDescriptor) iter.Seq[protoreflect.MessageDescriptor] {
	return func(yield func(protoreflect.MessageDescriptor) bool) {
		for message := range ownMessages(files) {
			if isRecord(message) && !yield(message) {
				return
			}
		}
	}
}

// methods walks the rpcs of the files under check.
func methods(files []descriptor.FileDescriptor) iter.Seq[protoreflect.MethodDescriptor] {
	return func(yield func(protoreflect.MethodDescriptor) bool) {
		for _, file := range files {
			if file.IsImport() {
				continue
			}
			for service := range all(file.ProtoreflectFileDescriptor().Services()) {
				for method := range all(service.Methods()) {
					if !yield(method) {
						return
					}
				}
			}
		}
	}
}

// all walks one of protoreflect's lists.
func all[D protoreflect.Descriptor](list interface {
	Len() int
	Get(int) D
}) iter.Seq[D] {
	return func(yield func(D) bool) {
		for i := range list.Len() {
			if !yield(list.Get(i)) {
				return
			}
		}
	}
}

// walk visits every field inside message, at any depth. anchor is the nearest
// place in this project's files, where a finding about the field can be shown.
// What lies inside a field is visited only if visit says so; a message is
// entered once.
func walk(
	message protoreflect.MessageDescriptor,
	anchor protoreflect.Descriptor,
	visit func(field protoreflect.FieldDescriptor, anchor protoreflect.Descriptor) (enter bool),
) {
	entered := make(map[protoreflect.FullName]bool)
	var enter func(protoreflect.MessageDescriptor, protoreflect.Descriptor)
	enter = func(message protoreflect.MessageDescriptor, anchor protoreflect.Descriptor) {
		if entered[message.FullName()] {
			return
		}
		entered[message.FullName()] = true
		for field := range all(message.Fields()) {
			at := anchor
			if own(field) {
				at = field
			}
			if visit(field, at) && field.Message() != nil {
				enter(field.Message(), at)
			}
		}
	}
	enter(message, anchor)
}

// place names a field for a message to its author: by the field of this project
// that leads to it, if it is declared elsewhere.
func place(field protoreflect.FieldDescriptor, anchor protoreflect.Descriptor) string {
	if own(field) {
		return fmt.Sprintf("%q", field.FullName())
	}
	return fmt.Sprintf("%q (%s)", anchor.FullName(), field.FullName())
}

// classNames gives the names of the data classes by number, as the files
// declare them.
func classNames(files []descriptor.FileDescriptor) map[uint64]string {
	names := make(map[uint64]string)
	for _, file := range files {
		for extension := range all(file.ProtoreflectFileDescriptor().Extensions()) {
			if extension.Number() != dataClassOption || extension.Enum() == nil ||
				extension.ContainingMessage().FullName() != "google.protobuf.FieldOptions" {
				continue
			}
			for value := range all(extension.Enum().Values()) {
				names[uint64(value.Number())] = string(value.Name())
			}
		}
	}
	// Zero is the absence of a class, however it is spelled.
	names[0] = "no data class"
	return names
}
