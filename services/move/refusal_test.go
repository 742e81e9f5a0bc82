package move_test

import (
	"crypto/rand"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/disclosure"
	"github.com/jisr-exchange/jisr/services/jisrtest"
	"github.com/jisr-exchange/jisr/services/keyring"
	"github.com/jisr-exchange/jisr/services/move"
	"github.com/jisr-exchange/jisr/services/postgres"
	"github.com/jisr-exchange/jisr/services/store"
)

func openStore(t testing.TB, database string, ring *keyring.Ring) (*store.Store, error) {
	t.Helper()
	page, err := disclosure.NewPage(ring)
	must(t, err)
	law, err := agreement.Parse(jisrtest.Agreement(t))
	must(t, err)
	return store.Open(ctx, database, store.Options{
		Page: page, Keyring: ring, Law: func() *agreement.Law { return law }, Clock: time.Now, Random: rand.Reader,
		Log: slog.New(slog.DiscardHandler), Fatal: func(err error) { t.Errorf("fatal: %v", err) }, Server: postgres.Options{Forgetful: true},
	})
}

// wantRefusal wants a refusal that says all of that.
func wantRefusal(t testing.TB, err error, words ...string) {
	t.Helper()
	var refused *move.Refusal
	if !errors.As(err, &refused) || refused.Do == "" {
		t.Errorf("not refused: %v", err)
		return
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%q does not say %q", err, w)
		}
	}
}

func TestWhatIsNotEmptyIsNeverWrittenOver(t *testing.T) {
	eachWay(t, func(t *testing.T, from, to func(testing.TB, []byte) home) {
		source, other := played(t, from), played(t, to)
		must(t, os.WriteFile(filepath.Join(other.dir, "kek"), source.kek(t), 0o600))
		before := holds(t, other.database)
		_, err := move.Run(ctx, pieces(t, source, other), options())
		wantRefusal(t, err, "is not empty")
		wantEqual(t, holds(t, other.database), before)
		must(t, served(t, source))
	})
}

func TestAnUnfinishedCopyIsFinishedByItsOwnSourceAlone(t *testing.T) {
	eachWay(t, func(t *testing.T, from, to func(testing.TB, []byte) home) {
		source := played(t, from)
		target := to(t, source.kek(t))
		cutOff(t, source, target, "compared")
		other := onFiles(t, source.kek(t))
		x := other.start(t)
		jisrtest.Opened(t, x)
		x.Stop()
		_, err := move.Run(ctx, pieces(t, other, target)[:1], options())
		wantRefusal(t, err, "unfinished copy of another exchange")
		moved(t, source, target)
	})
}

func TestAnExchangeMovesToOnePlaceAlone(t *testing.T) {
	eachWay(t, func(t *testing.T, from, to func(testing.TB, []byte) home) {
		source := played(t, from)
		first, second := to(t, source.kek(t)), to(t, source.kek(t))
		cutOff(t, source, second, "compared") // an attempt that was given up
		moved(t, source, first)
		_, err := move.Run(ctx, pieces(t, source, second), options())
		wantRefusal(t, err, "was moved already, to "+move.Place(first.database))
		if served(t, second) == nil {
			t.Error("the attempt that was given up is served")
		}
		// Once more to the same place is no mistake, and changes nothing.
		before := holds(t, first.database)
		for _, m := range moved(t, source, first) {
			if !m.Already {
				t.Errorf("the %s was moved twice", m.Component)
			}
		}
		wantEqual(t, holds(t, first.database), before)
	})
}

func TestAnExchangeThatWasMovedAwayIsServedAgainOnlyWhenAnOperatorSaysSo(t *testing.T) {
	eachWay(t, func(t *testing.T, from, to func(testing.TB, []byte) home) {
		source := played(t, from)
		before := holds(t, source.database)
		target := to(t, source.kek(t))
		moved(t, source, target)
		wantRefusal(t, served(t, source), "was moved", "to "+move.Place(target.keyring), " on ")
		ring := jisrRing(t, target)
		_, err := openStore(t, source.database, ring)
		wantRefusal(t, err, "was moved", "to "+move.Place(target.database), " on ")
		must(t, ring.Close())
		for _, database := range []string{source.database, source.keyring} {
			for table := range holds(t, database) {
				if err := tryChange(t, database, "DELETE FROM "+table); err == nil && len(holds(t, database)[table]) > 0 {
					t.Errorf("%s takes writes", table)
				}
			}
		}
		for _, statement := range []string{
			"INSERT INTO log_entries(name, time, leaf, salt, commitment) VALUES('logEntries/x', 0, '', '', '')",
			"UPDATE epochs SET epoch = epoch + 1", "DELETE FROM idempotency",
		} {
			if err := tryChange(t, source.database, statement); err == nil && !strings.HasPrefix(statement, "DELETE") {
				t.Errorf("%s is taken", statement)
			}
		}
		wantEqual(t, holds(t, source.database), before)
		again, err := move.ServeAgain(ctx, pieces(t, source, source), options())
		must(t, err)
		if len(again) != 2 {
			t.Errorf("%d databases may be served again", len(again))
		}
		must(t, served(t, source))
		wantEqual(t, holds(t, source.database), before)
		if again, err = move.ServeAgain(ctx, pieces(t, source, source), options()); err != nil || len(again) > 0 {
			t.Errorf("what has no mark: %v %v", again, err)
		}
	})
}

