package register

import (
	"maps"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

func (c *compiler) condition(kind Kind, cond *condition) {
	if cond == nil {
		return
	}
	line := c.at.at("persons", kind.String())
	if (len(cond.Columns) == 0 || len(cond.Is) == 0) && len(cond.Stated) == 0 || (len(cond.Columns) == 0) != (len(cond.Is) == 0) {
		c.mistake(line, "persons.%s needs columns and the words under is, or columns under stated", kind)
	}
	for _, column := range slices.Concat(cond.Columns, cond.Stated) {
		c.column(column, line)
	}
	c.m.persons[kind] = &when{columns: cond.Columns, is: words(cond.Is), stated: cond.Stated, notStated: words(c.file.NotStated)}
}

func (c *compiler) fields() {
	if len(c.file.Fields) == 0 {
		c.mistake(c.at.at("fields"), "fields must say which column fills which field")
	}
	labelled := make(map[string]bool)
	for i, fr := range c.file.Fields {
		line := c.at.at("fields", i)
		if len(fr.From) == 0 || slices.Contains(fr.From, "") {
			c.mistake(line, "from must name the column")
			continue
		}
		for _, column := range fr.From {
			c.column(column, line)
		}
		to, err := parseTarget(fr.To)
		if err != nil {
			c.mistake(c.at.at("fields", i, "to"), "%v", err)
			continue
		}
		r := rule{from: fr.From, to: to, label: fr.Label, exact: c.file.Exported, notStated: words(append(slices.Clone(c.file.NotStated), fr.NotStated...))}
		c.values(i, fr, &r)
		c.reading(i, fr, &r)
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

// reading says how a cell is taken apart and which list of codes it uses.
func (c *compiler) reading(i int, fr fieldRule, r *rule) {
	for j, separator := range fr.Split {
		if separator = strings.TrimSpace(separator); separator == "" {
			c.mistake(c.at.at("fields", i, "split", j), "split must be a character that stands between values, and space is none")
			continue
		}
		r.split = append(r.split, separator)
	}
	if len(fr.From) > 1 && (!r.to.isText() || r.values != nil || len(fr.Split) > 0 || len(fr.Date) > 0 || fr.Read != "") {
		c.mistake(c.at.at("fields", i, "from"), "several columns are joined to words as they are: leave out values, split, date and read")
	}
	if fr.Read == "" {
		return
	}
	line := c.at.at("fields", i, "read")
	if r.code = codeLists[fr.Read]; r.code == nil {
		c.mistake(line, "read must be one of %s", strings.Join(slices.Sorted(maps.Keys(codeLists)), ", "))
	}
	if !r.to.isText() {
		c.mistake(line, "%s does not take a code of that kind", fr.To)
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
			r.label = fr.From[0]
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
