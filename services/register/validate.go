package register

import (
	"errors"
	"regexp"
	"strings"

	"buf.build/go/protovalidate"
	"google.golang.org/protobuf/proto"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
)

// unnamed stands for the case's name while its persons are checked before it has one.
const unnamed = "cases/aaaaaaaaaaaaaaaaaaaaaaaaaa"

var index = regexp.MustCompile(`\[[^]]*\]`)

// validate holds a record to the contract's rules, as the exchange will.
func (m *Mapping) validate(rec Record) []Reject {
	request := rec.Request
	if rec.Kind != KindCase {
		request = proto.Clone(request)
		setParent(request, unnamed)
	}
	err := protovalidate.Validate(request)
	if err == nil {
		return nil
	}
	var broken *protovalidate.ValidationError
	if !errors.As(err, &broken) {
		return []Reject{{Line: rec.Line, Reason: "the contract's rules cannot be applied to this row"}}
	}
	var rejects []Reject
	for _, v := range broken.Violations {
		path := index.ReplaceAllString(protovalidate.FieldPathString(v.Proto.GetField()), "")
		at, stated := rec.origin(path)
		reason := path + ": " + v.Proto.GetMessage()
		if !stated {
			at.column = m.columnOf(path)
			reason = path + ": the contract requires it, and the row does not state it"
		}
		rejects = append(rejects, Reject{Line: at.line, Column: at.column, Reason: reason})
	}
	return rejects
}

// origin returns the cell that filled the field of a request path such as
// victim.identity.birth_date, or the row where none did.
func (rec Record) origin(path string) (origin, bool) {
	inside := strings.TrimPrefix(path, rec.Kind.String()+".")
	for at := inside; at != ""; {
		if o, ok := rec.from[at]; ok {
			return o, true
		}
		cut := strings.LastIndexByte(at, '.')
		if cut < 0 {
			break
		}
		at = at[:cut]
	}
	return origin{line: rec.Line}, false
}

// columnOf returns the column that the mapping gives to a field.
func (m *Mapping) columnOf(path string) string {
	for _, r := range m.rules {
		if r.to.name == path {
			return r.from[0]
		}
	}
	return ""
}

func setParent(request proto.Message, name string) {
	switch request := request.(type) {
	case *jisrv1.CreateVictimRequest:
		request.SetParent(name)
	case *jisrv1.CreateSuspectRequest:
		request.SetParent(name)
	}
}
