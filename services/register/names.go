package register

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync"
)

// Names is the list of what became of each row: register, external id, kind,
// ordinal, resource name. It holds nothing else of the register, and is written
// as each record is made, so that an import that is cut off can go on.
type Names struct {
	mu      sync.Mutex
	out     *csv.Writer
	known   map[nameKey]string
	records []nameKey
}

type nameKey struct {
	register, externalID string
	kind                 Kind
	ordinal              int
}

var namesHeader = []string{"register", "external_id", "kind", "ordinal", "name"}

// NewNames returns an empty list.
func NewNames() *Names { return &Names{known: make(map[nameKey]string)} }

// ReadNames reads a list that an earlier run wrote. A last line that was cut
// off is left out: its record is created again under the same request id.
func ReadNames(r io.Reader) (*Names, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("the list of names cannot be read: %w", err)
	}
	n := NewNames()
	reader := csv.NewReader(bytes.NewReader(data[:bytes.LastIndexByte(data, '\n')+1]))
	reader.FieldsPerRecord = -1
	for first := true; ; first = false {
		cells, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return n, nil
		}
		if err != nil {
			continue
		}
		if first {
			if len(cells) != len(namesHeader) || cells[1] != namesHeader[1] {
				return nil, errors.New("this is not a list of names that jisr import wrote")
			}
			continue
		}
		if len(cells) != len(namesHeader) || cells[4] == "" {
			continue
		}
		ordinal, err := strconv.Atoi(cells[3])
		if err != nil {
			return nil, fmt.Errorf("the list of names has an ordinal that is no number: %w", err)
		}
		n.keep(nameKey{cells[0], cells[1], kindNamed(cells[2]), ordinal}, cells[4])
	}
}

func kindNamed(s string) Kind {
	for _, k := range []Kind{KindVictim, KindSuspect} {
		if k.String() == s {
			return k
		}
	}
	return KindCase
}

func (n *Names) keep(key nameKey, name string) {
	if _, ok := n.known[key]; !ok {
		n.records = append(n.records, key)
	}
	n.known[key] = name
}

// Start writes what is known, and from then on every new name, to w.
func (n *Names) Start(w io.Writer) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.out = csv.NewWriter(w)
	if err := n.out.Write(namesHeader); err != nil {
		return err
	}
	for _, key := range n.records {
		if err := n.write(key); err != nil {
			return err
		}
	}
	n.out.Flush()
	return n.out.Error()
}

func (n *Names) write(key nameKey) error {
	return n.out.Write([]string{key.register, key.externalID, key.kind.String(), strconv.Itoa(key.ordinal), n.known[key]})
}

// of returns the name of a record made earlier, or "".
func (n *Names) of(register string, rec Record) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.known[nameKey{register, rec.ExternalID, rec.Kind, rec.Ordinal}]
}

// made keeps the name of a record.
func (n *Names) made(register string, rec Record, name string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	key := nameKey{register, rec.ExternalID, rec.Kind, rec.Ordinal}
	n.keep(key, name)
	if n.out == nil {
		return nil
	}
	if err := n.write(key); err != nil {
		return err
	}
	n.out.Flush()
	return n.out.Error()
}

// WriteRejects writes the list of rejected rows as CSV: line, column, reason.
func WriteRejects(w io.Writer, rejects []Reject) error {
	out := csv.NewWriter(w)
	if err := out.Write([]string{"line", "column", "reason"}); err != nil {
		return err
	}
	for _, r := range rejects {
		if err := out.Write([]string{strconv.Itoa(r.Line), r.Column, r.Reason}); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}
