package lawpage

import (
	"cmp"
	"slices"
	"strings"

	"github.com/jisr-exchange/jisr/gen/jisr/sentences"
	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/matrix"
	"github.com/jisr-exchange/jisr/services/record"
)

// Class is a data class with its fields and its law.
type Class struct {
	Name, Title, Sentence string
	// Kinds are the records that have a field of it, for the filter.
	Kinds  string
	Fields []Field
	// Ask says whom to ask, by authority.
	Ask []Ask
	// Decisions are its cells, those that decide alike together, widest first.
	Decisions []Decision
	// Cells are its cells by role, for the chart.
	Cells []Mark
}

// Field is a field, or several of the same name and sentence.
type Field struct {
	Paths    []string
	Kinds    string
	Sentence string
	Inner    []Field
}

// Ask is whom to ask in one jurisdiction.
type Ask struct {
	Authority string
	Agency    Agency
}

// Decision is what the agreement says to one or several roles.
type Decision struct {
	// Read and Tell are the conditions in words.
	Read, Tell []string
	// Letters and Strength are those of Read, for the mark.
	Letters  []string
	Strength string
	Consent  bool
	// Shared are the reasons that all its rows have, where it has several.
	Shared []Reason
	Rows   []Row
}

// Row is the roles of a decision that have it for the same reasons.
type Row struct {
	Roles   []Role
	Reasons []Reason
}

// Mark is a cell in the chart.
type Mark struct {
	Letters  []string
	Strength string
	Consent  bool
	Tells    bool
}

// phrase is what the page calls a condition, in words and in the chart.
type phrase struct {
	condition    jisrv1.Condition
	words, short string
}

// conditionWords say the conditions, widest first.
var conditionWords = []phrase{
	{jisrv1.Condition_CONDITION_ALWAYS, "whenever it may know of the record", "A"},
	{jisrv1.Condition_CONDITION_TERRITORY, "in its own territory", "T"},
	{jisrv1.Condition_CONDITION_LINKED, "while it works on the case", "W"},
	{jisrv1.Condition_CONDITION_OWNER, "if the case is its own", "C"},
	{jisrv1.Condition_CONDITION_PARTY, "as sender or receiver of the referral", "R"},
	{jisrv1.Condition_CONDITION_OWN, "what it wrote itself", "O"},
	{jisrv1.Condition_CONDITION_ORDER, "by a judge's order", "J"},
	{jisrv1.Condition_CONDITION_NEVER, "never", "–"},
}

// Condition is a row of the key.
type Condition struct{ Letter, Words, Sentence, Strength string }

// Conditions is the key to the marks.
func (v *View) Conditions() []Condition {
	var list []Condition
	for _, c := range conditionWords {
		list = append(list, Condition{c.short, c.words, sentenceOf(c.condition.String()), strength(agreement.Conditions(c.condition))})
	}
	return list
}

func strength(set agreement.ConditionSet) string {
	for _, c := range conditionWords {
		if set.Has(c.condition) {
			return strings.ToLower(agreement.ConditionName(c.condition))
		}
	}
	return "never"
}

func inWords(set agreement.ConditionSet) (said, letters []string) {
	for _, c := range conditionWords {
		if set.Has(c.condition) {
			said, letters = append(said, c.words), append(letters, c.short)
		}
	}
	return said, letters
}

func (v *View) class(law *agreement.Law, contract matrix.Contract, class jisrv1.DataClass) Class {
	c := Class{Name: agreement.ClassName(class), Title: classTitle(class), Sentence: sentenceOf(class.String())}
	var kinds []string
	for _, f := range contract.OfClass(class) {
		if !f.Stored {
			continue
		}
		if !slices.Contains(kinds, f.Record) {
			kinds = append(kinds, f.Record)
		}
		field := newField(contract, f)
		if field.Sentence == c.Sentence {
			field.Sentence = "" // said above it already
		}
		c.Fields = together(c.Fields, field)
	}
	c.Kinds = strings.Join(kinds, " ")
	for j := jisrv1.Jurisdiction(1); int(j) < len(jisrv1.Jurisdiction_name); j++ {
		slug := strings.TrimPrefix(law.Ask(class, j), "agencies/")
		if i := slices.IndexFunc(v.Agencies, func(a Agency) bool { return a.Slug == slug }); i >= 0 {
			c.Ask = append(c.Ask, Ask{authority(j), v.Agencies[i]})
		}
	}
	for _, role := range v.Roles {
		cell := law.Cell(roleValue(role.Name), class)
		c.decide(law, role, cell)
		_, letters := inWords(cell.Read)
		c.Cells = append(c.Cells, Mark{letters, strength(cell.Read), cell.Consent, !cell.Write.Never()})
	}
	for i := range c.Decisions {
		c.Decisions[i].share()
	}
	slices.SortStableFunc(c.Decisions, func(a, b Decision) int { return cmp.Compare(a.rank(), b.rank()) })
	return c
}

