package record

import (
	"bytes"
	"reflect"
	"slices"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
)

func drawEnvelope(t *rapid.T) Envelope {
	e := Envelope{KeyID: rapid.String().Draw(t, "key")}
	text := rapid.StringMatching(`[a-z-]{1,20}`)
	for _, c := range rapid.SliceOfNDistinct(rapid.Int32Range(1, 63), 0, 5, rapid.ID).Draw(t, "classes") {
		e.SetMark(Mark{Class: Class(c), Revision: rapid.Uint64().Draw(t, "revision"), Time: rapid.Int64Min(0).Draw(t, "time"), Author: text.Draw(t, "author")})
	}
	for _, n := range rapid.SliceOfNDistinct(rapid.Int32Range(firstSection, 99), 0, 8, rapid.ID).Draw(t, "sections") {
		e.SetSection(Section{Number: protowire.Number(n), Revision: rapid.Uint64().Draw(t, "revision"), Time: rapid.Int64Min(0).Draw(t, "time"),
			Author: text.Draw(t, "author"), Sealed: rapid.SliceOfN(rapid.Byte(), 1, 50).Draw(t, "sealed")})
	}
	return e
}

func TestAnEnvelopeComesBackAsItWas(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := drawEnvelope(t)
		got, err := ParseEnvelope(e.Append(nil))
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(e, got) {
			t.Fatalf("%+v came back as %+v", e, got)
		}
	})
}

func TestOfAnEnvelopeALensReadsWhatItOpensAndAllTheRest(t *testing.T) {
	typ, passed := ByName("Victim"), 0
	rapid.Check(t, func(t *rapid.T) {
		e, lens := drawEnvelope(t), ClassSet(rapid.Uint64().Draw(t, "lens"))
		want := Envelope{KeyID: e.KeyID, Marks: e.Marks}
		for _, s := range e.Sections {
			if f, ok := typ.Field(s.Number); ok && lens.Has(f.Class) {
				want.Sections = append(want.Sections, s)
			} else {
				passed++
			}
		}
		got, err := LendWithin(e.Append(nil), typ, lens)
		if err != nil {
			t.Fatal(err)
		}
		defer got.GiveBack()
		if got.KeyID != want.KeyID || !slices.Equal(got.Marks, want.Marks) || !slices.EqualFunc(got.Sections, want.Sections, func(a, b Section) bool { return reflect.DeepEqual(a, b) }) {
			t.Fatalf("%+v is read as %+v", want, *got)
		}
	})
	if passed == 0 {
		t.Error("no section was passed over, so that nothing is proved")
	}
}

func TestTagAndLengthAreReadAsTheLibraryReadsThem(t *testing.T) {
	quick := 0
	rapid.Check(t, func(t *rapid.T) {
		number := rapid.OneOf(rapid.Int32Range(1, 1<<18), rapid.Int32Range(firstSealed-2, lastSealed+2)).Draw(t, "number")
		tag := uint64(number)<<3 | rapid.SampledFrom([]uint64{0, 1, 2, 2, 2, 2, 5, 7}).Draw(t, "type")
		b := protowire.AppendVarint(nil, tag)
		b = protowire.AppendVarint(b, rapid.SampledFrom([]uint64{0, 1, 127, 128, 200, 1 << 14, 1 << 40}).Draw(t, "length"))
		b = append(b, rapid.SliceOfN(rapid.Byte(), 0, 4).Draw(t, "more")...)
		if rapid.IntRange(0, 3).Draw(t, "spoilt") == 0 {
			b[rapid.IntRange(0, len(b)-1).Draw(t, "at")] = rapid.Byte().Draw(t, "by")
		}
		want, typ, n := protowire.ConsumeTag(b)
		size, m := uint64(0), -1
		if n >= 0 && typ == protowire.BytesType && want >= firstSealed && want <= lastSealed {
			size, m = protowire.ConsumeVarint(b[n:])
		}
		num, got, end := sealedHead(b)
		if m < 0 {
			if end >= 0 {
				t.Fatalf("% x is read as field %d of %d bytes", b, num, got)
			}
			return
		}
		if num != want || got != size || end != n+m {
			t.Fatalf("% x is read as field %d of %d bytes after %d, not as %d of %d after %d", b, num, got, end, want, size, n+m)
		}
		if size < 1<<14 {
			quick++
		}
	})
	if quick == 0 {
		t.Error("nothing was like what is written, so that the library was held against itself")
	}
}

func TestASectionIsKeptOnceAndInOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := drawEnvelope(t)
		for i := 1; i < len(e.Sections); i++ {
			if e.Sections[i-1].Number >= e.Sections[i].Number {
				t.Fatalf("sections %d and %d are out of order", e.Sections[i-1].Number, e.Sections[i].Number)
			}
		}
	})
}

// A generated message must marshal a sealed record by copy and never parse it.
func TestASealedRecordTravelsInItsGeneratedType(t *testing.T) {
	e := Envelope{KeyID: "k", Sections: []Section{{Number: 25, Revision: 1, Author: "molsa", Sealed: []byte("sealed")}}}
	v := jisrv1.Victim_builder{Name: "n"}.Build()
	Attach(v, e.Append(nil))
	wire, err := proto.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	back := &jisrv1.Victim{}
	if err := proto.Unmarshal(wire, back); err != nil {
		t.Fatal(err)
	}
	if back.HasLocation() {
		t.Error("a sealed section was parsed as a clear one")
	}
	raw, err := Detach(back)
	if err != nil || !bytes.Equal(raw, e.Append(nil)) {
		t.Errorf("the envelope came back as %x (%v)", raw, err)
	}
}

func TestAnUnknownFieldOutsideOfTheReservedRangeIsNoRecordOfTheStore(t *testing.T) {
	v := &jisrv1.Victim{}
	Attach(v, protowire.AppendString(protowire.AppendTag(nil, 900, protowire.BytesType), "x"))
	if _, err := Detach(v); err == nil {
		t.Error("it was taken")
	}
}

func TestOwnIsWhatTheAgencyWroteAlone(t *testing.T) {
	typ := ByName("Referral")
	e := Envelope{
		Marks:    []Mark{{Class: jisrv1.DataClass_DATA_CLASS_REFERRAL_OUTCOME, Author: "a"}, {Class: jisrv1.DataClass_DATA_CLASS_REFERRAL_PARTIES, Author: "a"}},
		Sections: []Section{{Number: 22, Author: "b"}, {Number: 20, Author: "b"}},
	}
	want := Classes(jisrv1.DataClass_DATA_CLASS_REFERRAL_PARTIES)
	if own := e.Own(typ, "a"); own != want {
		t.Errorf("a owns %v, want %v: the outcome's section is b's", own.List(), want.List())
	}
}

// What it costs to read twelve sections of 150 bytes, six of which a lens opens.
func BenchmarkReadingAnEnvelope(b *testing.B) {
	typ := ByName("Victim")
	e := Envelope{KeyID: "aaaaaaaaaaaaaaaaaaaaaaaaaa", Marks: []Mark{{Class: 1, Revision: 1, Time: 1764000000000000, Author: "sjc-rusafa-inv"}}}
	var lens ClassSet
	for i, f := range typ.Sections[:12] {
		e.SetSection(Section{Number: f.Number, Revision: 1, Time: 1764000000000000, Author: "sjc-rusafa-inv", Sealed: make([]byte, 180)})
		if i%2 == 0 {
			lens |= Classes(f.Class)
		}
	}
	text := e.Append(nil)
	b.ReportAllocs()
	for b.Loop() {
		got, err := LendWithin(text, typ, lens)
		if err != nil || len(got.Sections) != 6 {
			b.Fatal(err, len(got.Sections))
		}
		got.GiveBack()
	}
}
