package register

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// file is a mapping as written, in YAML.
type file struct {
	// Register names the register; it stands in every request id, so it never changes.
	Register string `yaml:"register"`
	// Format is csv (the default) or json.
	Format string `yaml:"format"`
	// Delimiter is the character between cells of CSV: a comma unless said otherwise.
	Delimiter string `yaml:"delimiter"`
	// Exported says that jisr export wrote the register: its guards and escapes
	// are taken off, and every cell is read to the letter.
	Exported bool `yaml:"exported"`
	// Missing says what a column means that the mapping names and the register
	// lacks: refuse (the default for CSV) or not_stated (the default for JSON,
	// which leaves out what is not stated).
	Missing string `yaml:"missing"`
	// ID is the column whose value identifies a row, for ever.
	ID string `yaml:"id"`
	// Numbered stands in for ID where a register has no such column: a row is
	// identified by its place, so rows may be added at the end and nowhere else.
	Numbered bool `yaml:"numbered"`
	// Case is the column whose value groups rows into one case; without it each row is a case.
	Case string `yaml:"case"`
	// NotStated are the words that mean "not stated" in every column; an empty cell always does.
	NotStated []string `yaml:"not_stated"`
	// Persons says which rows tell of a victim and which of a suspect.
	Persons persons `yaml:"persons"`
	// Constants are fields that are the same for every record of their kind.
	Constants map[string]string `yaml:"constants"`
	// Fields are the rules.
	Fields []fieldRule `yaml:"fields"`
	// Ignore are the columns left behind, by name: a column that is forgotten is a mistake.
	Ignore []string `yaml:"ignore"`
}

type persons struct {
	Victim  *condition `yaml:"victim"`
	Suspect *condition `yaml:"suspect"`
	// EveryRow says that each row tells of a person: one that tells of none is rejected.
	EveryRow bool `yaml:"every_row"`
}

// condition holds for a row when any of the columns has one of the words, or
// when any of those under stated says anything at all.
type condition struct {
	Columns []string `yaml:"columns"`
	Is      []string `yaml:"is"`
	Stated  []string `yaml:"stated"`
}

// several is one text or a list of them.
type several []string

// UnmarshalYAML reads either form.
func (s *several) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind == yaml.SequenceNode {
		return node.Decode((*[]string)(s))
	}
	*s = several{""}
	return node.Decode(&(*s)[0])
}

// fieldRule says how one column fills one field. A column may have several.
type fieldRule struct {
	// From is the column, or several whose words are joined by a space.
	From several `yaml:"from"`
	To   string  `yaml:"to"`
	// Values gives the code for a word.
	Values map[string]string `yaml:"values"`
	// Read reads codes that the world agrees on: country (ISO 3166-1, two or
	// three letters) or language (ISO 639). A word under values comes first.
	Read string `yaml:"read"`
	// Split separates several values in one cell; there may be more than one separator.
	Split several `yaml:"split"`
	// NotStated are further words that say nothing about this field.
	NotStated []string `yaml:"not_stated"`
	// Otherwise says what becomes of a word that no map reads: reject (the
	// default), text (keep it, in a field of words), or the path of a field of
	// words that takes it.
	Otherwise string `yaml:"otherwise"`
	// Label stands before the value where several columns share a field of words.
	Label string `yaml:"label"`
	// Date gives the layouts of dates; RFC3339 is a point in time.
	Date []string `yaml:"date"`
}

// unknownKey and wrongType match what the YAML reader says, to say it better.
var (
	unknownKey = regexp.MustCompile(`^line (\d+): field (\S+) not found in type`)
	otherFault = regexp.MustCompile(`^(?:yaml: )?line (\d+): (.*)$`)
)

// ReadMapping reads a mapping and finds all its mistakes.
func ReadMapping(r io.Reader) (*Mapping, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("the mapping cannot be read: %w", err)
	}
	data = bytes.TrimPrefix(data, byteOrderMark)
	var f file
	var mistakes Mistakes
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	decoder.KnownFields(true)
	if err := decoder.Decode(&f); err != nil {
		var typed *yaml.TypeError
		switch {
		case errors.Is(err, io.EOF):
			return nil, Mistakes{{Text: "the mapping is empty"}}
		case !errors.As(err, &typed):
			return nil, Mistakes{yamlMistake(err.Error())}
		}
		for _, text := range typed.Errors {
			mistakes = append(mistakes, yamlMistake(text))
		}
	}
	var tree yaml.Node
	if err := yaml.Unmarshal(data, &tree); err != nil {
		return nil, Mistakes{yamlMistake(err.Error())}
	}
	m, more := compile(&f, lines{&tree})
	mistakes = append(mistakes, more...)
	if len(mistakes) > 0 {
		slices.SortStableFunc(mistakes, func(a, b Mistake) int { return a.Line - b.Line })
		return nil, mistakes
	}
	return m, nil
}

func yamlMistake(text string) Mistake {
	if found := unknownKey.FindStringSubmatch(text); found != nil {
		line, _ := strconv.Atoi(found[1])
		return Mistake{Line: line, Text: fmt.Sprintf("unknown key %q", found[2])}
	}
	if found := otherFault.FindStringSubmatch(text); found != nil {
		line, _ := strconv.Atoi(found[1])
		return Mistake{Line: line, Text: strings.ReplaceAll(found[2], "register.", "")}
	}
	return Mistake{Text: text}
}

// lines finds where in the mapping a thing stands.
type lines struct{ tree *yaml.Node }

// at returns the line of the node under keys and indexes, or of the last one found on the way.
func (l lines) at(path ...any) int {
	node := l.tree
	if node.Kind == yaml.DocumentNode && len(node.Content) > 0 {
		node = node.Content[0]
	}
	line := node.Line
	for _, step := range path {
		next := (*yaml.Node)(nil)
		switch step := step.(type) {
		case string:
			for i := 0; i+1 < len(node.Content) && node.Kind == yaml.MappingNode; i += 2 {
				if node.Content[i].Value == step {
					line, next = node.Content[i].Line, node.Content[i+1]
				}
			}
		case int:
			if node.Kind == yaml.SequenceNode && step < len(node.Content) {
				next = node.Content[step]
				line = next.Line
			}
		}
		if next == nil {
			return line
		}
		node = next
	}
	return line
}
