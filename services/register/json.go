package register

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxDepth bounds how deep the objects of a row may lie in each other; a form
// that people fill in has no more.
const maxDepth = 16

// readJSON reads a register of JSON objects: one, one after another, an array
// of them, or one a line. A field inside an object becomes the column
// outer.inner, the objects of an array become outer.1.inner, outer.2.inner, and
// an array of plain values is a cell with several values. Where each object has
// a line of its own, a line that cannot be read is rejected alone.
func readJSON(data []byte) (*sheet, error) {
	s := &sheet{}
	known := make(map[string]bool)
	add := func(line int, text []byte) {
		number := len(s.rows) + len(s.broken) + 1
		r, broken := jsonRow(text)
		if broken != nil {
			broken.Line = line
			s.broken = append(s.broken, *broken)
			return
		}
		r.number, r.line = number, line
		for _, column := range r.columns {
			if !known[column] {
				known[column] = true
				s.columns = append(s.columns, column)
			}
		}
		s.add(r.row)
	}
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, errors.New("the register is empty: not even one object")
	}
	if oneALine(data) {
		for i, text := range bytes.Split(data, []byte("\n")) {
			if len(bytes.TrimSpace(text)) > 0 {
				add(i+1, text)
			}
		}
		return s, nil
	}
	return s, eachValue(data, add)
}

// oneALine reports whether every line begins an object, which no line inside an
// object printed over several lines does.
func oneALine(data []byte) bool {
	for text := range bytes.SplitSeq(data, []byte("\n")) {
		if text = bytes.TrimSpace(text); len(text) > 0 && text[0] != '{' {
			return false
		}
	}
	return true
}

// eachValue finds the values of an array, or those that stand one after another.
func eachValue(data []byte, add func(int, []byte)) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	line, counted := 1, 0
	lineAt := func(offset int) int {
		line += bytes.Count(data[counted:offset], []byte("\n"))
		counted = offset
		return line
	}
	bad := func(err error, offset int) error {
		if syntax := (*json.SyntaxError)(nil); errors.As(err, &syntax) {
			offset = min(max(offset, int(syntax.Offset)), len(data))
		}
		// The library's words hold characters of the register, so only the line is told.
		return fmt.Errorf("the register is not JSON: see line %d", lineAt(offset))
	}
	array := bytes.HasPrefix(bytes.TrimSpace(data), []byte("["))
	if array {
		if _, err := decoder.Token(); err != nil {
			return bad(err, int(decoder.InputOffset()))
		}
	}
	for !array || decoder.More() {
		start := int(decoder.InputOffset())
		for start < len(data) && bytes.IndexByte([]byte(" \t\r\n,"), data[start]) >= 0 {
			start++
		}
		var text json.RawMessage
		err := decoder.Decode(&text)
		if errors.Is(err, io.EOF) && !array {
			return nil
		}
		if err != nil {
			return bad(err, start)
		}
		add(lineAt(start), text)
	}
	if _, err := decoder.Token(); err != nil {
		return bad(err, int(decoder.InputOffset()))
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return bad(err, int(decoder.InputOffset()))
	}
	return nil
}

// flat is a row with its columns in order.
type flat struct {
	row
	columns []string
	fault   *Reject
}

func (f *flat) reject(column, reason string) {
	if f.fault == nil {
		f.fault = &Reject{Column: column, Reason: reason}
	}
}

func jsonRow(text []byte) (*flat, *Reject) {
	text = bytes.TrimSpace(text)
	switch {
	case !utf8.Valid(text):
		return nil, &Reject{Reason: "the row is not in UTF-8"}
	case !json.Valid(text):
		return nil, &Reject{Reason: "the line is not JSON"}
	case text[0] != '{':
		return nil, &Reject{Reason: "this is a value without a name; a row is an object"}
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber() // 00.10 would not come back as it was from a float
	f := &flat{row: row{cells: make(map[string]cell)}}
	f.value(decoder, "", 0)
	return f, f.fault
}

// value reads one value into the column of its path. The text is valid JSON, so
// tokens cannot fail.
func (f *flat) value(decoder *json.Decoder, path string, depth int) {
	token, err := decoder.Token()
	if err != nil || depth > maxDepth {
		f.reject(path, "objects lie too deep in each other")
		return
	}
	switch token {
	case json.Delim('{'):
		for decoder.More() && f.fault == nil {
			key, _ := decoder.Token() // a key, as the text is valid
			name, _ := key.(string)
			f.value(decoder, join(path, name), depth+1)
		}
		_, _ = decoder.Token() // the closing brace
	case json.Delim('['):
		f.array(decoder, path, depth)
		_, _ = decoder.Token() // the closing bracket
	default:
		f.put(path, f.scalar(path, token), false)
	}
}

// array reads an array: of objects into columns with numbers, of plain values into one cell.
func (f *flat) array(decoder *json.Decoder, path string, depth int) {
	if !decoder.More() {
		f.put(path, nil, true)
		return
	}
	var values []string
	for n, objects := 1, 0; decoder.More() && f.fault == nil; n++ {
		var element json.RawMessage
		if err := decoder.Decode(&element); err != nil {
			f.reject(path, "the array cannot be read")
			return
		}
		inner := json.NewDecoder(bytes.NewReader(element))
		inner.UseNumber()
		switch element[0] {
		case '{':
			objects++
			f.value(inner, join(path, strconv.Itoa(n)), depth+1)
		case '[':
			f.reject(path, "an array lies in an array")
		default:
			token, err := inner.Token()
			if err != nil {
				f.reject(path, "the array cannot be read")
			}
			values = append(values, f.scalar(path, token)...)
		}
		if objects > 0 && objects < n {
			f.reject(path, "objects and plain values stand in one array")
		}
		if objects == 0 && !decoder.More() {
			f.put(path, values, true)
		}
	}
}

// scalar is a plain value as text; null states nothing.
func (f *flat) scalar(path string, token json.Token) []string {
	switch v := token.(type) {
	case string:
		if strings.ContainsRune(v, utf8.RuneError) {
			f.reject(path, "the cell holds a character that was lost before it came here (U+FFFD)")
		}
		return []string{v}
	case json.Number:
		return []string{v.String()}
	case bool:
		return []string{strconv.FormatBool(v)}
	}
	return nil
}

func (f *flat) put(path string, values []string, list bool) {
	if _, twice := f.cells[path]; twice {
		f.reject(path, "the row states this twice")
	}
	f.cells[path] = cell{values: values, list: list}
	f.columns = append(f.columns, path)
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
