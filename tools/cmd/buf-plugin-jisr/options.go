package main

import (
	"iter"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Numbers of the options that the rules read; a test holds each to the
// descriptor that defines it.
const (
	dataClassOption         protowire.Number = 51001 // jisr.v1.data_class
	indexedOption           protowire.Number = 51002 // jisr.v1.indexed
	recordOption            protowire.Number = 51003 // jisr.v1.record
	fieldBehaviorOption     protowire.Number = 1052  // google.api.field_behavior
	resourceOption          protowire.Number = 1053  // google.api.resource
	resourceReferenceOption protowire.Number = 1055  // google.api.resource_reference
	validateOption          protowire.Number = 1159  // buf.validate.field

	validateStringRules   protowire.Number = 14 // buf.validate.FieldRules.string
	validateEnumRules     protowire.Number = 16 // buf.validate.FieldRules.enum
	validateRepeatedRules protowire.Number = 18 // buf.validate.FieldRules.repeated
	validateRequired      protowire.Number = 25 // buf.validate.FieldRules.required
	validateIgnore        protowire.Number = 27 // buf.validate.FieldRules.ignore
	validateMinItems      protowire.Number = 1  // buf.validate.RepeatedRules.min_items
	validateItems         protowire.Number = 4  // buf.validate.RepeatedRules.items
	validateEnumIn        protowire.Number = 3  // buf.validate.EnumRules.in
	validateEnumNotIn     protowire.Number = 4  // buf.validate.EnumRules.not_in
	validateStringConst   protowire.Number = 1  // buf.validate.StringRules.const
	validateStringMinLen  protowire.Number = 2  // buf.validate.StringRules.min_len
	validateStringPattern protowire.Number = 6  // buf.validate.StringRules.pattern
	validateStringIn      protowire.Number = 10 // buf.validate.StringRules.in

	classReference = 2 // DATA_CLASS_REFERENCE

	behaviorOptional   = 1 // google.api.OPTIONAL
	behaviorRequired   = 2 // google.api.REQUIRED
	behaviorOutputOnly = 3 // google.api.OUTPUT_ONLY
	behaviorIdentifier = 8 // google.api.IDENTIFIER
)

// dataClass is the number of the field's data class; 0 where it has none.
func dataClass(field protoreflect.FieldDescriptor) uint64 {
	class, _ := lastVarint(options(field), dataClassOption)
	return class
}

// indexed tells whether the field is clear at rest for queries and life cycle.
func indexed(field protoreflect.FieldDescriptor) bool {
	value, _ := lastVarint(options(field), indexedOption)
	return value != 0
}

// isRecord tells whether the message is stored and sealed section by section.
func isRecord(message protoreflect.MessageDescriptor) bool {
	_, ok := nested(options(message), recordOption)
	return ok
}

// isResource tells whether the message is one that has a name of its own.
func isResource(message protoreflect.MessageDescriptor) bool {
	_, ok := nested(options(message), resourceOption)
	return ok
}

// inHeader tells whether a record's field belongs to its header, which is clear
// at rest, rather than being a section. The server reads the schema likewise.
func inHeader(field protoreflect.FieldDescriptor) bool {
	return dataClass(field) == classReference || indexed(field)
}

// isResourceName tells whether the field's value names a resource: its own
// record or another.
func isResourceName(field protoreflect.FieldDescriptor) bool {
	if _, ok := nested(options(field), resourceReferenceOption); ok {
		return true
	}
	return slices.Contains(behaviors(field), behaviorIdentifier)
}

// hasClosedText tells whether validation confines the string, or each string of
// a list, to a pattern or to a closed list of values.
func hasClosedText(field protoreflect.FieldDescriptor) bool {
	rules, ok := nested(options(field), validateOption)
	if ok && field.IsList() {
		if rules, ok = nested(rules, validateRepeatedRules); ok {
			rules, ok = nested(rules, validateItems)
		}
	}
	if !ok {
		return false
	}
	text, _ := nested(rules, validateStringRules)
	for f := range wireFields(text) {
		switch f.number {
		case validateStringConst, validateStringPattern, validateStringIn:
			return true
		}
	}
	return false
}

// options returns the descriptor's options as they stand on the wire. Options
// that cannot be encoded count as none: a field then has no class, which the
// rules report.
func options(d protoreflect.Descriptor) []byte {
	b, err := proto.MarshalOptions{AllowPartial: true}.Marshal(d.Options())
	if err != nil {
		return nil
	}
	return b
}

// nested returns the message at number. Parts that stand apart are joined,
// which on the wire is the same as merging them.
func nested(b []byte, number protowire.Number) (message []byte, ok bool) {
	for f := range wireFields(b) {
		if f.number == number && f.kind == protowire.BytesType {
			message, ok = append(message, f.bytes...), true
		}
	}
	return message, ok
}

// lastVarint returns the number at number; of several the last one counts.
func lastVarint(b []byte, number protowire.Number) (value uint64, ok bool) {
	for f := range wireFields(b) {
		if f.number == number && f.kind == protowire.VarintType {
			value, ok = f.varint, true
		}
	}
	return value, ok
}

// wireField is one field of an encoded message; varint and bytes are set for
// their own kinds only.
type wireField struct {
	number protowire.Number
	kind   protowire.Type
	varint uint64
	bytes  []byte
}

// wireFields walks the fields of an encoded message and stops where it is
// malformed.
func wireFields(b []byte) iter.Seq[wireField] {
	return func(yield func(wireField) bool) {
		for len(b) > 0 {
			number, kind, n := protowire.ConsumeTag(b)
			if n < 0 {
				return
			}
			b = b[n:]
			f := wireField{number: number, kind: kind}
			switch kind {
			case protowire.VarintType:
				f.varint, n = protowire.ConsumeVarint(b)
			case protowire.BytesType:
				f.bytes, n = protowire.ConsumeBytes(b)
			default:
				n = protowire.ConsumeFieldValue(number, kind, b)
			}
			if n < 0 || !yield(f) {
				return
			}
			b = b[n:]
		}
	}
}
