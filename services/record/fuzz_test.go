package record

import (
	"bytes"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
)

// nameRule is the rule of names as the contract words it; the parser has no regular expressions.
var nameRule = regexp.MustCompile(strings.ReplaceAll(`\A(cases/ID(/(suspects|referrals|orders|shares)/ID|/victims/ID(/consents/ID)?)?|notifications/ID|agencies/[a-z0-9-]{1,63}(/deliveries/ID)?|logEntries/ID)\z`, "ID", "[a-z2-7]{26}"))

func FuzzANameIsReadByTheRuleOrNotAtAll(f *testing.F) {
	id := strings.Repeat("a", idLength)
	for _, s := range []string{
		"cases/" + id, "cases/" + id + "/victims/" + id + "/consents/" + id, "agencies/molsa/deliveries/" + id, "agencies/molsa", "logEntries/" + id,
		"agencies/a text of somebody's/deliveries/" + id, "cases//victims/" + id, "cases/" + id + "/victims/" + id + "/",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, full string) {
		n, ok := ParseName(full)
		if !ok {
			return
		}
		if !nameRule.MatchString(full) || len(full) > 200 {
			t.Fatalf("%q was read as a %s", full, n.Type.Name)
		}
		if n.Full != full || !strings.HasPrefix(full, n.Parent) || !strings.HasPrefix(full, n.Case) {
			t.Fatalf("%q was read as %+v", full, n)
		}
	})
}

func FuzzAnEnvelopeIsReadWholeOrNotAtAll(f *testing.F) {
	e := Envelope{
		KeyID: "key", Marks: []Mark{{Class: 3, Revision: 1, Time: 5, Author: "police"}},
		Sections: []Section{{Number: 20, Revision: 2, Time: 7, Author: "court", Sealed: []byte("sealed")}, {Number: 21, Revision: 1}},
	}
	f.Add(e.Append(nil))
	f.Add([]byte{})
	byHand := protowire.AppendTag(nil, firstSealed+20, protowire.BytesType) // as it rests, whatever Append makes of it now
	f.Add(protowire.AppendBytes(byHand, append([]byte{2, 7, 5}, "courtsealed"...)))
	f.Add(e.Append(nil)[:20])
	f.Fuzz(func(t *testing.T, text []byte) {
		e, err := ParseEnvelope(text)
		if err != nil {
			if e.Sections != nil || e.Marks != nil || e.KeyID != "" {
				t.Fatal("a broken envelope was read in part")
			}
			return
		}
		// What was read is written and read again as the same.
		written := e.Append(nil)
		again, err := ParseEnvelope(written)
		if err != nil || !reflect.DeepEqual(plainly(e), plainly(again)) {
			t.Fatalf("%+v was written as %+v: %v", e, again, err)
		}
		for _, s := range e.Sections {
			if s.Number < 0 || s.Number > sealNumber-firstSealed || !bytes.Contains(text, s.Sealed) {
				t.Fatalf("a section of its own making: %+v", s)
			}
		}
	})
}

// plainly makes nothing and an empty something alike.
func plainly(e Envelope) Envelope {
	for i := range e.Sections {
		if len(e.Sections[i].Sealed) == 0 {
			e.Sections[i].Sealed = nil
		}
	}
	return e
}
