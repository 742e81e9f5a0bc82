package disclosure

import (
	"context"
	"testing"

	"github.com/jisr-exchange/jisr/services/record"
)

func TestOpeningARecordTakesNoMemoryOfItsOwn(t *testing.T) {
	f := newFixture(t)
	_, e := f.sealed(t, victimName)
	typ, at := record.ByName("Victim"), context.Background()
	lens := f.caller.Law.Read(f.caller.Role, f.caller.Purpose, caring)
	envelope := e.Append(nil)
	out, shown, err := f.page.Open(at, nil, victimName, typ, nil, envelope, lens)
	must(t, err)
	if shown == 0 || len(out) == 0 {
		t.Fatal("nothing was opened")
	}
	allocations := testing.AllocsPerRun(1000, func() {
		if out, _, err = f.page.Open(at, out[:0], victimName, typ, nil, envelope, lens); err != nil {
			t.Fatal(err)
		}
	})
	if allocations > ceiling {
		t.Errorf("opening a record allocates %.1f times", allocations)
	}
}

// What it costs to open six of twelve sections, with the key's cipher at hand and with
// the wrapped key alone.
func BenchmarkOpeningARecord(b *testing.B) {
	for _, bench := range []struct {
		name    string
		records int
	}{{"cipher", 100}, {"wrapped", 3 * 4096}} {
		b.Run(bench.name, func(b *testing.B) {
			f, all := newFixture(b), make([][]byte, bench.records)
			at, typ := context.Background(), record.ByName("Victim")
			for i := range all {
				all[i] = f.filled(b, victimName)
			}
			var lens record.ClassSet
			for i, s := range typ.Sections[:12] {
				if i%2 == 0 {
					lens |= record.Classes(s.Class)
				}
			}
			out, _, err := f.page.Open(at, nil, victimName, typ, nil, all[0], lens)
			must(b, err)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if out, _, err = f.page.Open(at, out[:0], victimName, typ, nil, all[i%len(all)], lens); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// filled is a victim's record at rest under a key of its own: twelve sections of 150 bytes.
func (f *fixture) filled(t testing.TB, name string) []byte {
	t.Helper()
	id, err := f.page.ring.Take(context.Background())
	must(t, err)
	aead, err := f.page.ring.AEAD(context.Background(), id)
	must(t, err)
	e := &record.Envelope{KeyID: id, Marks: []record.Mark{{Class: 1, Revision: 1, Time: 1, Author: f.caller.Agency}}}
	plain := make([]byte, 150)
	for _, s := range record.ByName("Victim").Sections[:12] {
		e.SetSection(record.Section{
			Number: s.Number, Revision: 1, Time: 1764000000000000, Author: f.caller.Agency,
			Sealed: aead.Seal(nil, nil, plain, bind(name, s.Number, 1)),
		})
	}
	return e.Append(nil)
}
