package register

import (
	"bytes"
	"fmt"
	"strconv"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// ExportColumns are the columns of an export.
type ExportColumns struct {
	// Kind, Name and Case say what a record is, how it is named, and in which case it lies.
	Kind, Name, Case string
	// Fields are the paths of fields, each a column of that name.
	Fields []string
	// Ignore are further columns, which nothing is filled from.
	Ignore []string
}

// MappingOfExport writes the mapping of an export: each column fills the field
// that it came from, but for those that the exchange itself fills.
func MappingOfExport(registerName string, asJSON bool, columns ExportColumns) []byte {
	var b bytes.Buffer
	format := "csv"
	if asJSON {
		format = "json"
	}
	fmt.Fprintf(&b, "# The mapping of an export, written with it by jisr export. Cases are created\n"+
		"# anew under new names, by and for whoever imports.\n"+
		"register: %s\nformat: %s\nexported: true\nmissing: not_stated\nid: %s\ncase: %s\npersons:\n", registerName, format, columns.Name, columns.Case)
	for _, kind := range []Kind{KindVictim, KindSuspect} {
		fmt.Fprintf(&b, "  %s: {columns: [%s], is: [%s]}\n", kind, columns.Kind, kind)
	}
	var left []string
	b.WriteString("fields:\n")
	for _, path := range columns.Fields {
		t, err := parseTarget(path)
		if err != nil {
			left = append(left, path)
			continue
		}
		fmt.Fprintf(&b, "  - {from: %s, to: %s%s}\n", path, path, t.howExported())
	}
	b.WriteString("ignore:\n")
	for _, column := range append(left, columns.Ignore...) {
		fmt.Fprintf(&b, "  - %s\n", column)
	}
	return b.Bytes()
}

// howExported says what a rule needs to read the field as it is exported.
func (t target) howExported() string {
	switch {
	case t.isTime():
		return ", date: [RFC3339]"
	case t.leaf().Kind() == protoreflect.BoolKind:
		return `, values: {"true": "true"}`
	case t.leaf().IsList():
		return ", split: " + strconv.Quote(";")
	}
	return ""
}
