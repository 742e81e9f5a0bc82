package oracle

import (
	"bytes"
	"fmt"
	"strings"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/record"
)

// Mark is one string that stands in one leaf of one record and nowhere else.
type Mark struct {
	// Class is the data class of the section (or header field) that holds the leaf.
	Class jisrv1.DataClass
	// Path names the leaf, such as "Victim.location.address".
	Path string
	// Text is what to look for.
	Text string
}

// shortestMark is the length below which a value turns up by chance: language and country codes, governorates, ages.
const shortestMark = 8

// items is how many items a repeated field gets: two, so that a copy of the first alone shows.
const items = 2

// namePatterns are the shapes of resource names, which the contract writes as templates.
var namePatterns = map[string]string{
	"Case":         "^cases/[a-z2-7]{26}$",
	"Victim":       "^cases/[a-z2-7]{26}/victims/[a-z2-7]{26}$",
	"Suspect":      "^cases/[a-z2-7]{26}/suspects/[a-z2-7]{26}$",
	"Referral":     "^cases/[a-z2-7]{26}/referrals/[a-z2-7]{26}$",
	"Order":        "^cases/[a-z2-7]{26}/orders/[a-z2-7]{26}$",
	"Share":        "^cases/[a-z2-7]{26}/shares/[a-z2-7]{26}$",
	"Consent":      "^cases/[a-z2-7]{26}/victims/[a-z2-7]{26}/consents/[a-z2-7]{26}$",
	"Notification": "^notifications/[a-z2-7]{26}$",
	"Delivery":     "^agencies/canary-[0-9a-f]{8}/deliveries/[a-z2-7]{26}$",
	"LogEntry":     "^logEntries/[a-z2-7]{26}$",
}

// Canary returns a record of the type with every field filled, at every depth,
// by values that the contract's rules allow, and the strings among them by
// which a leak is found. Equal seeds give equal records; records of different
// seeds differ in every leaf that has room for it.
func Canary(t *record.Type, seed string) (proto.Message, []Mark, error) {
	f := filler{seed: seed, record: t.Name}
	m := t.New()
	for i := range t.Desc.Fields().Len() {
		fd := t.Desc.Fields().Get(i)
		f.class = classOf(fd)
		if err := f.field(m.ProtoReflect(), fd, t.Name); err != nil {
			return nil, nil, err
		}
	}
	return m, f.marks, nil
}

// FindCanaries returns the marks whose text stands in b.
func FindCanaries(b []byte, marks []Mark) []Mark {
	var found []Mark
	for _, mark := range marks {
		if bytes.Contains(b, []byte(mark.Text)) {
			found = append(found, mark)
		}
	}
	return found
}

// HiddenFrom returns the marks of classes that the lens lacks.
func HiddenFrom(lens map[jisrv1.DataClass]bool, marks []Mark) []Mark {
	var hidden []Mark
	for _, mark := range marks {
		if !lens[mark.Class] {
			hidden = append(hidden, mark)
		}
	}
	return hidden
}

// filler fills one record and keeps its marks.
type filler struct {
	seed   string
	record string
	class  jisrv1.DataClass
	marks  []Mark
}

// message fills every field of m.
func (f *filler) message(m protoreflect.Message, path string) error {
	if m.Descriptor().FullName() == "google.protobuf.Timestamp" {
		c := newChance(f.seed, path)
		fields := m.Descriptor().Fields()
		m.Set(fields.ByName("seconds"), protoreflect.ValueOfInt64(1_000_000_000+int64(c.below(1_000_000_000))))
		m.Set(fields.ByName("nanos"), protoreflect.ValueOfInt32(int32(1+c.below(999_999_999))))
		return nil
	}
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		if err := f.field(m, fields.Get(i), path); err != nil {
			return err
		}
	}
	return nil
}

func (f *filler) field(m protoreflect.Message, fd protoreflect.FieldDescriptor, parent string) error {
	path := parent + "." + string(fd.Name())
	rules, _ := proto.GetExtension(fd.Options(), validate.E_Field).(*validate.FieldRules)
	if !fd.IsList() {
		v, err := f.value(m.NewField(fd), fd, rules, path, 0)
		if err != nil {
			return err
		}
		m.Set(fd, v)
		return nil
	}
	list := m.Mutable(fd).List()
	for i := range items {
		v, err := f.value(list.NewElement(), fd, rules.GetRepeated().GetItems(), fmt.Sprintf("%s.%d", path, i), i)
		if err != nil {
			return err
		}
		list.Append(v)
	}
	return nil
}

// value returns a value for a field or the item-th item of one.
func (f *filler) value(empty protoreflect.Value, fd protoreflect.FieldDescriptor, rules *validate.FieldRules, path string, item int) (protoreflect.Value, error) {
	c := newChance(f.seed, path)
	switch fd.Kind() {
	case protoreflect.MessageKind:
		return empty, f.message(empty.Message(), path)
	case protoreflect.StringKind:
		text, err := f.text(c, rules.GetString(), path)
		return protoreflect.ValueOfString(text), err
	case protoreflect.EnumKind:
		// Items differ from each other; the unspecified value is never taken.
		first := newChance(f.seed, strings.TrimSuffix(path, fmt.Sprintf(".%d", item)))
		values := fd.Enum().Values()
		pick := 1 + (first.below(values.Len()-1)+item)%(values.Len()-1)
		return protoreflect.ValueOfEnum(values.Get(pick).Number()), nil
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(true), nil
	case protoreflect.Int32Kind:
		return protoreflect.ValueOfInt32(int32(1 + c.below(1<<30))), nil
	case protoreflect.Int64Kind:
		return protoreflect.ValueOfInt64(int64(1 + c.below(1<<40))), nil
	default:
		return empty, fmt.Errorf("%s: no canary for a %s", path, fd.Kind())
	}
}

// text returns a string that the rules allow and marks it, if it is long enough to be one.
func (f *filler) text(c *chance, rules *validate.StringRules, path string) (string, error) {
	pattern := rules.GetPattern()
	if path == f.record+".name" {
		pattern = namePatterns[f.record]
		if pattern == "" {
			return "", fmt.Errorf("%s: the shape of its name is not known", f.record)
		}
	}
	text := "canary-" + path + "-" + c.hex(8)
	if limit := rules.GetMaxLen(); limit > 0 && uint64(len(text)) > limit {
		text = "canary-" + c.hex(16)
	}
	if pattern != "" {
		var err error
		if text, err = matching(pattern, c); err != nil {
			return "", fmt.Errorf("%s: %w", path, err)
		}
	}
	// Of a resource name the last part is the mark: it is there whatever stands around it.
	mark := text[strings.LastIndexByte(text, '/')+1:]
	if len(mark) >= shortestMark {
		f.marks = append(f.marks, Mark{Class: f.class, Path: path, Text: mark})
	}
	return text, nil
}
