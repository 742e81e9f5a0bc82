package register

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"unicode/utf8"

	"google.golang.org/protobuf/reflect/protoreflect"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
)

// Mapping is a mapping without a mistake.
type Mapping struct {
	// Register names the register.
	Register string

	json      bool
	delimiter rune
	exported  bool
	lenient   bool   // a column that the register lacks is not stated
	id        string // empty where rows are numbered
	group     string
	persons   map[Kind]*when
	everyRow  bool
	constants []constant
	rules     []rule
	ignore    map[string]bool
	lines     map[string]int // first line of the mapping that names a column
}

// when is a condition, ready to be asked.
type when struct {
	columns   []string
	is        map[string]bool
	stated    []string
	notStated map[string]bool
}

type constant struct {
	to    target
	value protoreflect.Value
}

// rule is a field rule, ready to be applied.
type rule struct {
	from      []string
	to        target
	values    map[string]protoreflect.Value // by normalised word; nil: codes and words stand for themselves
	code      func(string) (string, bool)   // nil: no list of codes is read
	exact     bool                          // read to the letter, with the escapes of an export
	notStated map[string]bool
	split     []string
	keep      *target // where an unread word goes as text; nil: the row is rejected
	label     string
	dates     []dateLayout
}

// registerID keeps the register's name fit for names of files and for logs.
var registerID = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{0,62}$`)

type compiler struct {
	file     *file
	at       lines
	mistakes Mistakes
	m        *Mapping
}

func (c *compiler) mistake(line int, format string, args ...any) {
	c.mistakes = append(c.mistakes, Mistake{Line: line, Text: fmt.Sprintf(format, args...)})
}

func compile(f *file, at lines) (*Mapping, Mistakes) {
	c := &compiler{file: f, at: at, m: &Mapping{
		Register: f.Register, delimiter: ',', id: f.ID, group: f.Case, everyRow: f.Persons.EveryRow,
		persons: make(map[Kind]*when), ignore: make(map[string]bool), lines: make(map[string]int),
	}}
	if !registerID.MatchString(f.Register) {
		c.mistake(at.at("register"), "register must name the register in lower-case letters, digits, dots and dashes; it stands in every request id, so never change it")
	}
	switch {
	case f.ID == "" && !f.Numbered:
		c.mistake(at.at("id"), "id must name the column that identifies a row; where there is none, say numbered: true")
	case f.ID != "" && f.Numbered:
		c.mistake(at.at("numbered"), "rows are numbered or have an id, not both")
	}
	c.form()
	c.names("id", f.ID)
	c.names("case", f.Case)
	for i, column := range f.Ignore {
		c.m.ignore[column] = true
		c.column(column, at.at("ignore", i))
	}
	c.condition(KindVictim, f.Persons.Victim)
	c.condition(KindSuspect, f.Persons.Suspect)
	c.fields()
	c.constants()
	return c.m, c.mistakes
}

func (c *compiler) names(key, column string) {
	if column != "" {
		c.column(column, c.at.at(key))
	}
}

// column remembers where a column is first named, for the comparison with a register.
func (c *compiler) column(name string, line int) {
	if _, ok := c.m.lines[name]; !ok {
		c.m.lines[name] = line
	}
}

// form checks what the mapping says of the register as a file.
func (c *compiler) form() {
	f := c.file
	c.m.exported, c.m.json = f.Exported, f.Format == "json"
	if f.Format != "" && f.Format != "csv" && f.Format != "json" {
		c.mistake(c.at.at("format"), "format must be csv or json")
	}
	c.m.lenient = f.Missing == "not_stated" || f.Missing == "" && c.m.json
	if f.Missing != "" && f.Missing != "refuse" && f.Missing != "not_stated" {
		c.mistake(c.at.at("missing"), "missing must be refuse or not_stated")
	}
	if f.Delimiter == "" {
		return
	}
	r, n := utf8.DecodeRuneInString(f.Delimiter)
	if n != len(f.Delimiter) || !slices.Contains([]rune{',', ';', '\t', '|'}, r) {
		c.mistake(c.at.at("delimiter"), "delimiter must be a comma, a semicolon, a tab or a bar")
	}
	if c.m.json {
		c.mistake(c.at.at("delimiter"), "JSON has no delimiter")
	}
	c.m.delimiter = r
}

// words returns the set of the given words as they are compared.
func words(list []string) map[string]bool {
	set := make(map[string]bool, len(list))
	for _, w := range list {
		set[Normalise(w)] = true
	}
	return set
}

// Told is a data class that the mapping fills, with the fields of it.
type Told struct {
	// Class is the class.
	Class jisrv1.DataClass
	// Fields are the paths filled, as the mapping writes them.
	Fields []string
}

// Classes returns what the mapping tells, by class: what the importing role must be allowed to tell.
func (m *Mapping) Classes() []Told {
	fields := make(map[jisrv1.DataClass][]string)
	add := func(t target) {
		if c := t.class(); !slices.Contains(fields[c], t.name) {
			fields[c] = append(fields[c], t.name)
		}
	}
	for _, k := range m.constants {
		add(k.to)
	}
	for _, r := range m.rules {
		add(r.to)
		if r.keep != nil {
			add(*r.keep)
		}
	}
	var told []Told
	for _, class := range slices.Sorted(maps.Keys(fields)) {
		told = append(told, Told{class, fields[class]})
	}
	return told
}
