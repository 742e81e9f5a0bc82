package record

import (
	"crypto/rand"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestANameIsReadAsWhatItIs(t *testing.T) {
	id := strings.Repeat("a", idLength)
	for full, want := range map[string]string{
		"cases/" + id:                                        "Case",
		"cases/" + id + "/victims/" + id:                     "Victim",
		"cases/" + id + "/suspects/" + id:                    "Suspect",
		"cases/" + id + "/referrals/" + id:                   "Referral",
		"cases/" + id + "/orders/" + id:                      "Order",
		"cases/" + id + "/shares/" + id:                      "Share",
		"cases/" + id + "/victims/" + id + "/consents/" + id: "Consent",
		"notifications/" + id:                                "Notification",
		"agencies/molsa/deliveries/" + id:                    "Delivery",
		"logEntries/" + id:                                   "LogEntry",
	} {
		n, ok := ParseName(full)
		if !ok || n.Type.Name != want {
			t.Errorf("%s: got %v, want %s", full, n.Type, want)
		}
	}
	for _, full := range []string{
		"", "cases", "cases/", "cases/-", "cases/" + id + "/", "cases/" + id + "/victims", "victims/" + id,
		"cases/" + strings.ToUpper(id), "cases/" + id[1:], "cases/" + id + "x", "cases/" + id[:25] + "b",
		"cases/" + id + "/consents/" + id, "/cases/" + id, "cases/" + id + "/victims/" + id + "/consents/" + id + "/x/" + id,
	} {
		if n, ok := ParseName(full); ok {
			t.Errorf("%q was read as a %s", full, n.Type.Name)
		}
	}
}

func TestAnIDHasOneSpelling(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var b ID
		copy(b[:], rapid.SliceOfN(rapid.Byte(), len(b), len(b)).Draw(t, "id"))
		got, ok := IDs.Read(EncodeID(b))
		if !ok || got != b {
			t.Fatalf("%x came back as %x", b, got)
		}
	})
}

func TestAnIDIsWellFormedExactlyWhereItCanBeRead(t *testing.T) {
	well := 0
	rapid.Check(t, func(t *rapid.T) {
		id := rapid.OneOf(rapid.StringMatching(`[a-z2-7]{25}[aeimquy4]`), rapid.StringMatching(`[a-z2-7]{24}[a-z1-8A\n]{1,3}`)).Draw(t, "id")
		_, read := IDs.Read(id)
		if ValidID(id) != read {
			t.Fatalf("%q: well formed %v, read %v", id, ValidID(id), read)
		}
		if read {
			well++
		}
	})
	if well == 0 {
		t.Error("none was well formed: the comparison proves half of it")
	}
}

func TestANewNameIsReadBack(t *testing.T) {
	for _, typ := range Types() {
		parent := map[string]string{"Delivery": "agencies/molsa"}[typ.Name]
		id := strings.Repeat("a", idLength)
		switch typ.Name {
		case "Victim", "Suspect", "Referral", "Order", "Share":
			parent = "cases/" + id
		case "Consent":
			parent = "cases/" + id + "/victims/" + id
		}
		name, err := NewName(typ, parent, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if n, ok := ParseName(name); !ok || n.Type != typ || n.Parent != parent {
			t.Errorf("%s was not read back", name)
		}
	}
}

func BenchmarkParseName(b *testing.B) {
	id := strings.Repeat("a", idLength)
	full := "cases/" + id + "/victims/" + id
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := ParseName(full); !ok {
			b.Fatal("it was not read")
		}
	}
}
