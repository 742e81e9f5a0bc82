package register

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// cell is what a row says in a column: one value, or several where the
// register's form has lists.
type cell struct {
	values []string
	list   bool
}

// row is one record of a register.
type row struct {
	number int // its place among the rows, from 1; those that cannot be read count
	line   int // where it begins, from 1; a quoted cell may run over several lines
	cells  map[string]cell
}

// text is a cell as one text without space around it.
func (r row) text(column string) string {
	return strings.TrimSpace(strings.Join(r.cells[column].values, listSeparator))
}

// sheet is a register as read: its rows, and those that are not rows.
type sheet struct {
	columns []string
	rows    []row
	broken  []Reject
	// lost is the line from which on the rows cannot be told apart for certain; 0 if all can.
	lost int
}

var byteOrderMark = []byte("\xef\xbb\xbf")

// read reads a register in the form that the mapping says. A register is read
// whole, because the rows of one case may stand far apart.
func (m *Mapping) read(r io.Reader) (*sheet, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("the register cannot be read: %w", err)
	}
	if bytes.HasPrefix(data, []byte("\xff\xfe")) || bytes.HasPrefix(data, []byte("\xfe\xff")) {
		return nil, errors.New("the register is in UTF-16; save it as UTF-8")
	}
	data = bytes.TrimPrefix(data, byteOrderMark)
	if m.json {
		return readJSON(data)
	}
	s, err := readCSV(data, m.delimiter)
	if err != nil || !m.exported {
		return s, err
	}
	for _, r := range s.rows {
		for _, c := range r.cells {
			c.values[0] = Unguard(c.values[0])
		}
	}
	return s, nil
}

// readCSV reads CSV (RFC 4180) in UTF-8 with a header line.
func readCSV(data []byte, delimiter rune) (*sheet, error) {
	reader := csv.NewReader(bytes.NewReader(data))
	reader.Comma = delimiter
	reader.FieldsPerRecord = -1
	header, err := reader.Read()
	if errors.Is(err, io.EOF) {
		return nil, errors.New("the register is empty: not even a header line")
	}
	if err != nil {
		return nil, fmt.Errorf("the register's header cannot be read: %s", csvReason(err))
	}
	s := &sheet{columns: header}
	if err := s.checkHeader(); err != nil {
		return nil, err
	}
	for number := 1; ; number++ {
		cells, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return s, nil
		}
		if err != nil {
			var at *csv.ParseError
			if !errors.As(err, &at) {
				return nil, fmt.Errorf("the register cannot be read: %w", err)
			}
			// A quote gone wrong may have taken rows into this one, or cut one in two.
			if s.lost == 0 {
				s.lost = at.StartLine
			}
			s.broken = append(s.broken, Reject{Line: at.StartLine, Reason: csvReason(err)})
			continue
		}
		line, _ := reader.FieldPos(0)
		if len(cells) != len(s.columns) {
			// Over several lines it may be several rows, joined by a quote that one of them lacks.
			if s.lost == 0 && strings.Contains(strings.Join(cells, ""), "\n") {
				s.lost = line
			}
			s.broken = append(s.broken, Reject{Line: line, Reason: fmt.Sprintf("the row has %d cells and the header %d", len(cells), len(s.columns))})
			continue
		}
		r := row{number: number, line: line, cells: make(map[string]cell, len(cells))}
		for i, text := range cells {
			r.cells[s.columns[i]] = cell{values: []string{text}}
		}
		s.add(r)
	}
}

func (s *sheet) checkHeader() error {
	seen := make(map[string]bool)
	for i, name := range s.columns {
		if !utf8.ValidString(name) {
			return errors.New("the register is not in UTF-8; save it as CSV UTF-8")
		}
		name = strings.TrimSpace(name)
		if seen[name] {
			return fmt.Errorf("the register has two columns named %q", name)
		}
		seen[name] = true
		s.columns[i] = name
	}
	return nil
}

// add keeps a row, or says which cell makes it none.
func (s *sheet) add(r row) {
	for _, column := range s.columns {
		for _, text := range r.cells[column].values {
			reason := ""
			switch {
			case !utf8.ValidString(text):
				reason = "the cell is not in UTF-8"
			case strings.ContainsRune(text, 0):
				reason = "the cell holds a NUL character" // RequestID relies on there being none
			}
			if reason != "" {
				s.broken = append(s.broken, Reject{Line: r.line, Column: column, Reason: reason})
				return
			}
		}
	}
	s.rows = append(s.rows, r)
}

// csvReason says what is wrong without the library's words, which differ by version.
func csvReason(err error) string {
	switch {
	case errors.Is(err, csv.ErrBareQuote):
		return "a quote stands inside a cell that does not begin with one"
	case errors.Is(err, csv.ErrQuote):
		return "a quoted cell is not closed, or goes on after its closing quote; lines after it may have been read into it"
	}
	return "the line is not CSV"
}
