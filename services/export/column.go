package export

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/timestamppb"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/register"
)

// The columns beside the fields.
const (
	kindColumn     = "kind"
	nameColumn     = "name"
	caseColumn     = "of_case"
	withheldColumn = "withheld"
)

// aside are the fields of a record that have a column of their own, or, as the
// etag, mean nothing outside of the exchange.
var aside = map[protoreflect.Name]bool{"name": true, "etag": true, "withheld": true}

// column is a field by its path, as a mapping writes it: case.core.sectors, and
// case.hearings.2.court for the second of several.
type column struct {
	path string
	// order places it as the contract does: kind, then numbers of field and element.
	order []int
	// list says that it takes several values.
	list bool
}

// columns are the fields that any record fills.
type columns map[string]column

// paths are the columns in the contract's order.
func (c columns) paths() []string {
	ordered := slices.SortedFunc(maps.Values(c), func(a, b column) int { return slices.Compare(a.order, b.order) })
	paths := make([]string, len(ordered))
	for i, column := range ordered {
		paths[i] = column.path
	}
	return paths
}

// note counts what a record brings.
func (s *Summary) note(kind register.Kind, m shown) {
	for _, w := range m.GetWithheld() {
		s.Withheld[short(w.GetDataClass())]++
	}
	known := true
	walk(kind, m, func(c column, _ []string) { s.columns[c.path] = c }, &known)
	if !known {
		s.Unknown++
	}
}

// walk calls leaf for every field that is set and lies in no column of its own,
// with its values; known becomes false where there are fields that this jisr
// does not know.
func walk(kind register.Kind, m shown, leaf func(column, []string), known *bool) {
	var message func(m protoreflect.Message, at column)
	message = func(m protoreflect.Message, at column) {
		if len(m.GetUnknown()) > 0 {
			*known = false
		}
		fields := m.Descriptor().Fields()
		for i := range fields.Len() {
			fd := fields.Get(i)
			if !m.Has(fd) || len(at.order) == 1 && aside[fd.Name()] {
				continue
			}
			v, here := m.Get(fd), at.inside(string(fd.Name()), i)
			switch {
			case fd.IsList() && fd.Message() != nil:
				for j := range v.List().Len() {
					message(v.List().Get(j).Message(), here.inside(strconv.Itoa(j+1), j))
				}
			case fd.IsList():
				values := make([]string, v.List().Len())
				for j := range values {
					values[j] = scalar(fd, v.List().Get(j))
				}
				here.list = true
				leaf(here, values)
			case fd.Message() != nil && !isTime(fd):
				message(v.Message(), here)
			default:
				leaf(here, []string{scalar(fd, v)})
			}
		}
	}
	message(m.ProtoReflect(), column{path: kind.String(), order: []int{int(kind)}})
}

func (c column) inside(name string, n int) column {
	return column{path: c.path + "." + name, order: append(slices.Clone(c.order), n)}
}

func isTime(fd protoreflect.FieldDescriptor) bool {
	return fd.Message() != nil && fd.Message().FullName() == "google.protobuf.Timestamp"
}

// scalar writes a value as a mapping would: codes by their short names, times in UTC.
func scalar(fd protoreflect.FieldDescriptor, v protoreflect.Value) string {
	switch {
	case fd.Kind() == protoreflect.EnumKind:
		return shortOf(fd.Enum(), v.Enum())
	case isTime(fd):
		if ts, ok := v.Message().Interface().(*timestamppb.Timestamp); ok {
			return ts.AsTime().UTC().Format(time.RFC3339Nano)
		}
	}
	return v.String()
}

func short(e protoreflect.Enum) string { return shortOf(e.Descriptor(), e.Number()) }

func shortOf(d protoreflect.EnumDescriptor, n protoreflect.EnumNumber) string {
	v := d.Values().ByNumber(n)
	if v == nil {
		return strconv.Itoa(int(n))
	}
	return strings.TrimPrefix(string(v.Name()), strings.TrimSuffix(string(d.Values().Get(0).Name()), "UNSPECIFIED"))
}

// withheld names what was withheld of a record, why, and whom to ask.
func withheld(m shown) []string {
	var lines []string
	for _, w := range m.GetWithheld() {
		lines = append(lines, withheldText(w))
	}
	return lines
}

func withheldText(w *jisrv1.Withholding) string {
	text := short(w.GetDataClass()) + " (" + short(w.GetReason())
	if ask := w.GetAskAgency(); ask != "" {
		text += ", ask " + ask
	}
	return text + ")"
}
