package store

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/jisr-exchange/jisr/services/agreement"
)

// A file has one server, by whatever name it is called.
func TestAFileIsServedOnceByWhateverName(t *testing.T) {
	l := serve(t)
	other := filepath.Join(t.TempDir(), "link.db")
	must(t, os.Symlink(l.path, other))
	opened, _, err := openFile(other, lonely(func(error) {}))
	if err != nil {
		return
	}
	second := opened.(*file)
	t.Error("another process serves it by the name of a link")
	l.shows(0, nil)
	must(t, second.do(t.Context(), draw)) // a consent ends, and who ended it is told so
	l.shows(0, agreement.ErrMoved)
	must(t, second.close())
}
