package store

import (
	"crypto/rand"
	"path/filepath"
	"testing"
	"time"

	jisr "github.com/jisr-exchange/jisr"
	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/identity"
	"github.com/jisr-exchange/jisr/services/keyring"
	"github.com/jisr-exchange/jisr/services/record"
)

// FuzzAPageTokenIsGoodUnchangedOrNotAtAll changes a token that was given out.
func FuzzAPageTokenIsGoodUnchangedOrNotAtAll(f *testing.F) {
	dir := f.TempDir()
	kek, err := keyring.OpenFileKEK(filepath.Join(dir, "kek"))
	if err != nil {
		f.Fatal(err)
	}
	ring, err := keyring.Open(filepath.Join(dir, "keyring.db"), kek)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { ring.Close() })
	law, err := agreement.Parse(jisr.Agreement)
	if err != nil {
		f.Fatal(err)
	}
	s := &Store{files: newCaseFiles(1 << 20), Options: Options{Clock: time.Now, Random: rand.Reader}, secrets: newSecrets(ring)}
	c := &identity.Caller{Agency: "moi-ct", Role: jisrv1.Role_ROLE_COUNTER_TRAFFICKING, Purpose: jisrv1.Purpose_PURPOSE_INVESTIGATION, Law: law}
	q := Query{Type: record.ByName("Victim")}
	f.Add("", uint16(0), byte(0))
	f.Add("AAAA", uint16(0), byte(1))
	f.Add("\xff====", uint16(3), byte(9))
	f.Fuzz(func(t *testing.T, text string, at uint16, change byte) {
		if q.Token = text; text != "" {
			if got, err := s.openToken(c, q); err == nil {
				t.Fatalf("%q was taken for a token at %+v", text, got)
			}
		}
		want := position{created: int64(at), sort: text, name: text}
		token := s.sealToken(c, q, want)
		q.Token = token
		if got, err := s.openToken(c, q); err != nil || got != want {
			t.Fatalf("a token for %+v was read as %+v: %v", want, got, err)
		}
		if len(text) < tokenPadding/3 && len(token) != len(s.sealToken(c, q, position{})) {
			t.Fatal("a token's length tells of what it holds")
		}
		spoilt := []byte(token)
		spoilt[int(at)%len(spoilt)] ^= change
		if q.Token = string(spoilt); change != 0 {
			if _, err := s.openToken(c, q); err == nil {
				t.Fatalf("a token was taken with byte %d changed", at)
			}
		}
	})
}
