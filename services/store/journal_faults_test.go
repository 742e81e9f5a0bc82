package store

import (
	"bytes"
	"context"
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/logline"
)

func openReadOnly(path string) (*os.File, error) { return os.Open(path) }

// Nothing is taken by a disk that has forgotten once, also if it is well again.
func TestAJournalWhoseDiskForgotTakesNoMore(t *testing.T) {
	for _, forgot := range []struct {
		name string
		err  error
		ends bool
	}{{"a write", syscall.EIO, true}, {"a full disk", syscall.ENOSPC, false}} {
		t.Run(forgot.name, func(t *testing.T) {
			l := serve(t)
			ended := 0
			l.journal.fatal = func(error) { ended++ }
			l.journal.disk.Lock()
			err := l.journal.refused(forgot.err)
			l.journal.disk.Unlock()
			if !errors.Is(err, fault.New(fault.LogUnavailable)) {
				t.Errorf("answered %v", err)
			}
			if (ended == 1) != forgot.ends {
				t.Errorf("it ended the process %d times", ended)
			}
			if err := l.journal.append(l.about("cases/y")); (err != nil) != forgot.ends {
				t.Errorf("the next entry is answered %v", err)
			}
		})
	}
}

// What fails at the journal is told by the codes that the runbook explains.
func TestTheJournalsErrorsAreToldByTheCodesOfTheRunbook(t *testing.T) {
	runbook, err := os.ReadFile("../../docs/operations.md")
	must(t, err)
	_, runbook, _ = bytes.Cut(runbook, []byte("### JisrLogDown"))
	runbook, _, _ = bytes.Cut(runbook, []byte("###"))
	told := func(what string, err error, want string) {
		t.Helper()
		code, ok := Code(err)
		if !ok || !strings.HasPrefix(code, want) {
			t.Errorf("%s is told as %q", what, code)
		}
		if !bytes.Contains(runbook, []byte("`"+want)) {
			t.Errorf("the runbook does not tell of %s", want)
		}
	}
	for _, of := range []struct {
		what string
		err  error
		want string
	}{
		{"a full disk", syscall.ENOSPC, "SQLITE_FULL"}, {"a quota", &os.PathError{Op: "write", Err: syscall.EDQUOT}, "SQLITE_FULL"},
		{"a disk that fails", syscall.EIO, "SQLITE_IOERR"}, {"one that may not be written", syscall.EROFS, "SQLITE_IOERR"},
	} {
		l := serve(t)
		l.journal.fatal = func(error) {}
		l.journal.disk.Lock()
		told(of.what, l.journal.refused(of.err), of.want)
		l.journal.disk.Unlock()
	}
	l := serve(t)
	l.posting.Lock()
	good := l.journal.file
	readOnly, err := openReadOnly(l.path + "-entries")
	must(t, err)
	defer readOnly.Close()
	l.journal.file = readOnly
	told("a write", l.journal.append(l.about("cases/y")), "SQLITE_IOERR")
	l.journal.file = good
	l.write(1)
	// In a half that is durable an entry is spoilt, and is mended again.
	at := int64(l.journal.writing)*halfBytes + int64(headerBytes) + frameHead
	spoil := func() {
		b := make([]byte, 1)
		_, err := good.ReadAt(b, at)
		must(t, err)
		b[0] ^= 0xff
		_, err = good.WriteAt(b, at)
		must(t, err)
	}
	spoil()
	l.posting.Unlock()
	told("an entry that cannot be read", l.post(), "SQLITE_CORRUPT")
	spoil()
	must(t, l.post())
	// Control: for SQLite the system's error is any error.
	if code := (errStorage{syscall.ENOSPC}).code(); code != "SQLITE_ERROR" {
		t.Errorf("it is known to SQLite, as %s", code)
	}
}

