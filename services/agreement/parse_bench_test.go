package agreement

import (
	"testing"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/record"
)

// BenchmarkParse is what the agreement costs at start.
func BenchmarkParse(b *testing.B) {
	text := shippedText(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(text); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRead is what one decision costs, for a carer with three links.
func BenchmarkRead(b *testing.B) {
	p := newPlay(b)
	st := p.consented(p.by("RECEIVER", "AUTHOR", "DISCLOSED"), "VICTIM_IDENTITY")
	role, purpose := p.role("ngo"), p.purpose("assistance")
	var lens record.ClassSet
	b.ReportAllocs()
	for b.Loop() {
		lens |= p.law.Read(role, purpose, st)
	}
	if !lens.Has(jisrv1.DataClass_DATA_CLASS_VICTIM_IDENTITY) {
		b.Fatal("the lens is empty")
	}
}

func TestDecidingAllocatesNothing(t *testing.T) {
	p := newPlay(t)
	st := p.by("RECEIVER", "AUTHOR", "DISCLOSED")
	role, purpose := p.role("ngo"), p.purpose("assistance")
	if n := testing.AllocsPerRun(100, func() {
		p.law.Read(role, purpose, st)
		p.law.Write(role, purpose, st)
		p.law.Shelf(role, "Victim")
		p.law.MayCall(role, "CaseService/GetVictim")
	}); n != 0 {
		t.Errorf("a decision allocates %v times", n)
	}
}

// FuzzParse holds Parse to its word: a law or an error that lists mistakes, and
// never a law in which operations reads a record.
