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

// row is one record of a register.
type row struct {
	line  int // where it begins, from 1; a quoted cell may run over several lines
	cells map[string]string
}

// sheet is a register as read: its rows, and those that are not rows.
type sheet struct {
	columns []string
	rows    []row
	broken  []Reject
}

var byteOrderMark = []byte("\xef\xbb\xbf")

// readSheet reads a register: CSV (RFC 4180) in UTF-8, with or without a byte
// order mark, with a header line. A register is read whole, because the rows of
// one case may stand far apart.
func readSheet(r io.Reader, delimiter rune) (*sheet, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("the register cannot be read: %w", err)
	}
	if bytes.HasPrefix(data, []byte("\xff\xfe")) || bytes.HasPrefix(data, []byte("\xfe\xff")) {
		return nil, errors.New("the register is in UTF-16; save it as CSV UTF-8")
	}
	reader := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(data, byteOrderMark)))
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
	for {
		cells, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return s, nil
		}
		if err != nil {
			var at *csv.ParseError
			if !errors.As(err, &at) {
				return nil, fmt.Errorf("the register cannot be read: %w", err)
			}
			s.broken = append(s.broken, Reject{Line: at.StartLine, Reason: csvReason(err)})
			continue
		}
		line, _ := reader.FieldPos(0)
		s.add(line, cells)
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

// add keeps a row, or says why it is none.
func (s *sheet) add(line int, cells []string) {
	if len(cells) != len(s.columns) {
		s.broken = append(s.broken, Reject{Line: line, Reason: fmt.Sprintf("the row has %d cells and the header %d", len(cells), len(s.columns))})
		return
	}
	r := row{line: line, cells: make(map[string]string, len(cells))}
	for i, cell := range cells {
		if !utf8.ValidString(cell) {
			s.broken = append(s.broken, Reject{Line: line, Column: s.columns[i], Reason: "the cell is not in UTF-8"})
			return
		}
		r.cells[s.columns[i]] = cell
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
