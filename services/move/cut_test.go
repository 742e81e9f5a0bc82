package move_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/jisr-exchange/jisr/services/move"
	"github.com/jisr-exchange/jisr/services/postgres"
)

var (
	errCut     = errors.New("cut off")
	errNothing = errors.New("there is nothing yet: whoever serves it serves a new exchange")
)

// marked reports whether a database has a mark.
func marked(t testing.TB, database string) bool {
	t.Helper()
	if _, err := os.Stat(database); err != nil && !postgres.IsURL(database) {
		return false
	}
	return slices.Contains(tablesOf(t, database), "moved") && len(rows(t, database, "SELECT state FROM moved")) > 0
}

// cutOff ends a move at the first step of a name.
func cutOff(t testing.TB, from, to home, at string) {
	t.Helper()
	o := options()
	o.At(func(step string, _ move.Hand) error {
		if step == at {
			return errCut
		}
		return nil
	})
	if _, err := move.Run(ctx, pieces(t, from, to), o); !errors.Is(err, errCut) {
		t.Fatalf("not cut off at %q: %v", at, err)
	}
}

// Wherever a move is cut off, there are never two exchanges that are served; until
// the source is given up it is served as before; and the next run ends the move.
func TestAMoveThatIsCutOffAnywhereIsEndedByTheNext(t *testing.T) {
	eachWay(t, func(t *testing.T, from, to func(testing.TB, []byte) home) {
		source := played(t, from)
		want, keys := holds(t, source.database), holds(t, source.keyring)
		target, interrupted := to(t, source.kek(t)), 0
		for n := 1; ; n++ {
			ctx, cancel := context.WithCancel(ctx)
			o, steps, last := options(), 0, ""
			o.At(func(step string, _ move.Hand) error {
				if steps++; steps != n {
					return nil
				}
				last = step
				if n%2 == 0 {
					cancel() // an interrupt, wherever it is noticed
					return nil
				}
				return errCut
			})
			_, err := move.Run(ctx, pieces(t, source, target), o)
			cancel()
			if last == "" {
				must(t, err)
				break
			}
			interrupted++
			here, there := served(t, source), errNothing
			if marked(t, target.database) && marked(t, target.keyring) {
				there = served(t, target)
			}
			switch {
			case here == nil && there == nil:
				t.Fatalf("cut off when it had %s, both are served", last)
			case here != nil && last != "left" && last != "arrived" && err != nil:
				t.Fatalf("cut off when it had %s, the source is not served: %v", last, here)
			case there == nil && err != nil && !strings.Contains(last, "arrived"):
				t.Fatalf("cut off when it had %s, half a copy is served", last)
			}
			if here == nil {
				wantEqual(t, holds(t, source.database), want)
			}
			if err == nil { // the interrupt came too late
				break
			}
			if last == "left" || last == "arrived" {
				continue // the next run goes on from here, and cannot be cut off earlier
			}
		}
		moved(t, source, target)
		wantEqual(t, holds(t, target.database), want)
		wantEqual(t, holds(t, target.keyring), keys)
		if served(t, source) == nil {
			t.Error("both are served in the end")
		}
		must(t, served(t, target))
		if interrupted < 20 {
			t.Errorf("it was cut off only %d times", interrupted)
		}
	})
}

// What the comparison must find, as nobody can write into a copy but a fault of
// the copy itself.
func TestTheComparisonFindsARowThatIsNotTheSame(t *testing.T) {
	eachWay(t, func(t *testing.T, from, to func(testing.TB, []byte) home) {
		source := played(t, from)
		victim := rows(t, source.database, "SELECT name FROM records WHERE type = 'Victim' ORDER BY name LIMIT 1")[0]
		entry := rows(t, source.database, "SELECT seq FROM log_entries ORDER BY seq LIMIT 1")[0]
		for name, c := range map[string]struct{ statement, component, table, key, what string }{
			"a row that is altered": {fmt.Sprintf("UPDATE records SET revision = revision + 1 WHERE name = '%s'", victim), "database", "records", victim, "is another one"},
			"a row that is missing": {"DELETE FROM log_entries WHERE seq = " + entry, "database", "log_entries", entry, "is missing"},
			"a row too many":        {"INSERT INTO counters(name, value) VALUES('mulberry', 41)", "database", "counters", "mulberry", "is one too many"},
			"a key that is altered": {"UPDATE keys SET wrapped = 'mulberry' WHERE id = 'exchange'", "keyring", "keys", "exchange", "is another one"},
		} {
			t.Run(name, func(t *testing.T) {
				target, o := to(t, source.kek(t)), options()
				o.At(func(step string, target move.Hand) error {
					if step != "filled "+c.component {
						return nil
					}
					return target(ctx, c.statement)
				})
				_, err := move.Run(ctx, pieces(t, source, target), o)
				var found move.Differences
				if !errors.As(err, &found) {
					t.Fatalf("not found: %v", err)
				}
				if d := found[0]; d.Table != c.table || d.First != "("+c.key+")" || d.What != c.what || d.More != 0 {
					t.Errorf("found %+v", d)
				}
				if strings.Contains(err.Error(), "41") || strings.Contains(err.Error(), "6d756c") {
					t.Errorf("a value is told: %v", err)
				}
				must(t, served(t, source))
				if served(t, target) == nil {
					t.Error("what is not the same is served")
				}
			})
		}
	})
}

// A run that was killed at its last commit may be heard of only when the next has
// begun: the server goes on with what it was told.
func TestARunThatTheLastOneOvertakesFindsItsEnd(t *testing.T) {
	source := played(t, onServer)
	target := onServer(t, source.kek(t))
	want := holds(t, source.database)
	begun, ended := make(chan struct{}), make(chan error, 1)
	o := options()
	o.At(func(step string, _ move.Hand) error {
		if step != "left" {
			return nil
		}
		go func() {
			next := options()
			next.At(func(step string, _ move.Hand) error {
				if step == "made" {
					close(begun) // it has seen a copy that is not finished
				}
				return nil
			})
			all, err := move.Run(ctx, pieces(t, source, target)[:1], next)
			if err == nil && !all[0].Already {
				err = errors.New("it was moved again")
			}
			ended <- err
		}()
		<-begun
		return nil
	})
	_, err := move.Run(ctx, pieces(t, source, target)[:1], o)
	must(t, err)
	must(t, <-ended)
	wantEqual(t, holds(t, target.database), want)
	if state := rows(t, target.database, "SELECT state FROM moved"); !slices.Equal(state, []string{"arrived"}) {
		t.Errorf("its mark is %q", state)
	}
}

// A process that makes a new database may be killed before the last of its tables.
func TestADatabaseThatWasHalfMadeIsMadeByTheNext(t *testing.T) {
	source := played(t, onFiles)
	target := onServer(t, source.kek(t))
	const first = "0001_keys.expand.sql"
	text, err := os.ReadFile(filepath.Join("../keyring/migrations", first))
	must(t, err)
	steps, err := postgres.Load(fstest.MapFS{first: {Data: text}}, "keyring")
	must(t, err)
	must(t, postgres.Upgrade(ctx, target.keyring, postgres.Options{Application: "jisr", Connections: 2, Forgetful: true}, steps))
	moved(t, source, target)
	wantEqual(t, holds(t, target.keyring), holds(t, source.keyring))
}
