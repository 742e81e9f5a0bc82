package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// painter colours words on a terminal and leaves them alone anywhere else.
type painter bool

func (a *app) painter(w io.Writer) painter { return painter(a.onTerminal(w)) }

func (p painter) paint(code, s string) string {
	if !p {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

func (p painter) red(s string) string  { return p.paint("31", s) }
func (p painter) bold(s string) string { return p.paint("1", s) }

// written marks an error of our own output as one of this machine.
func written(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", errLocal, err)
}

// printJSON prints messages as JSON, one as an object and a list as an array,
// in the contract's JSON names.
func (a *app) printJSON(msg proto.Message) error {
	text, err := protojson.Marshal(msg)
	if err != nil {
		return written(err)
	}
	// protojson varies its white space on purpose; scripts and golden files should not see it.
	var b bytes.Buffer
	if err := json.Indent(&b, text, "", "  "); err != nil {
		return written(err)
	}
	_, err = fmt.Fprintln(a.stdout, b.String())
	return written(err)
}

// printValue prints a value of ours as JSON.
func (a *app) printValue(v any) error {
	e := json.NewEncoder(a.stdout)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return written(e.Encode(v))
}

// table prints rows in columns. Arabic and Sorani go into the last column,
// which is not padded: terminals draw them in five different ways.
func (a *app) table(header []string, rows [][]string) error {
	var b bytes.Buffer
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, row := range append([][]string{header}, rows...) {
		cells := make([]string, len(row))
		for i, cell := range row {
			cells[i] = strings.Join(strings.Fields(visible(cell)), " ")
		}
		fmt.Fprintln(w, strings.Join(cells, "\t"))
	}
	if err := w.Flush(); err != nil {
		return written(err)
	}
	head, body, _ := strings.Cut(b.String(), "\n")
	lines := strings.Split(a.painter(a.stdout).bold(head)+"\n"+body, "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(line, " ")
	}
	_, err := io.WriteString(a.stdout, strings.Join(lines, "\n"))
	return written(err)
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