func jisrRing(t testing.TB, h home) *keyring.Ring {
	t.Helper()
	kek, err := keyring.OpenFileKEK(filepath.Join(h.dir, "kek"))
	must(t, err)
	ring, err := keyring.Open(h.keyring, kek, keyring.Forgetful)
	must(t, err)
	return ring
}

func TestAnotherKeyEncryptionKeyIsFoundBeforeAnythingIsMade(t *testing.T) {
	eachWay(t, func(t *testing.T, from, to func(testing.TB, []byte) home) {
		source, target := played(t, from), to(t, nil)
		_, err := move.Run(ctx, pieces(t, source, target), options()) // which makes another key
		wantRefusal(t, err, "key-encryption key")
		untouched(t, target)
		must(t, served(t, source))
	})
}

// untouched wants that nothing was made.
func untouched(t testing.TB, h home) {
	t.Helper()
	for _, database := range []string{h.database, h.keyring} {
		if postgres.IsURL(database) {
			if tables := tablesOf(t, database); len(tables) > 0 {
				t.Errorf("%d tables were made", len(tables))
			}
		} else if _, err := os.Stat(database); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s was made: %v", filepath.Base(database), err)
		}
	}
}

func TestADryRunCountsAndChangesNothing(t *testing.T) {
	eachWay(t, func(t *testing.T, from, to func(testing.TB, []byte) home) {
		source := played(t, from)
		target := to(t, source.kek(t))
		o := options()
		o.DryRun = true
		all, err := move.Run(ctx, pieces(t, source, target), o)
		must(t, err)
		untouched(t, target)
		must(t, served(t, source))
		for _, m := range all {
			for _, table := range m.Tables {
				if (m.Component == "database" && table.Name == "records" || table.Name == "keys") && table.Rows == 0 {
					t.Errorf("%s has no rows", table.Name)
				}
			}
		}
		moved(t, source, target)
	})
}

func TestAnOldOrForeignSourceIsRefused(t *testing.T) {
	source := played(t, onFiles)
	target := onFiles(t, source.kek(t))
	change(t, source.database, "PRAGMA user_version=1")
	_, err := move.Run(ctx, pieces(t, source, target), options())
	wantRefusal(t, err, "schema 1", "start this version's jisrd")
	change(t, source.database, "PRAGMA user_version=99")
	_, err = move.Run(ctx, pieces(t, source, target), options())
	wantRefusal(t, err, "run the newer program")
	_, err = move.Run(ctx, pieces(t, home{source.dir, source.keyring, source.keyring}, target), options())
	wantRefusal(t, err, "holds no exchange")
	_, err = move.Run(ctx, pieces(t, onFiles(t, source.kek(t)), target), options())
	wantRefusal(t, err, "there is no database")
	untouched(t, target)

	server := played(t, onServer)
	_, err = move.Run(ctx, pieces(t, home{server.dir, server.keyring, server.keyring}, onFiles(t, server.kek(t))), options())
	if err == nil || !strings.Contains(err.Error(), "the database is that of the keyring") {
		t.Errorf("a keyring moves as a database: %v", err)
	}
}

func TestAFileThatSomebodyHoldsIsNotMovedAndWhatIsMovedNobodyOpens(t *testing.T) {
	t.Parallel()
	source := played(t, onFiles)
	target := onFiles(t, source.kek(t))
	x := source.start(t)
	for n, component := range []string{"database", "keyring"} {
		_, err := move.Run(ctx, pieces(t, source, target)[n:], options())
		wantRefusal(t, err, "another process holds the "+component, "stop the jisrd")
	}
	untouched(t, target)
	x.Stop()
	o := options()
	o.At(func(step string, _ move.Hand) error {
		if step == "held" {
			if err := served(t, source); err == nil || !strings.Contains(err.Error(), "another process") {
				t.Errorf("a node starts on what is being moved: %v", err)
			}
		}
		return nil
	})
	_, err := move.Run(ctx, pieces(t, source, target), o)
	must(t, err)
}
