package register

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/timestamppb"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/record"
)

// Kind is a kind of record that a register can hold.
type Kind int

// The kinds, in the order in which they are created.
const (
	KindCase Kind = iota
	KindVictim
	KindSuspect
)

// String returns the kind as mapping paths begin with it.
func (k Kind) String() string { return [...]string{"case", "victim", "suspect"}[k] }

// empty returns an empty record of the kind.
func (k Kind) empty() proto.Message {
	switch k {
	case KindVictim:
		return &jisrv1.Victim{}
	case KindSuspect:
		return &jisrv1.Suspect{}
	}
	return &jisrv1.Case{}
}

// target is a field of a record that a register can fill.
type target struct {
	kind Kind
	path []protoreflect.FieldDescriptor
	name string // as written in the mapping, such as victim.identity.birth_date
	// element tells elements of a list that one row fills apart: the numbers in
	// a path such as case.hearings.2.court.
	element string
}

// leaf is the last field of the path.
func (t target) leaf() protoreflect.FieldDescriptor { return t.path[len(t.path)-1] }

// class is the data class that filling the field tells.
func (t target) class() jisrv1.DataClass { return record.ClassOf(t.path[0]) }

// isText reports whether the field takes words as they are.
func (t target) isText() bool { return t.leaf().Kind() == protoreflect.StringKind }

var number = regexp.MustCompile(`^[1-9][0-9]{0,3}$`)

const timestampName = "google.protobuf.Timestamp"

// isTime reports whether the field is a point in time.
func (t target) isTime() bool {
	leaf := t.leaf()
	return leaf.Kind() == protoreflect.MessageKind && leaf.Message().FullName() == timestampName
}

// parseTarget finds the field that a dotted path names.
func parseTarget(name string) (target, error) {
	parts := strings.Split(name, ".")
	t := target{name: name}
	switch parts[0] {
	case "case":
		t.kind = KindCase
	case "victim":
		t.kind = KindVictim
	case "suspect":
		t.kind = KindSuspect
	default:
		return t, fmt.Errorf("%q names no field: a path begins with case, victim or suspect", name)
	}
	at := t.kind.empty().ProtoReflect().Descriptor()
	for i, part := range parts[1:] {
		if len(t.path) > 0 && at != nil && t.leaf().IsList() && number.MatchString(part) {
			t.element += "." + part
			continue
		}
		if at == nil {
			return t, fmt.Errorf("%q names no field: %s has no fields inside", name, strings.Join(parts[:i+1], "."))
		}
		fd := at.Fields().ByName(protoreflect.Name(part))
		if fd == nil {
			return t, fmt.Errorf("%q names no field: %s has no %q; it has %s", name, strings.Join(parts[:i+1], "."), part, fieldNames(at))
		}
		if len(t.path) == 0 {
			if err := settable(fd); err != nil {
				return t, fmt.Errorf("%q: %w", name, err)
			}
		}
		t.path = append(t.path, fd)
		at = nil
		if m := fd.Message(); m != nil && m.FullName() != timestampName {
			at = m
		}
	}
	if len(t.path) == 0 || at != nil {
		return t, fmt.Errorf("%q is not a single field; inside it are %s", name, fieldNames(inside(t)))
	}
	return t, nil
}

func inside(t target) protoreflect.MessageDescriptor {
	if len(t.path) == 0 {
		return t.kind.empty().ProtoReflect().Descriptor()
	}
	return t.leaf().Message()
}

// settable refuses the fields that the exchange itself fills, and links to
// other records, which a register cannot know before they are made.
func settable(fd protoreflect.FieldDescriptor) error {
	behaviors := proto.GetExtension(fd.Options(), annotations.E_FieldBehavior).([]annotations.FieldBehavior)
	if slices.Contains(behaviors, annotations.FieldBehavior_OUTPUT_ONLY) || slices.Contains(behaviors, annotations.FieldBehavior_IDENTIFIER) ||
		record.ClassOf(fd) == jisrv1.DataClass_DATA_CLASS_REFERENCE {
		return fmt.Errorf("the exchange fills this field")
	}
	if proto.HasExtension(fd.Options(), annotations.E_ResourceReference) {
		return fmt.Errorf("it links to other records, which a register cannot name")
	}
	return nil
}

func fieldNames(d protoreflect.MessageDescriptor) string {
	var names []string
	for i := range d.Fields().Len() {
		if fd := d.Fields().Get(i); settable(fd) == nil {
			names = append(names, string(fd.Name()))
		}
	}
	return strings.Join(names, ", ")
}

// parse reads a code of the field: an enum value by its full or short name,
// true or false, or words.
func (t target) parse(code string) (protoreflect.Value, error) {
	leaf := t.leaf()
	switch {
	case leaf.Kind() == protoreflect.EnumKind:
		v := enumValue(leaf.Enum(), code)
		if v == nil || v.Number() == 0 {
			return protoreflect.Value{}, fmt.Errorf("%s has no value %q; it has %s", leaf.Enum().Name(), code, strings.Join(enumNames(leaf.Enum()), ", "))
		}
		return protoreflect.ValueOfEnum(v.Number()), nil
	case leaf.Kind() == protoreflect.BoolKind:
		if code == "true" || code == "false" {
			return protoreflect.ValueOfBool(code == "true"), nil
		}
		return protoreflect.Value{}, fmt.Errorf("%s is true or false, not %q", t.name, code)
	case leaf.Kind() == protoreflect.StringKind:
		return protoreflect.ValueOfString(code), nil
	case t.isTime():
		return protoreflect.Value{}, fmt.Errorf("%s is a time: give the layouts of the column under date", t.name)
	}
	return protoreflect.Value{}, fmt.Errorf("%s is of a kind that a register cannot fill", t.name)
}

// enumValue finds a value by FORCED_LABOUR as well as EXPLOITATION_FORM_FORCED_LABOUR.
func enumValue(d protoreflect.EnumDescriptor, code string) protoreflect.EnumValueDescriptor {
	if v := d.Values().ByName(protoreflect.Name(code)); v != nil {
		return v
	}
	return d.Values().ByName(protoreflect.Name(enumPrefix(d) + code))
}

func enumPrefix(d protoreflect.EnumDescriptor) string {
	return strings.TrimSuffix(string(d.Values().Get(0).Name()), "UNSPECIFIED")
}

func enumNames(d protoreflect.EnumDescriptor) []string {
	var names []string
	for i := 1; i < d.Values().Len(); i++ {
		names = append(names, strings.TrimPrefix(string(d.Values().Get(i).Name()), enumPrefix(d)))
	}
	return names
}

func timeValue(t time.Time) protoreflect.Value {
	return protoreflect.ValueOfMessage(timestamppb.New(t).ProtoReflect())
}
