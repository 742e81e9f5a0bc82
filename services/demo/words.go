package demo

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/timestamppb"
)

const fieldWidth = 34

// recordOf prints a record as its reader got it: field by field in the
// contract's names, values last, since they may run from right to left.
func (t *teller) recordOf(title string, k kept) {
	t.line("\n  %s", title)
	var lines [][2]string
	flatten(k.msg.ProtoReflect(), "", &lines)
	for _, l := range lines {
		if l[0] == "name" {
			l[1] = shorten(l[1])
		}
		t.line("    %-*s %s", fieldWidth, l[0], isolate(l[1]))
	}
	closed := slices.Sorted(maps.Keys(k.withheld))
	if len(closed) == 0 {
		return
	}
	text := "withheld: " + labelAll(closed)
	if len(k.ask) > 0 {
		text += ". Whom to ask: " + strings.Join(k.ask, ", ")
	}
	for i, l := range wrap(text, width-6) {
		if i > 0 {
			l = "  " + l
		}
		t.line("    %s", t.dim(l))
	}
}

// shorten cuts the ids in a name: nobody reads 26 letters, and a table has no room for them.
func shorten(name string) string {
	parts := strings.Split(name, "/")
	for i := 1; i < len(parts); i += 2 {
		parts[i] = parts[i][:min(len(parts[i]), 5)] + "…"
	}
	return strings.Join(parts, "/")
}

// flatten lists the fields that are set, but the ones that every record has.
func flatten(m protoreflect.Message, under string, into *[][2]string) {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		fd := fields.Get(i)
		path := under + string(fd.Name())
		if !m.Has(fd) || under == "" && (fd.Number() > 1 && fd.Number() <= 5) {
			continue
		}
		switch v := m.Get(fd); {
		case fd.IsList() && fd.Message() != nil:
			for j := range v.List().Len() {
				flatten(v.List().Get(j).Message(), fmt.Sprintf("%s[%d].", path, j), into)
			}
		case fd.IsList():
			words := make([]string, v.List().Len())
			for j := range words {
				words[j] = word(fd, v.List().Get(j))
			}
			*into = append(*into, [2]string{path, strings.Join(words, ", ")})
		case fd.Message() != nil:
			if ts, ok := v.Message().Interface().(*timestamppb.Timestamp); ok {
				*into = append(*into, [2]string{path, ts.AsTime().Format(time.DateOnly)})
				continue
			}
			flatten(v.Message(), path+".", into)
		default:
			*into = append(*into, [2]string{path, word(fd, v)})
		}
	}
}

// word is one value; an enum's without the prefix that its type repeats.
func word(fd protoreflect.FieldDescriptor, v protoreflect.Value) string {
	if fd.Kind() != protoreflect.EnumKind {
		return v.String()
	}
	value := fd.Enum().Values().ByNumber(v.Enum())
	if value == nil {
		return v.String()
	}
	prefix := strings.TrimSuffix(string(fd.Enum().Values().Get(0).Name()), "UNSPECIFIED")
	return strings.TrimPrefix(string(value.Name()), prefix)
}
