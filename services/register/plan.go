package register

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
)

// Record is one record to be created.
type Record struct {
	// Kind is its kind.
	Kind Kind
	// ExternalID is the row's id, or the case's where rows are grouped.
	ExternalID string
	// Ordinal is its number among the row's records of the kind.
	Ordinal int
	// Line is where its row begins.
	Line int
	// Request creates it; a person's parent is set when its case has a name.
	Request proto.Message

	from map[string]origin
}

// Group is a case with its persons, which go in together or not at all.
type Group struct {
	// Lines are the rows that it was made from.
	Lines []int
	// Case is the case.
	Case Record
	// Persons are the victims and suspects, by row.
	Persons []Record
}

// Plan is a register, checked and ready to be sent.
type Plan struct {
	// Register names the register.
	Register string
	// Rows is how many rows were read, broken ones among them.
	Rows int
	// Groups are the cases without a fault.
	Groups []Group
	// Rejects are the rows that stay behind, by line.
	Rejects []Reject
	// Kept counts words that no map read and that were kept as text, by column.
	Kept map[string]int
}

// Plan reads a register and builds and checks every record, so that nothing
// is sent for a case of which one row is bad. The error is about the register
// as a whole: unreadable, or with columns that the mapping does not know.
func (m *Mapping) Plan(r io.Reader) (*Plan, error) {
	s, err := m.read(r)
	if err != nil {
		return nil, err
	}
	if mistakes := m.compare(s.columns); len(mistakes) > 0 {
		return nil, mistakes
	}
	p := &Plan{Register: m.Register, Rows: len(s.rows) + len(s.broken), Kept: make(map[string]int), Rejects: s.broken}
	ids := m.duplicates(s.rows)
	for _, rows := range m.groups(s.rows) {
		g, rejects := m.build(rows, ids, p.Kept)
		switch {
		case len(rejects) > 0:
		case len(s.broken) > 0 && m.group != "":
			rejects = []Reject{{Line: rows[0].line, Reason: fmt.Sprintf("held back: line %d cannot be read and may belong to this case", s.broken[0].Line)}}
		case m.id == "" && s.lost > 0 && rows[len(rows)-1].line > s.lost:
			rejects = []Reject{{Line: rows[0].line, Reason: fmt.Sprintf("held back: line %d cannot be read, so the numbers of the rows after it are not certain", s.lost)}}
		}
		if len(rejects) == 0 {
			p.Groups = append(p.Groups, g)
			continue
		}
		p.Rejects = append(p.Rejects, holdBack(rows, rejects)...)
	}
	slices.SortStableFunc(p.Rejects, func(a, b Reject) int { return a.Line - b.Line })
	return p, nil
}

// compare finds the columns that only one of mapping and register knows.
func (m *Mapping) compare(columns []string) Mistakes {
	if len(columns) == 1 && len(m.lines) > 1 && m.lines[columns[0]] == 0 && strings.ContainsAny(columns[0], ",;\t|") {
		// The names of all columns as that of one, and each of the mapping's missed, would hide it.
		return Mistakes{{Text: "the register has one column, whose name holds others: delimiter in the mapping is what stands between its cells"}}
	}
	var mistakes Mistakes
	for _, name := range columns {
		if _, ok := m.lines[name]; !ok {
			mistakes = append(mistakes, Mistake{Text: fmt.Sprintf("column %q of the register is neither mapped nor under ignore", name)})
		}
	}
	for _, name := range slices.SortedFunc(maps.Keys(m.lines), func(a, b string) int { return m.lines[a] - m.lines[b] }) {
		if name != "" && !m.lenient && !slices.Contains(columns, name) {
			mistakes = append(mistakes, Mistake{Line: m.lines[name], Text: fmt.Sprintf("the register has no column %q", name)})
		}
	}
	return mistakes
}

// duplicates returns, for every id that several rows have, the first of their lines.
func (m *Mapping) duplicates(rows []row) map[string][]int {
	all := make(map[string][]int, len(rows))
	for _, r := range rows {
		id := m.idOf(r)
		all[id] = append(all[id], r.line)
	}
	return all
}

// idOf returns what identifies a row for ever: its id, or its number.
func (m *Mapping) idOf(r row) string {
	if m.id == "" {
		return strconv.Itoa(r.number)
	}
	return r.text(m.id)
}

// groups returns the rows of each case, in the order in which cases first appear.
func (m *Mapping) groups(rows []row) [][]row {
	var groups [][]row
	index := make(map[string]int)
	for _, r := range rows {
		key := ""
		if m.group != "" {
			key = r.text(m.group)
		}
		i, ok := index[key]
		// A row without a case number is a group of its own, to be rejected alone.
		if !ok || key == "" {
			i = len(groups)
			groups = append(groups, nil)
			index[key] = i
		}
		groups[i] = append(groups[i], r)
	}
	return groups
}