// Entries that cannot be posted keep everything from being shown: the log says so
// once, and once that they are again.
func TestPostingThatFailsIsToldOnceAndOnceThatItIsWellAgain(t *testing.T) {
	l := serve(t)
	var log bytes.Buffer
	l.posting.Lock()
	l.log = logline.New("json", &log)
	l.posting.Unlock()
	lines := func() int {
		l.posting.Lock()
		defer l.posting.Unlock()
		return strings.Count(log.String(), "\n")
	}
	ask := func(sql string) {
		must(t, l.do(t.Context(), func(conn transaction) error { return exec(conn, sql) }))
	}
	l.write(1)
	must(t, l.post())
	if lines() != 0 {
		t.Errorf("told while all is well: %s", &log) // control
	}
	for range 2 {
		log.Reset()
		ask("CREATE TRIGGER closed BEFORE INSERT ON log_entries WHEN NEW.time > 0 BEGIN SELECT RAISE(ABORT, 'closed'); END")
		l.write(1) // behind it: nothing of it is posted before
		for range 3 {
			if err := l.post(); err == nil {
				t.Fatal("it was posted")
			}
			if err := l.probe(t.Context()); err == nil {
				t.Error("it says that it is well")
			}
		}
		if line := log.String(); lines() != 1 || !strings.Contains(line, `"storage":"SQLITE_CONSTRAINT_TRIGGER"`) || !strings.Contains(line, `"level":"ERROR"`) {
			t.Errorf("posting that fails is told as %s", line)
		}
		ask("DROP TRIGGER closed")
		must(t, l.probe(t.Context()))
		must(t, l.post())
		if line := log.String(); lines() != 2 || !strings.Contains(line, "posted again") {
			t.Errorf("posting that is well again is told as %s", line)
		}
	}
}

// A half that was begun and could not be written is begun again under its number:
// with a gap between two, what stands behind it would never be read.
func TestAHalfThatCouldNotBeBegunLeavesNoGap(t *testing.T) {
	l := serve(t)
	l.posting.Lock()
	defer l.posting.Unlock()
	good := l.journal.file
	readOnly, err := openReadOnly(l.path + "-entries")
	must(t, err)
	defer readOnly.Close()
	l.journal.file = readOnly
	if err := l.journal.append(l.about("cases/y")); !errors.Is(err, fault.New(fault.LogUnavailable)) {
		t.Fatalf("a journal that cannot be written answers %v", err)
	}
	// It says so, whoever asks.
	if err := l.file.journal.append(nil); err == nil {
		t.Error("it says that it takes entries")
	}
	l.journal.file = good
	want := l.write(1)
	l.journal.ripe()
	l.journal.file = readOnly
	_ = l.journal.append(l.about("cases/y"))
	l.journal.file = good
	want = append(want, l.write(2)...)
	l.again().holdsExactly(want)
}

// A write that fails within a half leaves no hole that hides what is written next.
func TestAWriteThatFailsHidesNothingBehindIt(t *testing.T) {
	l := serve(t)
	l.posting.Lock()
	defer l.posting.Unlock()
	want := l.write(2)
	good := l.journal.file
	readOnly, err := openReadOnly(l.path + "-entries")
	must(t, err)
	defer readOnly.Close()
	l.journal.file = readOnly
	if err := l.journal.append(l.about("cases/y", "cases/z")); err == nil {
		t.Error("a journal that cannot be written takes an entry")
	}
	l.journal.file = good
	// As the disk may have a part of it, longer than what is written there next.
	_, err = good.WriteAt([]byte("what was never waited for to its end, and is longer than an entry is by far, so that something of it stays behind the next one and the one behind that"),
		int64(l.journal.writing)*halfBytes+l.journal.halves[l.journal.writing].end)
	must(t, err)
	want = append(want, l.write(1)...)
	l.again().holdsExactly(want)
}

// Health asks the journal too, and not the database alone.
func TestAJournalThatTakesNothingIsNotWell(t *testing.T) {
	l := serve(t)
	must(t, l.probe(t.Context()))
	good := l.journal.file
	readOnly, err := openReadOnly(l.path + "-entries")
	must(t, err)
	defer readOnly.Close()
	l.journal.file = readOnly
	if err := l.probe(context.WithoutCancel(t.Context())); err == nil {
		t.Error("it says that it is well")
	}
	l.journal.file = good
	must(t, l.probe(t.Context()))
}

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
