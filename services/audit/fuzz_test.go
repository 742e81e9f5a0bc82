package audit

import (
	"bytes"
	"testing"

	"google.golang.org/protobuf/proto"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/record"
)

// asMessages is the entry of which FuzzAnEntryIsTheBytes writes the subjects as bytes.
func asMessages(of *jisrv1.LogLeaf, names []string, classes []record.ClassSet, by []agreement.Standing) *jisrv1.LogLeaf {
	leaf := proto.Clone(of).(*jisrv1.LogLeaf)
	for i, name := range names {
		subject := jisrv1.LogSubject_builder{Record: name, DataClasses: classes[i].List()}.Build()
		SetLinks(subject, by[i])
		leaf.SetSubjects(append(leaf.GetSubjects(), subject))
	}
	return leaf
}

// FuzzAnEntryIsTheBytesOfItsMessage writes an entry about two records, each linked
// three times, as bytes and as messages: whoever verifies a commitment has the latter.
func FuzzAnEntryIsTheBytesOfItsMessage(f *testing.F) {
	f.Add("cases/a", "cases/b/victims/c", uint64(1<<20|2), uint64(0), "referrals/x", "", int32(1), int32(2), int64(1))
	f.Add("cases/a", "", ^uint64(0), uint64(1<<63), "shares/y", "shares/y", int32(0), int32(-1), int64(-1))
	f.Fuzz(func(t *testing.T, one, other string, shown, also uint64, via, another string, link, second int32, micros int64) {
		links := []agreement.InForce{{Link: jisrv1.Link(link), Via: via}, {Link: jisrv1.Link(second), Via: another}, {Link: jisrv1.Link(link), Via: another}}
		names, classes := []string{one, other}, []record.ClassSet{record.ClassSet(shown), record.ClassSet(also)}
		by := []agreement.Standing{{Links: links}, {}}
		leaf := jisrv1.LogLeaf_builder{
			Kind: jisrv1.LogEntry_KIND_DISCLOSED, TimeMicros: micros, Agency: "molsa", Role: jisrv1.Role_ROLE_NGO, Rpc: "CaseService/GetCase", Agreement: "hash",
		}.Build()
		message := asMessages(leaf, names, classes, by)
		want, err := Encode(message)
		if err != nil {
			return // a text that is no UTF-8, which no name of the shelf is
		}
		var subjects []byte
		for i, name := range names {
			subjects = AppendSubject(subjects, name, classes[i], by[i])
		}
		SetSubjects(leaf, subjects)
		got, err := Encode(leaf)
		if err != nil || !bytes.Equal(got, want) {
			t.Fatalf("an entry is written as %x, and its message is %x: %v", got, want, err)
		}
		read := &jisrv1.LogLeaf{}
		if err := proto.Unmarshal(got, read); err != nil || !proto.Equal(read, message) {
			t.Fatalf("an entry is read as %v, and was %v: %v", read, message, err)
		}
	})
}

// FuzzAnEntryIsFoundByWhatItsMessageHolds reads bytes as an entry.
func FuzzAnEntryIsFoundByWhatItsMessageHolds(f *testing.F) {
	leaf := jisrv1.LogLeaf_builder{Kind: jisrv1.LogEntry_KIND_REFUSED, TimeMicros: 7, Refusal: "NOT_FOUND"}.Build()
	encoded, err := Encode(asMessages(leaf, []string{"cases/a", ""}, make([]record.ClassSet, 2), make([]agreement.Standing, 2)))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(encoded)
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, encoded []byte) {
		leaf := &jisrv1.LogLeaf{}
		if proto.Unmarshal(encoded, leaf) != nil {
			_, _, _ = Find(encoded, nil) // whatever it says, it comes to an end
			return
		}
		encoded, err := Encode(leaf) // in its one form
		if err != nil {
			t.Fatal(err)
		}
		micros, records, err := Find(encoded, nil)
		if err != nil || micros != leaf.GetTimeMicros() || len(records) != len(leaf.GetSubjects()) {
			t.Fatalf("an entry of %d about %d records is found by %d and %d: %v", leaf.GetTimeMicros(), len(leaf.GetSubjects()), micros, len(records), err)
		}
		for i, subject := range leaf.GetSubjects() {
			if string(records[i]) != subject.GetRecord() {
				t.Errorf("it is about %q and found by %q", subject.GetRecord(), records[i])
			}
		}
	})
}
