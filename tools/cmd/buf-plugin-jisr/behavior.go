package main

import (
	"iter"
	"regexp"
	"slices"

	"buf.build/go/bufplugin/descriptor"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// checkBehavior finds fields of which nobody said whether they are to be filled
// in (AIP-203), and requests that say it otherwise than validation does. Messages
// that only ever leave in a reply are free: there everything is the exchange's to
// fill in, which AIP-203 calls implied.
func checkBehavior(files []descriptor.FileDescriptor, found report) {
	asked, answered, kept := make(reach), make(reach), make(reach)
	for method := range methods(files) {
		asked.from(method.Input())
		answered.from(method.Output())
	}
	for message := range ownMessages(files) {
		if isRecord(message) || isResource(message) {
			kept.from(message)
		}
	}
	for message := range ownMessages(files) {
		name := message.FullName()
		if answered[name] && !asked[name] && !kept[name] {
			continue
		}
		for field := range all(message.Fields()) {
			checkFieldBehavior(field, asked[name], found)
		}
	}
}

// reach holds messages and all that lies in them.
type reach map[protoreflect.FullName]bool

func (r reach) from(message protoreflect.MessageDescriptor) {
	if r[message.FullName()] {
		return
	}
	r[message.FullName()] = true
	for field := range all(message.Fields()) {
		if field.Message() != nil {
			r.from(field.Message())
		}
	}
}

// checkFieldBehavior holds one field to having a behavior and, where requests
// carry it, to what validation does with it when it is empty.
func checkFieldBehavior(field protoreflect.FieldDescriptor, asked bool, found report) {
	behaves := behaviors(field)
	required := slices.Contains(behaves, behaviorRequired)
	optional := slices.Contains(behaves, behaviorOptional)
	outputOnly := slices.Contains(behaves, behaviorOutputOnly)
	switch {
	case !required && !optional && !outputOnly && !slices.Contains(behaves, behaviorIdentifier):
		found(field, "field %q does not say whether it is to be filled in. Give it [(google.api.field_behavior) = REQUIRED, OPTIONAL, OUTPUT_ONLY or IDENTIFIER], and IMMUTABLE beside it where it never changes (AIP-203).",
			field.FullName())
	case required && optional, required && outputOnly, optional && outputOnly:
		found(field, "field %q is more than one of REQUIRED, OPTIONAL and OUTPUT_ONLY. Leave the one that holds.",
			field.FullName())
	case asked && required && !refusesEmpty(field):
		found(field, "field %q is REQUIRED, and validation takes it empty. Add (buf.validate.field).required = true or a rule that an empty value breaks, or make it OPTIONAL.",
			field.FullName())
	case asked && optional && refusesEmpty(field):
		found(field, "field %q is OPTIONAL, and validation refuses it empty. Make it REQUIRED, or let its rule take the empty value.",
			field.FullName())
	}
}

// refusesEmpty tells whether validation refuses the field where it is not set.
// Of the rules it knows those that the schema uses; a REQUIRED field under
// another can always say so by buf.validate's own `required`.
func refusesEmpty(field protoreflect.FieldDescriptor) bool {
	rules, _ := nested(options(field), validateOption)
	if ignore, _ := lastVarint(rules, validateIgnore); ignore != 0 {
		return false
	}
	if required, _ := lastVarint(rules, validateRequired); required != 0 {
		return true
	}
	if field.HasPresence() {
		return false // The other rules bind what is set.
	}
	if field.IsList() {
		list, _ := nested(rules, validateRepeatedRules)
		least, _ := lastVarint(list, validateMinItems)
		return least > 0
	}
	if values, ok := nested(rules, validateEnumRules); ok {
		among := slices.Collect(varints(values, validateEnumIn))
		return len(among) > 0 && !slices.Contains(among, 0) || slices.Contains(slices.Collect(varints(values, validateEnumNotIn)), 0)
	}
	text, _ := nested(rules, validateStringRules)
	return textRefusesEmpty(text)
}

func textRefusesEmpty(rules []byte) bool {
	among, empty := false, false
	for f := range wireFields(rules) {
		switch f.number {
		case validateStringMinLen:
			if f.varint > 0 {
				return true
			}
		case validateStringConst:
			if len(f.bytes) > 0 {
				return true
			}
		case validateStringIn:
			among, empty = true, empty || len(f.bytes) == 0
		case validateStringPattern:
			if form, err := regexp.Compile(string(f.bytes)); err == nil && !form.MatchString("") {
				return true
			}
		}
	}
	return among && !empty
}

// behaviors are the field's behaviors; the option is a list that its definition
// keeps unpacked.
func behaviors(field protoreflect.FieldDescriptor) []uint64 {
	return slices.Collect(varints(options(field), fieldBehaviorOption))
}

// varints yields each number at number.
func varints(b []byte, number protowire.Number) iter.Seq[uint64] {
	return func(yield func(uint64) bool) {
		for f := range wireFields(b) {
			if f.number == number && f.kind == protowire.VarintType && !yield(f.varint) {
				return
			}
		}
	}
}
