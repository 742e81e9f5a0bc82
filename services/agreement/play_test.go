package agreement

import (
	"os"
	"sync"
	"testing"

	"google.golang.org/protobuf/encoding/prototext"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/record"
)

// shippedPath is the agreement that the exchange ships with.
const shippedPath = "../../agreement.txtpb"

var shipped = sync.OnceValues(func() ([]byte, error) { return os.ReadFile(shippedPath) })

func shippedText(t testing.TB) []byte {
	t.Helper()
	text, err := shipped()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func shippedMessage(t testing.TB) *jisrv1.Agreement {
	t.Helper()
	msg := &jisrv1.Agreement{}
	if err := prototext.Unmarshal(shippedText(t), msg); err != nil {
		t.Fatal(err)
	}
	return msg
}

var parsed = sync.OnceValues(func() (*Law, error) {
	text, err := shipped()
	if err != nil {
		return nil, err
	}
	return Parse(text)
})

func shippedLaw(t testing.TB) *Law {
	t.Helper()
	l, err := parsed()
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// play tells what agencies may do under the shipped agreement, in its own words.
type play struct {
	testing.TB
	law *Law
}

func newPlay(t testing.TB) play { return play{t, shippedLaw(t)} }

func named(p play, kind string, values map[string]int32, name string) int32 {
	p.Helper()
	v, ok := values[name]
	if !ok {
		p.Fatalf("the contract has no %s %s", kind, name)
	}
	return v
}

func (p play) role(name string) jisrv1.Role {
	p.Helper()
	for _, r := range every[jisrv1.Role]() {
		if RoleName(r) == name {
			return r
		}
	}
	p.Fatalf("the contract has no role %s", name)
	return 0
}

func (p play) purpose(name string) jisrv1.Purpose {
	p.Helper()
	for _, v := range every[jisrv1.Purpose]() {
		if PurposeName(v) == name {
			return v
		}
	}
	p.Fatalf("the contract has no purpose %s", name)
	return 0
}

func (p play) class(name string) record.Class {
	p.Helper()
	return record.Class(named(p, "class", jisrv1.DataClass_value, "DATA_CLASS_"+name))
}

func (p play) classes(names ...string) record.ClassSet {
	p.Helper()
	var s record.ClassSet
	for _, n := range names {
		s |= record.Classes(p.class(n))
	}
	return s
}

// by is a standing of links that reach everything.
func (p play) by(links ...string) Standing {
	p.Helper()
	var st Standing
	for _, n := range links {
		st.Links = append(st.Links, InForce{
			Link:  jisrv1.Link(named(p, "link", jisrv1.Link_value, "LINK_"+n)),
			Scope: record.EveryClass,
		})
	}
	return st
}

// scoped is a standing of one link that reaches only some classes.
func (p play) scoped(link string, classes ...string) Standing {
	p.Helper()
	st := p.by(link)
	st.Links[0].Scope = p.classes(classes...)
	return st
}

func (p play) consented(st Standing, classes ...string) Standing {
	p.Helper()
	st.Consented |= p.classes(classes...)
	return st
}

func (p play) wrote(st Standing, classes ...string) Standing {
	p.Helper()
	st.Own |= p.classes(classes...)
	return st
}

// lens is what a role reads for the first of its purposes that reaches every class.
func (p play) lens(role string, st Standing) record.ClassSet {
	p.Helper()
	r := p.role(role)
	return p.law.Read(r, p.widest(r), st)
}

func (p play) pen(role string, st Standing) record.ClassSet {
	p.Helper()
	r := p.role(role)
	return p.law.Write(r, p.widest(r), st)
}

func (p play) widest(r jisrv1.Role) jisrv1.Purpose {
	best, most := jisrv1.Purpose(0), -1
	for _, v := range p.law.Purposes(r) {
		if n := p.law.ceiling(r, v).Len(); n > most {
			best, most = v, n
		}
	}
	return best
}

func (p play) reads(role string, st Standing, classes ...string) {
	p.Helper()
	lens := p.lens(role, st)
	for _, c := range classes {
		if !lens.Has(p.class(c)) {
			p.Errorf("%s does not read %s", role, c)
		}
	}
}

func (p play) cannotRead(role string, st Standing, classes ...string) {
	p.Helper()
	lens := p.lens(role, st)
	for _, c := range classes {
		if lens.Has(p.class(c)) {
			p.Errorf("%s reads %s", role, c)
		}
	}
}

func (p play) tells(role string, st Standing, classes ...string) {
	p.Helper()
	pen := p.pen(role, st)
	for _, c := range classes {
		if !pen.Has(p.class(c)) {
			p.Errorf("%s does not tell %s", role, c)
		}
	}
}

func (p play) cannotTell(role string, st Standing, classes ...string) {
	p.Helper()
	pen := p.pen(role, st)
	for _, c := range classes {
		if pen.Has(p.class(c)) {
			p.Errorf("%s tells %s", role, c)
		}
	}
}
