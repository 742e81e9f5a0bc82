package store

import (
	"os"
	"path/filepath"
	"testing"
)

// A journal of another exchange at the place to move to is told of before anything is moved.
func TestAJournalAtThePlaceToMoveToIsRefusedBeforehand(t *testing.T) {
	path := filepath.Join(t.TempDir(), "jisr.db")
	must(t, os.WriteFile(path, nil, 0o600)) // as make has made it
	must(t, os.WriteFile(path+"-entries", header(12345), 0o600))
	held, err := unserved(path)
	if err == nil {
		must(t, held.Close())
		_, _, err := openFile(path, lonely(func(error) {}))
		t.Errorf("it may be moved to, and then is served with %v", err)
	}
}
