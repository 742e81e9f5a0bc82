package keyring

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"pgregory.net/rapid"
	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/jisr-exchange/jisr/services/record"
)

func open(t testing.TB, dir string) *Ring {
	t.Helper()
	kek, err := OpenFileKEK(filepath.Join(dir, "kek"))
	if err != nil {
		t.Fatal(err)
	}
	r, err := Open(filepath.Join(dir, "keyring.db"), kek)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

func TestADestroyedKeyIsInNoFile(t *testing.T) {
	dir, ctx := t.TempDir(), context.Background()
	r := open(t, dir)
	id, err := r.Take(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.AEAD(ctx, id); err != nil {
		t.Fatal(err)
	}
	if !inFiles(t, dir, id) {
		t.Fatal("the key cannot be found even before it is destroyed: this test would prove nothing")
	}
	if err := r.Destroy(ctx, id); err != nil {
		t.Fatal(err)
	}
	if _, err := r.AEAD(ctx, id); !errors.Is(err, ErrDestroyed) {
		t.Errorf("the key still opens: %v", err)
	}
	if inFiles(t, dir, id) {
		t.Error("the destroyed key is still in a file")
	}
	if err := r.Destroy(ctx, id); !errors.Is(err, ErrDestroyed) {
		t.Errorf("destroyed twice: %v", err)
	}
}

func TestAKeyringOfBeforeThereWereGenerationsIsTakenAlong(t *testing.T) {
	s := onFile(t)
	r := s.open(t)
	id, secret := take(t, r), r.Secret("use")
	must(t, sqlitex.ExecuteScript(r.shelf.(*file).conn, "DROP TRIGGER destroyed; DROP TRIGGER changed; DROP TABLE ring", nil))
	killed(t, r)
	r = s.open(t)
	if _, err := r.AEAD(context.Background(), id); err != nil || !bytes.Equal(r.Secret("use"), secret) {
		t.Errorf("it is another keyring: %v", err)
	}
	must(t, r.Destroy(context.Background(), id))
}

func inFiles(t *testing.T, dir, id string) bool {
	t.Helper()
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		text, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(text, []byte(id)) {
			return true
		}
	}
	return false
}

func TestAKeyEncryptionKeyThatOthersCanReadIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kek")
	if _, err := OpenFileKEK(path); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenFileKEK(path); err == nil {
		t.Error("it was taken")
	}
}

func TestAPseudonymIsTurnedBackForItsAgencyAlone(t *testing.T) {
	p := open(t, t.TempDir()).Pseudonyms()
	rapid.Check(t, func(t *rapid.T) {
		var id [16]byte
		copy(id[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id"))
		name := "cases/" + record.EncodeID(id)
		one, two := p.Hide("ihchr", name), p.Hide("committee-federal", name)
		if one == name || one == two {
			t.Fatalf("%s is %s to one monitor and %s to another", name, one, two)
		}
		if p.Reveal("ihchr", one) != name {
			t.Fatal("the agency's own pseudonym is not turned back")
		}
		if p.Reveal("committee-federal", one) == name {
			t.Fatal("another agency's pseudonym is turned back")
		}
	})
}

// What is written to a file that nobody finds again is lost with the process, so
// no key comes out of a keyring that is gone, and one that is back gives them again.
func TestAKeyringThatIsGoneGivesNoNewKeys(t *testing.T) {
	dir, ctx := t.TempDir(), context.Background()
	r := open(t, dir)
	path := filepath.Join(dir, "keyring.db")
	for range pool {
		if _, err := r.Take(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Probe(ctx); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path, path+".away"); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Take(ctx); err == nil {
		t.Error("a keyring that is gone gave a key")
	}
	if r.Probe(ctx) == nil {
		t.Error("a keyring that is gone says that it is well")
	}
	if err := os.Rename(path+".away", path); err != nil {
		t.Fatal(err)
	}
	if err := r.Probe(ctx); err != nil {
		t.Fatal(err)
	}
	if ready, _ := r.Size(); ready != pool {
		t.Errorf("after it is back %d keys are ready", ready)
	}
	id, err := r.Take(ctx)
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	if _, err := open(t, dir).AEAD(ctx, id); err != nil {
		t.Errorf("the key is not in the file: %v", err)
	}
}

func TestWhatIsLeftOfAKeyByAStartThatWasCutOffIsGoneAfterTheNext(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kek")
	for _, there := range []bool{false, true} {
		left := filepath.Join(filepath.Dir(path), unfinished(path)+"1")
		if err := os.WriteFile(left, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := OpenFileKEK(path); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(left); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("a key was there: %v; what was left of another: %v", there, err)
		}
	}
}

func TestWhatAnOperatorKeepsBesideAKeyIsNotTouched(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kek")
	for _, name := range []string{".kek-backup", ".kek-2-17", ".kek-"} {
		kept := filepath.Join(filepath.Dir(path), name)
		if err := os.WriteFile(kept, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := OpenFileKEK(path); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(kept); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
