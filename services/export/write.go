package export

import (
	"encoding/json"
	"io"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protodelim"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/jisr-exchange/jisr/services/register"
)

// byteOrderMark makes spreadsheets read UTF-8, and with it every script, as it is.
const byteOrderMark = "\ufeff"

// CSV writes a spool as CSV (RFC 4180): a row for each record, a column for
// each field that any record fills, several values of a field in one cell.
// Every cell is quoted and guarded, so that none runs as a formula.
func (s *Summary) CSV(w io.Writer, spool protodelim.Reader) error {
	paths := s.columns.paths()
	if _, err := io.WriteString(w, byteOrderMark); err != nil {
		return err
	}
	header := slices.Concat([]string{kindColumn, nameColumn, caseColumn}, paths, []string{withheldColumn})
	if err := writeRow(w, header); err != nil {
		return err
	}
	return each(spool, func(kind register.Kind, m shown) error {
		cells := make(map[string]string)
		known := true // counted when it was fetched
		walk(kind, m, func(c column, values []string) { cells[c.path] = text(c, values) }, &known)
		row := []string{kind.String(), m.GetName(), caseOf(m.GetName())}
		for _, path := range paths {
			row = append(row, cells[path])
		}
		return writeRow(w, append(row, register.JoinList(withheld(m))))
	})
}

// text is the cell of a field: a list is escaped even where it has one value, so
// that it reads back as what it was.
func text(c column, values []string) string {
	if c.list {
		return register.JoinList(values)
	}
	return values[0]
}

// writeRow quotes every cell: a spreadsheet whose separator is another one
// then has fewer places to cut, and the guard is for those that are left.
func writeRow(w io.Writer, cells []string) error {
	var b strings.Builder
	for i, cell := range cells {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteByte('"')
		b.WriteString(strings.ReplaceAll(register.Guard(cell), `"`, `""`))
		b.WriteByte('"')
	}
	b.WriteString("\r\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// line is a record in JSON lines. Its keys make the same columns as CSV has.
type line struct {
	Kind     string          `json:"kind"`
	Name     string          `json:"name"`
	Case     string          `json:"of_case"`
	CaseBody json.RawMessage `json:"case,omitempty"`
	Victim   json.RawMessage `json:"victim,omitempty"`
	Suspect  json.RawMessage `json:"suspect,omitempty"`
	Withheld []string        `json:"withheld"`
}

// JSONLines writes a spool as one JSON object a line, in the contract's field
// names; what is not stated is not there.
func (s *Summary) JSONLines(w io.Writer, spool protodelim.Reader) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	return each(spool, func(kind register.Kind, m shown) error {
		body, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(without(m))
		if err != nil {
			return err
		}
		l := line{Kind: kind.String(), Name: m.GetName(), Case: caseOf(m.GetName()), Withheld: withheld(m)}
		if l.Withheld == nil {
			l.Withheld = []string{}
		}
		switch kind {
		case register.KindVictim:
			l.Victim = body
		case register.KindSuspect:
			l.Suspect = body
		default:
			l.CaseBody = body
		}
		return encoder.Encode(l)
	})
}

// without is the record without the fields that stand beside it.
func without(m shown) proto.Message {
	c := proto.Clone(m)
	fields := c.ProtoReflect().Descriptor().Fields()
	for name := range aside {
		if fd := fields.ByName(name); fd != nil {
			c.ProtoReflect().Clear(fd)
		}
	}
	return c
}

// Mapping is the mapping by which jisr import reads the export again, for a
// role that may tell what is in it. The register's name stands in every request
// id; the same name imports the same export once.
func (s *Summary) Mapping(registerName string, asJSON bool) []byte {
	return register.MappingOfExport(registerName, asJSON, register.ExportColumns{
		Kind: kindColumn, Name: nameColumn, Case: caseColumn, Ignore: []string{withheldColumn}, Fields: s.columns.paths(),
	})
}