// rank sorts decisions: who reads most first, and of those who tell nothing last.
func (d Decision) rank() int {
	n := 4 * slices.IndexFunc(conditionWords, func(p phrase) bool { return p.words == d.Read[0] })
	if len(d.Tell) == 1 && d.Tell[0] == "never" {
		n += 2
	}
	if d.Consent {
		n++
	}
	return n
}

// decide puts a cell with those that say the same for the same reasons.
func (c *Class) decide(law *agreement.Law, role Role, cell agreement.Cell) {
	read, letters := inWords(cell.Read)
	tell, _ := inWords(cell.Write)
	i := slices.IndexFunc(c.Decisions, func(d Decision) bool {
		return slices.Equal(d.Read, read) && slices.Equal(d.Tell, tell) && d.Consent == cell.Consent
	})
	if i < 0 {
		c.Decisions = append(c.Decisions, Decision{Read: read, Tell: tell, Letters: letters, Strength: strength(cell.Read), Consent: cell.Consent})
		i = len(c.Decisions) - 1
	}
	d := &c.Decisions[i]
	reasons := make([]Reason, len(cell.Reasons))
	for k, code := range cell.Reasons {
		text, source := law.Reason(code)
		reasons[k] = Reason{code, text, source}
	}
	j := slices.IndexFunc(d.Rows, func(r Row) bool { return slices.Equal(r.Reasons, reasons) })
	if j < 0 {
		d.Rows = append(d.Rows, Row{Reasons: reasons})
		j = len(d.Rows) - 1
	}
	d.Rows[j].Roles = append(d.Rows[j].Roles, role)
}

// share takes out of the rows what all of them say.
func (d *Decision) share() {
	if len(d.Rows) < 2 {
		return
	}
	d.Shared = slices.DeleteFunc(slices.Clone(d.Rows[0].Reasons), func(r Reason) bool {
		return slices.ContainsFunc(d.Rows, func(row Row) bool { return !slices.Contains(row.Reasons, r) })
	})
	for i, row := range d.Rows {
		d.Rows[i].Reasons = slices.DeleteFunc(row.Reasons, func(r Reason) bool { return slices.Contains(d.Shared, r) })
	}
}

// newField reads a field with what lies inside it.
func newField(contract matrix.Contract, f matrix.Field) Field {
	field := Field{Paths: []string{f.Path}, Kinds: f.Record, Sentence: sentences.Of(string(f.Desc.FullName()))}
	for _, inner := range contract.Inside(f) {
		if strings.Count(inner.Path, ".") == strings.Count(f.Path, ".")+1 {
			field.Inner = append(field.Inner, newField(contract, inner))
		}
	}
	return field
}

// together adds a field, to one that says the same where there is one: every
// record has its times and its etag.
func together(list []Field, f Field) []Field {
	name := func(path string) string { return path[strings.LastIndex(path, ".")+1:] }
	for i, g := range list {
		if g.Sentence == f.Sentence && name(g.Paths[0]) == name(f.Paths[0]) {
			g.Paths, g.Kinds = append(g.Paths, f.Paths...), g.Kinds+" "+f.Kinds
			list[i] = g
			return list
		}
	}
	return append(list, f)
}

// EveryRecord reports whether the field is one that every record has.
func (f Field) EveryRecord() bool { return len(f.Paths) == len(record.Types()) }

// Name is the field's name without its record.
func (f Field) Name() string { return f.Paths[0][strings.LastIndex(f.Paths[0], ".")+1:] }
