package store

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/fault"
)

// breaking is a meter that fails when it is told something.
type breaking struct {
	unmeasured
	begun, goOn chan struct{}
}

func (b breaking) Queued(time.Duration) {
	close(b.begun)
	<-b.goOn
	panic("the meter breaks")
}

// Whoever writes for others and breaks tells none of them that they were written down.
func TestWhoeverWaitsForAWriterThatBreaksIsNotToldThatItIsDurable(t *testing.T) {
	l := serve(t)
	l.journal.disk.Lock()
	l.journal.meter = breaking{begun: make(chan struct{}), goOn: make(chan struct{})}
	broke := make(chan any, 1)
	go func() {
		defer func() { broke <- recover() }()
		_ = l.journal.append(l.about("cases/y"))
	}()
	for {
		l.journal.gate.Lock()
		gathered := l.journal.next != nil
		l.journal.gate.Unlock()
		if gathered {
			break
		}
	}
	// It comes along before the first one has begun to write.
	g, first := l.journal.join(&entry{name: "logEntries/other", leaf: []byte{}, salt: []byte{}, commitment: []byte{}})
	if first {
		t.Fatal("it does not wait for another")
	}
	close(l.journal.meter.(breaking).goOn)
	l.journal.disk.Unlock()
	<-g.done
	if <-broke == nil {
		t.Error("nothing broke: nothing was proven")
	}
	if !errors.Is(g.err, fault.New(fault.LogUnavailable)) {
		t.Errorf("an entry that was never written is answered %v", g.err)
	}
	l.journal.disk.Lock()
	l.journal.meter = unmeasured{}
	l.journal.disk.Unlock()
}

// What was durable and cannot be read any more is not passed over in silence.
func TestAnEntryThatCannotBeReadAgainIsNotPassedOver(t *testing.T) {
	l := serve(t)
	l.posting.Lock()
	l.write(1)
	at := int64(l.journal.writing)*halfBytes + l.journal.halves[l.journal.writing].end
	l.write(2)
	b := make([]byte, 1)
	_, err := l.journal.file.ReadAt(b, at+frameHead+3)
	must(t, err)
	b[0] ^= 0xff
	_, err = l.journal.file.WriteAt(b, at+frameHead+3)
	must(t, err)
	l.posting.Unlock()
	if err := l.post(); err == nil {
		t.Errorf("posted without an error, and %d of 3 entries that were durable are found", len(l.found()))
	}
	b[0] ^= 0xff
	_, err = l.journal.file.WriteAt(b, at+frameHead+3)
	must(t, err)
	_ = l.post()
}

// A half whose turn cannot come, since the one before it is gone, is not thrown away.
func TestAHalfThatFollowsOneThatIsGoneIsNotThrownAway(t *testing.T) {
	l := serve(t)
	l.posting.Lock()
	defer l.posting.Unlock()
	l.write(1)
	first, _ := l.journal.ripe()
	l.write(1)
	damaged := l.killed()
	f, err := os.OpenFile(damaged.path+"-entries", os.O_RDWR, 0)
	must(t, err)
	_, err = f.WriteAt(make([]byte, 1), int64(first)*halfBytes)
	must(t, errors.Join(err, f.Close()))
	opened, _, err := openFile(damaged.path, unmeasured{}, func(error) {})
	if err != nil {
		return // refused: right
	}
	damaged.file = opened.(*file)
	t.Errorf("it is served, and of 2 entries that were durable %d are found", len(damaged.found()))
	must(t, damaged.close())
}

// A file has one server, by whatever name it is called.
func TestAFileIsServedOnceByWhateverName(t *testing.T) {
	l := serve(t)
	other := filepath.Join(t.TempDir(), "link.db")
	must(t, os.Symlink(l.path, other))
	opened, _, err := openFile(other, unmeasured{}, func(error) {})
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
	s := &Store{files: newCaseFiles(1 << 20), Options: Options{Clock: time.Now, Random: zeros{}}}
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

// A journal of another exchange at the place to move to is told of before anything is moved.
func TestAJournalAtThePlaceToMoveToIsRefusedBeforehand(t *testing.T) {
	path := filepath.Join(t.TempDir(), "jisr.db")
	must(t, os.WriteFile(path, nil, 0o600)) // as make has made it
	must(t, os.WriteFile(path+"-entries", header(12345), 0o600))
	held, err := unserved(path)
	if err == nil {
		must(t, held.Close())
		_, _, err := openFile(path, unmeasured{}, func(error) {})
		t.Errorf("it may be moved to, and then is served with %v", err)
	}
}
