package store

import (
	"strings"
	"testing"
	"time"

	"github.com/jisr-exchange/jisr/services/fault"
)

// What is asked for goes into the log as a name and as nothing else.
func TestARefusalHoldsTheNameAlone(t *testing.T) {
	for _, padding := range []string{" ", "\n", strings.Repeat(" ", 100<<10)} {
		e := asRefused(t, "cases/"+strings.Repeat("a", 26)+padding)
		if len(e.records) != 0 && string(e.records[0]) != strings.TrimSpace(string(e.records[0])) {
			t.Errorf("an entry of %d bytes holds text of its caller's own", len(e.leaf))
		}
	}
}

func asRefused(t *testing.T, asked string) *entry {
	t.Helper()
	s := &Store{Options: Options{Clock: time.Now, Random: zeros{}}}
	c := &capture{}
	s.engine = c
	must(t, s.Refuse(t.Context(), nil, "x", fault.NotFound, asked))
	return c.e
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { return len(b), nil }

type capture struct {
	engine
	e *entry
}

func (c *capture) enter(w *showing) error { c.e = w.entry; return nil }
