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

	delimiter rune
	id        string
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
	columns []string
	is      map[string]bool
}

type constant struct {
	to    target
	value protoreflect.Value
}

// rule is a field rule, ready to be applied.
type rule struct {
	from      string
	to        target
	values    map[string]protoreflect.Value // by normalised word; nil: codes and words stand for themselves
	notStated map[string]bool
	split     string
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
	if f.ID == "" {
		c.mistake(at.at("id"), "id must name the column that identifies a row")
	}
	if f.Delimiter != "" {
		r, n := utf8.DecodeRuneInString(f.Delimiter)
		if n != len(f.Delimiter) || !slices.Contains([]rune{',', ';', '\t', '|'}, r) {
			c.mistake(at.at("delimiter"), "delimiter must be a comma, a semicolon, a tab or a bar")
		}
		c.m.delimiter = r
	}
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

func (c *compiler) condition(kind Kind, cond *condition) {
	if cond == nil {
		return
	}
	line := c.at.at("persons", kind.String())
	if len(cond.Columns) == 0 || len(cond.Is) == 0 {
		c.mistake(line, "persons.%s needs columns and the words under is", kind)
	}
	for _, column := range cond.Columns {
		c.column(column, line)
	}
	c.m.persons[kind] = &when{columns: cond.Columns, is: words(cond.Is)}
}

func (c *compiler) fields() {
	if len(c.file.Fields) == 0 {
		c.mistake(c.at.at("fields"), "fields must say which column fills which field")
	}
	labelled := make(map[string]bool)
	for i, fr := range c.file.Fields {
		line := c.at.at("fields", i)
		if fr.From == "" {
			c.mistake(line, "from must name the column")
		}
		c.column(fr.From, line)
		to, err := parseTarget(fr.To)
		if err != nil {
			c.mistake(c.at.at("fields", i, "to"), "%v", err)
			continue
		}
		r := rule{from: fr.From, to: to, split: fr.Split, label: fr.Label, notStated: words(append(slices.Clone(c.file.NotStated), fr.NotStated...))}
		c.values(i, fr, &r)
		c.otherwise(i, fr, &r)
		c.dates(i, fr, &r)
		if fr.Label != "" && !to.isText() {
			c.mistake(c.at.at("fields", i, "label"), "a label stands before words, and %s does not take words", fr.To)
		}
		if was, ok := labelled[fr.To]; ok && was != (fr.Label != "") {
			c.mistake(line, "%s is filled by several columns: give each a label, or none", fr.To)
		}
		labelled[fr.To] = fr.Label != ""
		c.m.rules = append(c.m.rules, r)
	}
}

func (c *compiler) values(i int, fr fieldRule, r *rule) {
	if fr.Values == nil {
		if r.to.leaf().Kind() == protoreflect.BoolKind {
			c.mistake(c.at.at("fields", i), "%s is true or false: say under values which word means which", fr.To)
		}
		return
	}
	r.values = make(map[string]protoreflect.Value, len(fr.Values))
	from := make(map[string]string, len(fr.Values))
	for _, word := range slices.Sorted(maps.Keys(fr.Values)) {
		line := c.at.at("fields", i, "values", word)
		v, err := r.to.parse(fr.Values[word])
		if err != nil {
			c.mistake(line, "%v", err)
			continue
		}
		key := Normalise(word)
		if other, ok := from[key]; ok && fr.Values[other] != fr.Values[word] {
			c.mistake(line, "%q and %q are the same word when compared, and have two codes", other, word)
		}
		if r.notStated[key] {
			c.mistake(line, "%q has a code and is listed as not stated", word)
		}
		from[key] = word
		r.values[key] = v
	}
}

func (c *compiler) otherwise(i int, fr fieldRule, r *rule) {
	line := c.at.at("fields", i, "otherwise")
	switch fr.Otherwise {
	case "", "reject":
	case "text":
		if !r.to.isText() {
			c.mistake(line, "%s does not take words, so an unread one cannot be kept there; name a field of words, or reject", fr.To)
		}
		r.keep = &r.to
	default:
		to, err := parseTarget(fr.Otherwise)
		switch {
		case err != nil:
			c.mistake(line, "otherwise is reject, text, or a field of words: %v", err)
		case !to.isText() || to.kind != r.to.kind:
			c.mistake(line, "otherwise must name a field of words of the same record")
		case fr.Label == "" && to.name != fr.To:
			// The words come to stand beside others there.
			r.label = fr.From
		}
		r.keep = &to
	}
}

func (c *compiler) dates(i int, fr fieldRule, r *rule) {
	for j, s := range fr.Date {
		layout, err := parseLayout(s)
		if err != nil {
			c.mistake(c.at.at("fields", i, "date", j), "%v", err)
		}
		r.dates = append(r.dates, layout)
	}
	switch {
	case len(fr.Date) > 0 && !r.to.isText() && !r.to.isTime():
		c.mistake(c.at.at("fields", i, "date"), "%s is not a date", fr.To)
	case len(fr.Date) == 0 && r.to.isTime():
		c.mistake(c.at.at("fields", i), "%s is a time: give the layouts of the column under date", fr.To)
	}
}

func (c *compiler) constants() {
	for _, name := range slices.Sorted(maps.Keys(c.file.Constants)) {
		line := c.at.at("constants", name)
		to, err := parseTarget(name)
		if err != nil {
			c.mistake(line, "%v", err)
			continue
		}
		v, err := to.parse(c.file.Constants[name])
		if err != nil {
			c.mistake(line, "%v", err)
			continue
		}
		// A constant under a column would be a default, and a default turns "not stated" into a statement.
		if slices.ContainsFunc(c.m.rules, func(r rule) bool { return r.to.name == name }) {
			c.mistake(line, "%s is filled by a column; a constant beside it would state what the register does not", name)
		}
		c.m.constants = append(c.m.constants, constant{to, v})
	}
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
