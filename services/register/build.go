package register

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// origin is the cell that filled a field.
type origin struct {
	line   int
	column string
}

// builder fills one record from cells.
type builder struct {
	msg      protoreflect.Message
	from     map[string]origin // by path inside the record, such as identity.birth_date
	elements map[string]int    // index of the element that a row fills, by path and line
	kept     int               // words that no map read, kept as text
	rejects  []Reject
}

func newBuilder(kind Kind) *builder {
	return &builder{msg: kind.empty().ProtoReflect(), from: make(map[string]origin), elements: make(map[string]int)}
}

// stated reports whether any column has filled the record.
func (b *builder) stated() bool { return len(b.from) > 0 }

func (b *builder) reject(at origin, format string, args ...any) {
	b.rejects = append(b.rejects, Reject{Line: at.line, Column: at.column, Reason: fmt.Sprintf(format, args...)})
}

// apply reads what a row says in a rule's columns.
func (b *builder) apply(r *rule, row row) {
	c, column := r.cell(row)
	at := origin{row.line, column}
	for _, piece := range r.pieces(c) {
		word := Normalise(piece)
		if !r.states(piece, word) {
			continue
		}
		if v, ok := r.read(piece, word); ok {
			b.put(r.to, v, r.ownLabel(), at)
			continue
		}
		if r.keep == nil {
			b.reject(at, "no map reads this value as %s", r.to.name)
			continue
		}
		b.kept++
		b.put(*r.keep, protoreflect.ValueOfString(piece), r.label, at)
	}
}

// cell is the cell of the rule's column, or the words of its columns joined
// by a space. The column returned is the first that states something.
func (r *rule) cell(row row) (cell, string) {
	if len(r.from) == 1 {
		return row.cells[r.from[0]], r.from[0]
	}
	var words []string
	first := r.from[0]
	for _, column := range r.from {
		word := row.text(column)
		if !r.states(word, Normalise(word)) {
			continue
		}
		if len(words) == 0 {
			first = column
		}
		words = append(words, word)
	}
	return cell{values: []string{strings.Join(words, " ")}}, first
}

// pieces are the values of a cell, which is a list already where the register's
// form has lists.
func (r *rule) pieces(c cell) []string {
	if c.list || len(c.values) == 0 {
		return c.values
	}
	whole := c.values[0]
	switch {
	case r.exact && len(r.split) > 0:
		return splitList(whole)
	case r.exact:
		return c.values
	case r.notStated[Normalise(whole)]:
		return nil
	}
	pieces := []string{whole}
	for _, separator := range r.split {
		var finer []string
		for _, piece := range pieces {
			finer = append(finer, strings.Split(piece, separator)...)
		}
		pieces = finer
	}
	for i, piece := range pieces {
		pieces[i] = strings.TrimSpace(piece)
	}
	return pieces
}

// states reports whether a value says anything about the rule's field.
func (r *rule) states(piece, word string) bool {
	if r.exact {
		return piece != ""
	}
	return word != "" && !r.notStated[word]
}

// ownLabel is the label of values that were read; the label of a column whose
// unread words go elsewhere belongs to those words.
func (r *rule) ownLabel() string {
	if r.keep != nil && r.keep.name != r.to.name {
		return ""
	}
	return r.label
}

// read returns the value of one word.
func (r *rule) read(piece, word string) (protoreflect.Value, bool) {
	if len(r.dates) > 0 {
		return r.to.readDate(r.dates, piece)
	}
	if v, ok := r.values[word]; ok {
		return v, true
	}
	switch {
	case r.code != nil:
		code, ok := r.code(word)
		return protoreflect.ValueOfString(code), ok
	case r.values != nil:
		return protoreflect.Value{}, false
	}
	v, err := r.to.parse(piece)
	return v, err == nil
}

// put sets a field, adds to it where it takes several values, and refuses a
// second value where it takes one.
func (b *builder) put(to target, v protoreflect.Value, label string, at origin) {
	m, path := b.msg, ""
	for _, fd := range to.path[:len(to.path)-1] {
		path += string(fd.Name()) + "."
		if !fd.IsList() {
			m = m.Mutable(fd).Message()
			continue
		}
		// Each row fills an element of its own, or those that the mapping
		// numbers; equal ones are joined at the end.
		list, key := m.Mutable(fd).List(), fmt.Sprint(path, at.line, to.element)
		i, ok := b.elements[key]
		if !ok {
			i = list.Len()
			list.AppendMutable()
			b.elements[key] = i
		}
		m = list.Get(i).Message()
	}
	leaf := to.leaf()
	path += string(leaf.Name())
	first, known := b.from[path]
	if !known {
		b.from[path] = at
	}
	switch {
	case leaf.IsList():
		list := m.Mutable(leaf).List()
		for i := range list.Len() {
			if list.Get(i).Equal(v) {
				return
			}
		}
		if label != "" {
			v = protoreflect.ValueOfString(label + ": " + v.String())
		}
		list.Append(v)
	case label != "":
		line, text := label+": "+v.String(), m.Get(leaf).String()
		if text != "" {
			if slices.Contains(strings.Split(text, "\n"), line) {
				return
			}
			line = text + "\n" + line
		}
		m.Set(leaf, protoreflect.ValueOfString(line))
	case m.Has(leaf) && !m.Get(leaf).Equal(v):
		if first.line == at.line {
			b.reject(at, "%s takes one value, and this row states several", to.name)
		} else {
			b.reject(at, "the rows of one case disagree about %s; line %d states another value", to.name, first.line)
		}
	default:
		m.Set(leaf, v)
	}
}

// constants sets the constants of a kind. One that lies deep inside a section
// is set only where a column has filled something beside it: a language alone
// is not a name.
func (b *builder) constants(all []constant, kind Kind) {
	for _, k := range all {
		if k.to.kind != kind {
			continue
		}
		m, depth := b.msg, len(k.to.path)-1
		for i, fd := range k.to.path[:depth] {
			if fd.IsList() || i > 0 && !m.Has(fd) {
				m = nil
				break
			}
			m = m.Mutable(fd).Message()
		}
		if m != nil {
			m.Set(k.to.leaf(), k.value)
		}
	}
}

// finish joins equal elements that several rows filled.
func (b *builder) finish() proto.Message {
	b.msg.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		if !fd.IsList() || fd.Message() == nil {
			return true
		}
		list, kept := v.List(), 0
		for i := range list.Len() {
			twin := false
			for j := range kept {
				twin = twin || list.Get(i).Equal(list.Get(j))
			}
			if !twin {
				list.Set(kept, list.Get(i))
				kept++
			}
		}
		list.Truncate(kept)
		return true
	})
	return b.msg.Interface()
}
