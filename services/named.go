package services

import (
	"regexp/syntax"
	"unicode"

	bufvalidate "buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"buf.build/go/protovalidate"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// named holds requests that are one name, as most reads are, against its form by
// hand: by an expression that was 2 µs. What is not such a request, or not of its
// form, the validator judges, and finds the words for it.
type named struct {
	protovalidate.Validator
	forms map[protoreflect.MessageDescriptor]form
}

// newNamed reads the forms from the rules beside the fields of the contract's requests.
func newNamed(v protovalidate.Validator) named {
	n := named{v, make(map[protoreflect.MessageDescriptor]form)}
	protoregistry.GlobalFiles.RangeFilesByPackage("jisr.v1", func(file protoreflect.FileDescriptor) bool {
		for i := range file.Services().Len() {
			methods := file.Services().Get(i).Methods()
			for j := range methods.Len() {
				if f := formOf(methods.Get(j).Input()); f != nil {
					n.forms[methods.Get(j).Input()] = f
				}
			}
		}
		return true
	})
	return n
}

// Validate lets a name pass that has its form.
func (n named) Validate(m proto.Message, options ...protovalidate.ValidationOption) error {
	r := m.ProtoReflect()
	if f, ok := n.forms[r.Descriptor()]; ok && len(options) == 0 && f.fits(r.Get(r.Descriptor().Fields().Get(0)).String()) {
		return nil
	}
	return n.Validator.Validate(m, options...)
}

// form is a text of a fixed length: which signs of ASCII may stand at each place.
type form []signs

// signs are a set of them.
type signs [2]uint64

func (s *signs) add(first, last rune) {
	for r := first; r <= min(last, unicode.MaxASCII); r++ {
		s[r/64] |= 1 << (r % 64)
	}
}

func (f form) fits(text string) bool {
	if len(text) != len(f) {
		return false
	}
	for i := range f {
		c := text[i]
		if c > unicode.MaxASCII || f[i][c/64]&(1<<(c%64)) == 0 {
			return false
		}
	}
	return true
}

// formOf is the form of a request whose one field is a text that an expression
// binds and nothing else does; nil for every other request.
func formOf(request protoreflect.MessageDescriptor) form {
	if request.Fields().Len() != 1 || request.Oneofs().Len() != 0 {
		return nil
	}
	fd := request.Fields().Get(0)
	if fd.Kind() != protoreflect.StringKind || fd.Cardinality() == protoreflect.Repeated {
		return nil
	}
	of, err := protovalidate.ResolveMessageRules(request)
	if err != nil || proto.Size(of) > 0 {
		return nil
	}
	rules, err := protovalidate.ResolveFieldRules(fd)
	if err != nil {
		return nil
	}
	pattern := rules.GetString().GetPattern()
	if pattern == "" || !proto.Equal(rules, &bufvalidate.FieldRules{Type: &bufvalidate.FieldRules_String_{String_: &bufvalidate.StringRules{Pattern: &pattern}}}) {
		return nil
	}
	return formFrom(pattern)
}

// formFrom is the form that an expression stands for; nil if it fits texts of
// several lengths, or is not bound to the whole of a text.
func formFrom(pattern string) form {
	expression, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil || expression.Op != syntax.OpConcat {
		return nil
	}
	parts := expression.Sub
	if last := len(parts) - 1; last < 2 || parts[0].Op != syntax.OpBeginText || parts[last].Op != syntax.OpEndText {
		return nil
	}
	var f form
	for _, part := range parts[1 : len(parts)-1] {
		places, ok := placesOf(part)
		if !ok {
			return nil
		}
		f = append(f, places...)
	}
	return f
}

// placesOf are the places that a part of an expression stands for, where it can
// stand for so many and no other number.
func placesOf(part *syntax.Regexp) (places form, ok bool) {
	switch part.Op {
	case syntax.OpLiteral:
		for _, r := range part.Rune {
			var one signs
			one.add(r, r)
			places = append(places, one)
		}
		return places, part.Flags&syntax.FoldCase == 0
	case syntax.OpCharClass:
		var some signs
		for i := 0; i+1 < len(part.Rune); i += 2 {
			some.add(part.Rune[i], part.Rune[i+1])
		}
		return form{some}, true
	case syntax.OpRepeat:
		one, ok := placesOf(part.Sub[0])
		for range part.Min {
			places = append(places, one...)
		}
		return places, ok && part.Min == part.Max
	}
	return nil, false
}
