package agreement

import (
	"errors"
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
func FuzzParse(f *testing.F) {
	f.Add([]byte(""))
	f.Add([]byte(`title: "t" edition: "2026-11-22" classes { data_class: 3 cells { role: 77 read: -1 } }`))
	f.Add([]byte(`records { record: "Victim" cells { role: ROLE_NGO links: 31 links: -5 } } purposes { purpose: -1 every_class: true }`))
	f.Add([]byte(`roles { role: ROLE_NGO purposes: 900 } referrals { kind: 900 scope: 64 scope: -1 } reasons { code: -1 } agencies { agency: "a" roles: 99 }`))
	f.Add(shippedText(f))
	f.Fuzz(func(t *testing.T, text []byte) {
		l, err := Parse(text)
		if (l == nil) == (err == nil) {
			t.Fatal("neither a law nor an error, or both")
		}
		if err != nil {
			if mistakes := (Mistakes)(nil); !errors.As(err, &mistakes) || len(mistakes) == 0 {
				t.Fatalf("an error without mistakes: %T", err)
			}
			return
		}
		if l.Read(jisrv1.Role_ROLE_OPERATIONS, jisrv1.Purpose_PURPOSE_OPERATIONS, everyLink()) != record.Classes(jisrv1.DataClass_DATA_CLASS_EXCHANGE) {
			t.Fatal("operations reads a record")
		}
	})
}
