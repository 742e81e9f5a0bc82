package main

import (
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// TestNumbersAreTheDefinersNumbers holds the numbers that the plugin reads off
// the wire to the descriptors in which they are defined.
func TestNumbersAreTheDefinersNumbers(t *testing.T) {
	files := new(protoregistry.Files)
	for _, file := range compile(t, "sound.proto", "testdata/lint") {
		if err := files.RegisterFile(file.ProtoreflectFileDescriptor()); err != nil {
			t.Fatal(err)
		}
	}
	for name, number := range map[protoreflect.FullName]protowire.Number{
		"jisr.v1.data_class":                   dataClassOption,
		"jisr.v1.indexed":                      indexedOption,
		"jisr.v1.record":                       recordOption,
		"jisr.v1.DATA_CLASS_REFERENCE":         classReference,
		"google.api.field_behavior":            fieldBehaviorOption,
		"google.api.OPTIONAL":                  behaviorOptional,
		"google.api.REQUIRED":                  behaviorRequired,
		"google.api.OUTPUT_ONLY":               behaviorOutputOnly,
		"google.api.IDENTIFIER":                behaviorIdentifier,
		"google.api.resource":                  resourceOption,
		"google.api.resource_reference":        resourceReferenceOption,
		"buf.validate.field":                   validateOption,
		"buf.validate.FieldRules.string":       validateStringRules,
		"buf.validate.FieldRules.enum":         validateEnumRules,
		"buf.validate.FieldRules.repeated":     validateRepeatedRules,
		"buf.validate.FieldRules.required":     validateRequired,
		"buf.validate.FieldRules.ignore":       validateIgnore,
		"buf.validate.EnumRules.in":            validateEnumIn,
		"buf.validate.EnumRules.not_in":        validateEnumNotIn,
		"buf.validate.StringRules.min_len":     validateStringMinLen,
		"buf.validate.RepeatedRules.min_items": validateMinItems,
		"buf.validate.RepeatedRules.items":     validateItems,
		"buf.validate.StringRules.const":       validateStringConst,
		"buf.validate.StringRules.pattern":     validateStringPattern,
		"buf.validate.StringRules.in":          validateStringIn,
	} {
		d, err := files.FindDescriptorByName(name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var defined protowire.Number
		switch d := d.(type) {
		case protoreflect.FieldDescriptor:
			defined = d.Number()
		case protoreflect.EnumValueDescriptor:
			defined = protowire.Number(d.Number())
		}
		if defined != number {
			t.Errorf("%s is %d, the plugin reads %d", name, defined, number)
		}
	}
}
