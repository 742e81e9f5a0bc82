package register_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/jisr-exchange/jisr/examples"
	"github.com/jisr-exchange/jisr/services/register"
)

func FuzzAMappingIsTakenOrRefusedByItsLines(f *testing.F) {
	f.Add(string(examples.RegisterMapping))
	f.Add(string(examples.SherlocMapping))
	f.Add("register: x\nid: a\nfields: &a [*a]\n")
	f.Add("register: x\nid: [{}]\nfields: {from: a}\n")
	f.Add("a: &a [x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\n")
	f.Fuzz(func(t *testing.T, text string) {
		m, err := register.ReadMapping(strings.NewReader(text))
		if (err == nil) != (m != nil) {
			t.Fatalf("a mapping: %v, and an error: %v", m != nil, err)
		}
		if err != nil {
			return
		}
		_ = m.Classes()
		if _, err := m.Plan(bytes.NewReader(examples.Register)); err != nil && err.Error() == "" {
			t.Fatal("a register is refused without a word")
		}
	})
}

func FuzzEveryRowOfARegisterGoesInOrIsRejected(f *testing.F) {
	m, err := register.ReadMapping(bytes.NewReader(examples.RegisterMapping))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(examples.Register)
	f.Add(bytes.ReplaceAll(examples.Register, []byte("\n"), []byte("\r\n")))
	f.Add(append([]byte("\xef\xbb\xbf"), examples.Register...))
	f.Add(append(bytes.Clone(examples.Register), "\"a quote that never ends,,,\n,,\n"...))
	f.Add(append(bytes.Clone(examples.Register), "a \"bare quote,,,\n"...))
	f.Add([]byte("\xff\xfea\x00"))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := m.Plan(bytes.NewReader(text))
		if err != nil {
			return
		}
		in, lines := 0, make(map[int]bool)
		for _, g := range p.Groups {
			in += len(g.Lines)
			for _, line := range g.Lines {
				lines[line] = true
			}
		}
		last := bytes.Count(text, []byte("\n")) + 1
		rejected := make(map[int]bool)
		for _, r := range p.Rejects {
			if r.Line < 1 || r.Line > last || r.Reason == "" {
				t.Fatalf("a reject at line %d of %d: %q", r.Line, last, r.Reason)
			}
			if lines[r.Line] {
				t.Fatalf("line %d goes in and is rejected", r.Line)
			}
			rejected[r.Line] = true
		}
		if in+len(rejected) != p.Rows {
			t.Fatalf("%d rows, of which %d go in and %d are rejected", p.Rows, in, len(rejected))
		}
	})
}

func FuzzAListOfNamesNeverPanics(f *testing.F) {
	f.Add([]byte("register,id,kind,ordinal,name\nr,1,case,0,cases/x\n"))
	f.Add([]byte("register,id,kind,ordinal,name\nr,1,case,99999999999999999999,cases/x\n"))
	f.Add([]byte("x\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if n, err := register.ReadNames(bytes.NewReader(text)); (err == nil) != (n != nil) {
			t.Fatalf("a list: %v, and an error: %v", n != nil, err)
		}
	})
}
