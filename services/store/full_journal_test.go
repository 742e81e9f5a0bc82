package store

import (
	"runtime"
	"testing"
)

// Nothing is posted, and both halves fill up to their ends: whoever asks then waits,
// neither half is written into the other, and all is there once it is posted.
func TestBothHalvesAreFilledToTheirEndsAndNoFurther(t *testing.T) {
	l := serve(t)
	ballast := string(make([]byte, 100<<10))
	l.posting.Lock()
	const most = 3 * halfBytes / (100 << 10)
	want := make(chan string, most)
	go func() {
		defer close(want)
		for range most {
			e := l.about("cases/y", ballast)
			if err := l.journal.append(e); err != nil {
				t.Error(err)
			}
			want <- e.name
		}
	}()
	full := func() bool {
		l.journal.disk.Lock()
		defer l.journal.disk.Unlock()
		for _, h := range l.journal.halves {
			if h.generation == 0 || h.end+int64(len(ballast)) <= halfBytes {
				return false
			}
		}
		return true
	}
	for !full() && len(want) < most {
		runtime.Gosched()
	}
	if len(want) == most {
		t.Error("more was taken than there is room for")
	}
	for _, h := range l.journal.halves {
		if h.end > halfBytes {
			t.Errorf("a half was written up to %d", h.end)
		}
	}
	// The older one is posted first: the database names one number, up to which all is posted.
	writing := l.journal.writing
	if n, last := l.journal.ripe(); last || l.journal.halves[n].generation > l.journal.halves[1-n].generation {
		t.Error("the younger half is posted first")
	}
	l.journal.writing = writing
	l.posting.Unlock()
	var all []string
	for name := range want {
		all = append(all, name)
	}
	must(t, l.post())
	l.holdsExactly(all)
}