// build makes the records of one case.
func (m *Mapping) build(rows []row, ids map[string][]int, kept map[string]int) (Group, []Reject) {
	var rejects []Reject
	g := Group{}
	cased := newBuilder(KindCase)
	for _, r := range rows {
		g.Lines = append(g.Lines, r.line)
		rejects = append(rejects, m.checkID(r, ids)...)
		m.fill(cased, KindCase, r, kept)
		persons, faults := m.personsOf(r, kept)
		g.Persons = append(g.Persons, persons...)
		rejects = append(rejects, faults...)
	}
	cased.constants(m.constants, KindCase)
	first := rows[0]
	g.Case = Record{Kind: KindCase, ExternalID: m.idOf(first), Line: first.line, from: cased.from}
	if m.group != "" {
		g.Case.ExternalID = first.text(m.group)
	}
	request := &jisrv1.CreateCaseRequest{}
	request.SetCase(cased.finish().(*jisrv1.Case))
	request.SetRequestId(RequestID(m.Register, g.Case.ExternalID, KindCase, 0))
	g.Case.Request = request
	rejects = append(rejects, cased.rejects...)
	for _, rec := range append([]Record{g.Case}, g.Persons...) {
		for _, fault := range m.validate(rec) {
			// A cell that no map read leaves its field unset: that is said once.
			if !slices.ContainsFunc(rejects, func(j Reject) bool { return fault.Column != "" && j.Line == fault.Line && j.Column == fault.Column }) {
				rejects = append(rejects, fault)
			}
		}
	}
	return g, rejects
}

func (m *Mapping) checkID(r row, ids map[string][]int) []Reject {
	id := m.idOf(r)
	switch {
	case id == "":
		return []Reject{{Line: r.line, Column: m.id, Reason: "the row has no id"}}
	case len(ids[id]) > 1:
		other := ids[id][0]
		if other == r.line {
			other = ids[id][1]
		}
		return []Reject{{Line: r.line, Column: m.id, Reason: fmt.Sprintf("line %d has the same id", other)}}
	case m.group != "" && r.text(m.group) == "":
		return []Reject{{Line: r.line, Column: m.group, Reason: "the row does not say to which case it belongs"}}
	}
	return nil
}

func (m *Mapping) fill(b *builder, kind Kind, r row, kept map[string]int) {
	for i := range m.rules {
		if rule := &m.rules[i]; rule.to.kind == kind {
			before := b.kept
			b.apply(rule, r)
			if b.kept > before {
				kept[rule.from[0]] += b.kept - before
			}
		}
	}
}

// personsOf makes the victim and the suspect of whom a row tells.
func (m *Mapping) personsOf(r row, kept map[string]int) (persons []Record, rejects []Reject) {
	for _, kind := range []Kind{KindVictim, KindSuspect} {
		cond := m.persons[kind]
		if cond != nil && !cond.holds(r) {
			continue
		}
		b := newBuilder(kind)
		m.fill(b, kind, r, kept)
		rejects = append(rejects, b.rejects...)
		if cond == nil && !b.stated() {
			continue
		}
		b.constants(m.constants, kind)
		id := m.idOf(r)
		person := Record{Kind: kind, ExternalID: id, Line: r.line, from: b.from}
		person.Request = personRequest(b.finish(), RequestID(m.Register, id, kind, 0))
		persons = append(persons, person)
	}
	if len(persons) == 0 && m.everyRow {
		rejects = append(rejects, Reject{Line: r.line, Column: m.personColumn(), Reason: "the row tells neither of a victim nor of a suspect"})
	}
	return persons, rejects
}

// personColumn is the column to look at where a row tells of nobody.
func (m *Mapping) personColumn() string {
	for _, kind := range []Kind{KindVictim, KindSuspect} {
		if cond := m.persons[kind]; cond != nil && len(cond.columns) == 1 && len(cond.stated) == 0 {
			return cond.columns[0]
		}
	}
	return ""
}

func (w *when) holds(r row) bool {
	for _, column := range w.columns {
		for _, v := range r.cells[column].values {
			if w.is[Normalise(v)] {
				return true
			}
		}
	}
	for _, column := range w.stated {
		for _, v := range r.cells[column].values {
			if word := Normalise(v); word != "" && !w.notStated[word] {
				return true
			}
		}
	}
	return false
}

func personRequest(msg proto.Message, requestID string) proto.Message {
	if victim, ok := msg.(*jisrv1.Victim); ok {
		request := &jisrv1.CreateVictimRequest{}
		request.SetVictim(victim)
		request.SetRequestId(requestID)
		return request
	}
	request := &jisrv1.CreateSuspectRequest{}
	request.SetSuspect(msg.(*jisrv1.Suspect))
	request.SetRequestId(requestID)
	return request
}

// holdBack adds the sound rows of a case of which another row is at fault.
func holdBack(rows []row, rejects []Reject) []Reject {
	for _, r := range rows {
		if !slices.ContainsFunc(rejects, func(j Reject) bool { return j.Line == r.line }) {
			rejects = append(rejects, Reject{Line: r.line, Reason: fmt.Sprintf("held back with line %d of the same case", rejects[0].Line)})
		}
	}
	return rejects
}
