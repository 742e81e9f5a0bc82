// Package record knows what a stored record is: a short header followed by
// sections, each of exactly one data class, as the contract's descriptors say.
// It holds no law (who may see what is the agreement's) and no key.
package record

import (
	"fmt"
	"sort"
	"strings"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
)

// Field numbers by which every record is laid out; the lint rule JISR_RESERVED holds the contract to them.
const (
	firstSection = 20    // header fields lie below
	firstSealed  = 16000 // a section's sealed form travels under this plus its number
	lastSealed   = 17999
)

// Field is a top-level field of a record.
type Field struct {
	// Desc is the field in the contract.
	Desc protoreflect.FieldDescriptor
	// Number is the field's number.
	Number protoreflect.FieldNumber
	// Class is the field's data class.
	Class Class
}

// Type is the shape of one kind of record.
type Type struct {
	// Desc is the message in the contract.
	Desc protoreflect.MessageDescriptor
	// Name is the message's short name, such as "Victim".
	Name string
	// Collection is the collection's name in resource names, such as "victims".
	Collection string
	// Subject says under whose key the record is sealed.
	Subject jisrv1.RecordKind_Subject
	// Header are the fields that are clear at rest, by number.
	Header []Field
	// Sections are the fields that are sealed, by number.
	Sections []Field
	// Classes are all classes of the type's fields, without REFERENCE.
	Classes ClassSet

	byNumber []Field // by number; without a class where there is no field
	byClass  map[Class][]Field
}

// Field returns the top-level field of that number.
func (t *Type) Field(n protoreflect.FieldNumber) (Field, bool) {
	if n <= 0 || int(n) >= len(t.byNumber) {
		return Field{}, false
	}
	f := t.byNumber[n]
	return f, f.Class != 0
}

// FieldsOf returns the type's fields of a class, by number.
func (t *Type) FieldsOf(c Class) []Field { return t.byClass[c] }

// IsSection reports whether n is the number of a sealed field.
func (t *Type) IsSection(n protoreflect.FieldNumber) bool { return n >= firstSection }

// types holds every record of the contract by full message name; read only after init.
var types = mustTypes()

// TypeOf returns the type of a record, or nil if the message is none.
func TypeOf(m proto.Message) *Type { return ByDescriptor(m.ProtoReflect().Descriptor()) }

// ByDescriptor returns the type of a record's descriptor, or nil if it is none.
func ByDescriptor(d protoreflect.MessageDescriptor) *Type { return types[d.FullName()] }

// ByName returns the type of that short name ("Victim"), or nil.
func ByName(name string) *Type { return types[protoreflect.FullName("jisr.v1."+name)] }

// Types returns all record types by name.
func Types() []*Type {
	all := make([]*Type, 0, len(types))
	for _, t := range types {
		all = append(all, t)
	}
	sort.Slice(all, func(i, j int) bool { return all[i].Name < all[j].Name })
	return all
}

// New returns an empty record of the type.
func (t *Type) New() proto.Message {
	return messageTypes[t.Desc.FullName()].New().Interface()
}

// IsRecord reports whether the contract marks the message as a stored record.
func IsRecord(d protoreflect.MessageDescriptor) bool {
	return proto.HasExtension(d.Options(), jisrv1.E_Record)
}

// ClassOf returns the data class written on a field, or unspecified.
func ClassOf(fd protoreflect.FieldDescriptor) Class {
	return proto.GetExtension(fd.Options(), jisrv1.E_DataClass).(jisrv1.DataClass)
}

// mustTypes reads the contract. A record that breaks the layout is a fault of
// this program, not of its input, so the program does not start.
func mustTypes() map[protoreflect.FullName]*Type {
	found := make(map[protoreflect.FullName]*Type)
	for name, mt := range messageTypes {
		t, err := readType(mt.Descriptor())
		if err != nil {
			panic(fmt.Sprintf("record %s: %v", name, err))
		}
		found[name] = t
	}
	return found
}

func readType(d protoreflect.MessageDescriptor) (*Type, error) {
	resource := proto.GetExtension(d.Options(), annotations.E_Resource).(*annotations.ResourceDescriptor)
	kind := proto.GetExtension(d.Options(), jisrv1.E_Record).(*jisrv1.RecordKind)
	t := &Type{
		Desc:       d,
		Name:       string(d.Name()),
		Collection: resource.GetPlural(),
		Subject:    kind.GetSubject(),
		byClass:    make(map[Class][]Field),
	}
	for i := range d.Fields().Len() {
		fd := d.Fields().Get(i)
		f := Field{Desc: fd, Number: fd.Number(), Class: ClassOf(fd)}
		if f.Class <= 0 || f.Class > 63 {
			return nil, fmt.Errorf("field %s has no data class below 64", fd.Name())
		}
		clear := f.Class == jisrv1.DataClass_DATA_CLASS_REFERENCE ||
			proto.GetExtension(fd.Options(), jisrv1.E_Indexed).(bool)
		if clear != (f.Number < firstSection) {
			return nil, fmt.Errorf("field %s: header fields are numbered below %d and sections from there on", fd.Name(), firstSection)
		}
		if clear {
			t.Header = append(t.Header, f)
		} else {
			t.Sections = append(t.Sections, f)
		}
		if short := int(f.Number) + 1 - len(t.byNumber); short > 0 {
			t.byNumber = append(t.byNumber, make([]Field, short)...)
		}
		t.byNumber[f.Number] = f
		t.byClass[f.Class] = append(t.byClass[f.Class], f)
		if f.Class != jisrv1.DataClass_DATA_CLASS_REFERENCE {
			t.Classes |= Classes(f.Class)
		}
	}
	byNumber := func(fs []Field) func(i, j int) bool {
		return func(i, j int) bool { return fs[i].Number < fs[j].Number }
	}
	sort.Slice(t.Header, byNumber(t.Header))
	sort.Slice(t.Sections, byNumber(t.Sections))
	for _, fs := range t.byClass {
		sort.Slice(fs, byNumber(fs))
	}
	return t, nil
}

// Path returns the contract's name of a field for people, such as "Victim.location".
func (t *Type) Path(f Field) string {
	return strings.Join([]string{t.Name, string(f.Desc.Name())}, ".")
}

// Clone copies a record, so that a handler that runs again starts from the request as it came.
func Clone[M proto.Message](m M) M { return proto.Clone(m).(M) }
