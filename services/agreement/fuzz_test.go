package agreement

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"math"
	"testing"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/record"
)

// FuzzAnAgreementIsTakenWholeOrRefused reads the shipped agreement with a text
// put in and some of its own left out, or all of it.
func FuzzAnAgreementIsTakenWholeOrRefused(f *testing.F) {
	f.Add("", uint32(0), uint32(0))
	f.Add(" ", uint32(10), uint32(0))
	f.Add("", uint32(5000), uint32(400)) // a gap
	f.Add("agencies { agency: \"police\" }\n", uint32(0), uint32(0))
	f.Add("\xff\xfe{{{{", uint32(1), uint32(math.MaxUint32))
	for _, whole := range []string{
		"", `title: "t" edition: "2026-11-22" classes { data_class: 3 cells { role: 77 read: -1 } }`,
		`records { record: "Victim" cells { role: ROLE_NGO links: 31 links: -5 } } purposes { purpose: -1 every_class: true }`,
		`roles { role: ROLE_NGO purposes: 900 } referrals { kind: 900 scope: 64 scope: -1 } reasons { code: -1 } agencies { agency: "a" roles: 99 }`,
	} {
		f.Add(whole, uint32(0), uint32(math.MaxUint32))
	}
	shipped := shippedText(f)
	f.Fuzz(func(t *testing.T, put string, at, out uint32) {
		begin := min(int(at), len(shipped))
		end := min(begin+int(out), len(shipped))
		text := append(append(append([]byte{}, shipped[:begin]...), put...), shipped[end:]...)
		l, err := Parse(text)
		if err != nil {
			if mistakes := (Mistakes)(nil); l != nil || !errors.As(err, &mistakes) || len(mistakes) == 0 {
				t.Fatalf("refused with %T, and a law: %v", err, l != nil)
			}
			return
		}
		if sum := sha256.Sum256(text); l.Hash() != hex.EncodeToString(sum[:]) {
			t.Fatal("the law is named by another text")
		}
		if l.Read(jisrv1.Role_ROLE_OPERATIONS, jisrv1.Purpose_PURPOSE_OPERATIONS, everyLink()) != record.Classes(jisrv1.DataClass_DATA_CLASS_EXCHANGE) {
			t.Fatal("operations reads a record")
		}
	})
}
