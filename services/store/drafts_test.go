package store

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jisr-exchange/jisr"
	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/identity"
	"github.com/jisr-exchange/jisr/services/postgres"
	"github.com/jisr-exchange/jisr/services/postgres/throwaway"
	"github.com/jisr-exchange/jisr/services/record"
)

// shared is a database, and what it does with jobs that have come together.
type shared struct {
	*writer
	together func([]*job)
}

func onBoth(t *testing.T, test func(*testing.T, shared)) {
	t.Run("SQLite", func(t *testing.T) {
		e, w, err := openFile(filepath.Join(t.TempDir(), "jisr.db"), lonely(func(err error) { t.Errorf("fatal: %v", err) }))
		must(t, err)
		defer func() { must(t, e.close()) }()
		test(t, shared{w, e.(*file).group})
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		e, w, err := openServer(t.Context(), throwaway.URL(t), Options{Meter: unmeasured{}, Server: postgres.Options{Forgetful: true}}, newLawful(), newWakes(func(string) {}))
		must(t, err)
		defer func() { must(t, e.close()) }()
		test(t, shared{w, func(jobs []*job) {
			for _, j := range jobs {
				j.done = make(chan struct{})
			}
			for rest := e.(*server).drafted(jobs); len(rest) > 0; {
				rest = e.(*server).commit(rest)
			}
		}})
	})
}

// stage is a database in which, for each act anew, case x is of epoch 1, case y of epoch 2, an answer
// is kept under a key, and a record is of revision 3.
type stage struct {
	t *testing.T
	shared
	store *Store
	law   *agreement.Law
	now   time.Time
	acts  int
	made  int
	// worked are the drafts that had their turn after all.
	worked []string
}

func (s *stage) set() {
	s.t.Helper()
	s.acts++
	s.worked = nil
	must(s.t, s.do(s.t.Context(), func(conn transaction) error {
		x, y := s.of("cases/x"), s.of("cases/y")
		if err := insertAll(conn, intoEpochs, [][]any{{x, 1}, {y, 2}}); err != nil {
			return err
		}
		if c, file := conn.(*sqliteConn); file {
			c.moved = append(c.moved, movedCase{x, 1}, movedCase{y, 2})
		}
		if err := insertAll(conn, intoRecords, [][]any{{s.of("there"), "Case", x, "", 1, 0, 3, []byte{}, []byte{}}}); err != nil {
			return err
		}
		return exec(conn, "INSERT INTO idempotency(call, body, reply, entry, create_time) VALUES(?,?,?,'',1)", []byte(s.of("taken")), []byte{}, []byte{})
	}))
}

// of is a name in this act.
func (s *stage) of(name string) string { return fmt.Sprint(name, s.acts) }

// draft is one of a case, of an epoch.
func (s *stage) draft(caseName string, epoch int64, otherwise ...func(*draft)) *job {
	s.made++
	name := fmt.Sprintf("logEntries/%d", s.made)
	d := &draft{
		store: s.store, law: s.law, seen: map[string]int64{caseName: epoch}, moved: []movedCase{{caseName, newEpoch()}},
		entry:   &entry{name: name, leaf: []byte{}, salt: []byte{}, commitment: []byte{}, records: [][]byte{[]byte(name)}},
		records: [][]any{{name, "Case", caseName, "", int64(1), 0, int64(1), []byte{}, []byte{}}},
	}
	for _, f := range otherwise {
		f(d)
	}
	return &job{drafted: d, work: func(transaction) error {
		s.worked = append(s.worked, name)
		return nil
	}}
}

func keyed(key string) func(*draft) {
	return func(d *draft) {
		d.key = []byte(key)
		d.answer = [][]any{{d.key, []byte{}, []byte{}, d.entry.name, int64(1)}}
	}
}

func TestADraftIsWrittenWhereNothingHasMovedAndElseHasItsTurn(t *testing.T) {
	law, err := agreement.Parse(jisr.Agreement)
	must(t, err)
	other, err := agreement.Parse(append(slices.Clone(jisr.Agreement), "# other"...))
	must(t, err)
	onBoth(t, func(t *testing.T, g shared) {
		s := &stage{t: t, shared: g, law: law, now: time.Now()}
		s.store = &Store{files: newCaseFiles(1 << 20), Options: Options{Law: func() *agreement.Law { return law }, Clock: func() time.Time { return s.now }}}
		must(t, s.do(t.Context(), func(conn transaction) error {
			return exec(conn, "INSERT INTO agreements(hash, text, create_time, in_force) VALUES(?,?,1,1)", law.Hash(), []byte{})
		}))
		alter := func(stands int64) func(*draft) {
			return func(d *draft) {
				d.changed = []stored{{row: row{name: s.of("there"), revision: stands + 1, header: []byte("new"), envelope: []byte{}}, stands: stands}}
			}
		}
		until := func(at time.Time) func(*draft) { return func(d *draft) { d.until = at } }
		for _, c := range []struct {
			about string
			jobs  func() []*job
			turns []int // which of them have their turn
		}{
			{"two cases", func() []*job { return []*job{s.draft(s.of("cases/x"), 1), s.draft(s.of("cases/y"), 2)} }, nil},
			{"a case that has moved", func() []*job { return []*job{s.draft(s.of("cases/x"), 7), s.draft(s.of("cases/y"), 2)} }, []int{0}},
			{"a case that is not there", func() []*job { return []*job{s.draft(s.of("cases/z"), 0), s.draft(s.of("cases/y"), 2)} }, []int{0}},
			{"a case in which the one before writes", func() []*job {
				return []*job{s.draft(s.of("cases/x"), 1), s.draft(s.of("cases/x"), 1), s.draft(s.of("cases/y"), 2)}
			}, []int{1}},
			{"a new case", func() []*job { return []*job{s.draft(s.of("cases/n"), 0, func(d *draft) { d.seen = nil })} }, nil},
			{"a key of its own", func() []*job { return []*job{s.draft(s.of("cases/x"), 1, keyed(s.of("own")))} }, nil},
			{"a key that is taken", func() []*job {
				return []*job{s.draft(s.of("cases/x"), 1, keyed(s.of("taken"))), s.draft(s.of("cases/y"), 2)}
			}, []int{0}},
			{"two of one key", func() []*job {
				return []*job{s.draft(s.of("cases/x"), 1, keyed(s.of("own"))), s.draft(s.of("cases/y"), 2, keyed(s.of("own")))}
			}, []int{1}},
			{"another agreement", func() []*job {
				return []*job{s.draft(s.of("cases/x"), 1, func(d *draft) { d.law = other }), s.draft(s.of("cases/y"), 2)}
			}, []int{0}},
			{"a term that is to come", func() []*job { return []*job{s.draft(s.of("cases/x"), 1, until(s.now.Add(1)))} }, nil},
			{"a term that has passed", func() []*job { return []*job{s.draft(s.of("cases/x"), 1, until(s.now)), s.draft(s.of("cases/y"), 2)} }, []int{0}},
			{"a record as it was read", func() []*job { return []*job{s.draft(s.of("cases/x"), 1, alter(3)), s.draft(s.of("cases/y"), 2)} }, nil},
			// What cannot be written takes the others' rows with it, and nobody's effect.
			{"a record that is another", func() []*job { return []*job{s.draft(s.of("cases/x"), 1, alter(2)), s.draft(s.of("cases/y"), 2)} }, []int{0, 1}},
			{"a name that is there", func() []*job {
				return []*job{s.draft(s.of("cases/x"), 1), s.draft(s.of("cases/y"), 2, func(d *draft) { d.records[0][0] = s.of("there") })}
			}, []int{0, 1}},
		} {
			s.set()
			jobs := c.jobs()
			var want []string
			kept := make(map[string]bool)
			for i, j := range jobs {
				name := j.drafted.entry.name
				kept[name] = !slices.Contains(c.turns, i)
				if !kept[name] {
					want = append(want, name)
				}
			}
			names := make([]string, len(jobs))
			for i, j := range jobs {
				names[i] = j.drafted.entry.name
			}
			s.together(jobs)
			if !slices.Equal(s.worked, want) {
				t.Errorf("%s: %v had their turn, want %v", c.about, s.worked, want)
			}
			for i, j := range jobs {
				must(t, j.err)
				var entries, records int64
				must(t, s.do(t.Context(), func(conn transaction) (err error) {
					if entries, err = number(conn, "SELECT count(*) FROM log_subjects WHERE record = ?", subjectKey(names[i])); err != nil {
						return err
					}
					records, err = number(conn, "SELECT count(*) FROM records WHERE name = ?", names[i])
					return err
				}))
				if entries != records || (entries == 1) != kept[names[i]] {
					t.Errorf("%s: draft %d has left %d entries and %d records", c.about, i, entries, records)
				}
			}
		}
		// Where drafts are not written, nothing has moved.
		s.set()
		s.together([]*job{s.draft(s.of("cases/x"), 1), s.draft(s.of("cases/y"), 2, func(d *draft) { d.records[0][0] = s.of("there") })})
		s.worked = nil
		if s.together([]*job{s.draft(s.of("cases/x"), 1), s.draft(s.of("cases/y"), 2)}); len(s.worked) != 0 {
			t.Errorf("after drafts that were not written %v had their turn", s.worked)
		}
		// What a draft has moved has moved for those of before.
		s.set()
		s.together([]*job{s.draft(s.of("cases/x"), 1), s.draft(s.of("cases/y"), 2)})
		late := []*job{s.draft(s.of("cases/x"), 1), s.draft(s.of("cases/y"), 2)}
		if s.together(late); len(s.worked) != len(late) {
			t.Errorf("of two drafts that rest on what drafts have moved %v had their turn", s.worked)
		}
	})
}

// What a draft rests on is held until it is written: where another writes, nobody waits,
// and the others' drafts are written.
func TestADraftThatRestsOnACaseInWhichAnotherWritesHasItsTurn(t *testing.T) {
	law, err := agreement.Parse(jisr.Agreement)
	must(t, err)
	e, w, err := openServer(t.Context(), throwaway.URL(t), Options{Meter: unmeasured{}, Server: postgres.Options{Forgetful: true}}, newLawful(), newWakes(func(string) {}))
	must(t, err)
	defer func() { must(t, e.close()) }()
	s := &stage{t: t, shared: shared{writer: w}, law: law, now: time.Now()}
	s.store = &Store{files: newCaseFiles(1 << 20), Options: Options{Law: func() *agreement.Law { return law }, Clock: func() time.Time { return s.now }}}
	must(t, s.do(t.Context(), func(conn transaction) error {
		return exec(conn, "INSERT INTO agreements(hash, text, create_time, in_force) VALUES(?,?,1,1)", law.Hash(), []byte{})
	}))
	s.set()
	begun, all, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- s.do(context.Background(), func(conn transaction) error {
			// As one who only rests on it would hold it.
			if _, err := number(conn, "SELECT epoch FROM epochs WHERE case_name = ? FOR UPDATE", s.of("cases/x")); err != nil {
				return err
			}
			close(begun)
			<-all
			return nil
		})
	}()
	<-begun
	resting := s.draft(s.of("cases/x"), 1, func(d *draft) { d.moved = nil })
	other := s.draft(s.of("cases/y"), 2)
	for _, j := range []*job{resting, other} {
		j.done = make(chan struct{})
	}
	if rest := e.(*server).drafted([]*job{resting, other}); len(rest) != 1 || rest[0] != resting {
		t.Errorf("%d drafts have their turn, want the one whose case another holds", len(rest))
	}
	close(all)
	must(t, <-ended)
	// Nor is a draft written that was decided by an agreement which another node has replaced.
	must(t, s.do(t.Context(), func(conn transaction) error {
		return exec(conn, "UPDATE agreements SET hash = 'another'")
	}))
	s.set()
	decided := s.draft(s.of("cases/x"), 1)
	if rest := e.(*server).drafted([]*job{decided}); len(rest) != 1 {
		t.Error("a draft is written that was decided by an agreement of before")
	}
}

func TestADraftEndsWithTheFirstTermThatItRestsOn(t *testing.T) {
	d, _ := draftingBy(t)
	first := time.Unix(1000, 0)
	for _, until := range []time.Time{{}, first.Add(1), first, first.Add(1), {}} {
		d.saw(agreement.Loaded{Case: "cases/x", Until: until})
	}
	if !d.until.Equal(first) {
		t.Errorf("a draft ends at %v, and its first term at %v", d.until, first)
	}
}

// A draft writes only in cases that it has looked at, or made.
func TestADraftThatWritesWhereItHasNotLookedHasItsTurn(t *testing.T) {
	for _, looked := range []bool{true, false} {
		d, tx := draftingBy(t)
		if tx.move("cases/x"); looked {
			must(t, d.rest("cases/x"))
		}
		tx.settled()
		if made, err := tx.drafted(nil, nil, &jisrv1.Case{}, &entry{}); (err == nil && made != nil) != looked {
			t.Errorf("a draft that has looked: %v, is answered %v", looked, err)
		}
	}
}

// draftingBy is a call that is drafted and is told nothing.
func draftingBy(t *testing.T) (*drafting, *Tx) {
	t.Helper()
	law, err := agreement.Parse(jisr.Agreement)
	must(t, err)
	d := &drafting{querier: nobody{}, seen: make(map[string]int64)}
	c := &identity.Caller{Agency: "nobody", Law: law}
	ctx, _ := agreement.WithDocket(identity.NewContext(t.Context(), c))
	s := &Store{files: newCaseFiles(1 << 20), Options: Options{Law: func() *agreement.Law { return law }, Clock: time.Now}}
	tx := s.newTx(ctx, d, c)
	tx.drafting = d
	return d, tx
}

// What a draft asks for must be what an epoch stands for.
func TestADraftAsksForWhatIsACasesAndWritesNothing(t *testing.T) {
	asked := func(query string) *drafting {
		d := &drafting{querier: nobody{}, seen: make(map[string]int64)}
		_ = each(d, query, func(result) error { return nil })
		return d
	}
	for _, query := range []string{
		"SELECT holder FROM sight WHERE name = ?", sightQuery(linkColumns+", "+recordColumns, recordJoin, 3), consentQuery(2),
		"SELECT EXISTS (SELECT 1 FROM seals l WHERE l.case_name = ?)", touchedQuery(2),
	} {
		if asked(query).spoiled {
			t.Errorf("%s is not asked for in a draft", query)
		}
	}
	for _, query := range []string{
		"SELECT name FROM deliveries", "SELECT 1 FROM sight s JOIN deliveries d ON d.name = s.name",
		"SELECT value FROM counters", "SELECT EXISTS (SELECT 1 FROM agreements)",
		"SELECT 1 FROM sight s, deliveries d", "INSERT INTO counters(name, value) VALUES(?, 1) RETURNING value", "SELECT nextval('deliveries')",
		"WITH n AS (DELETE FROM sight RETURNING name) SELECT name FROM n",
	} {
		if !asked(query).spoiled {
			t.Errorf("%s is asked for in a draft", query)
		}
	}
	for what, f := range map[string]func(d *drafting) error{
		"a statement":       func(d *drafting) error { return exec(d, "DELETE FROM sight") },
		"a fence":           func(d *drafting) error { return d.fenced("UPDATE records SET state = 1") },
		"an entry":          func(d *drafting) error { return d.enter(&entry{}) },
		"what is no case's": func(d *drafting) error { return d.hold("orders/x")("") },
	} {
		d := &drafting{querier: nobody{}, seen: make(map[string]int64)}
		if err := f(d); err == nil || !d.spoiled {
			t.Errorf("%s is taken in a draft", what)
		}
		if err := each(d, "SELECT 1 FROM records", func(result) error { return nil }); err == nil {
			t.Errorf("after %s the draft goes on", what)
		}
	}
}

// Whoever asks for what is hidden from it, again and again, keeps nobody's calls from
// being drafted.
func TestACallThatIsRefusedLeavesTheNextOnesOfItsKindAlone(t *testing.T) {
	d, tx := draftingBy(t)
	name, err := record.NewName(record.TypeOf(&jisrv1.Case{}), "", rand.Reader)
	must(t, err)
	if tx.View(name, &jisrv1.Case{}) == nil || !d.spoiled {
		t.Error("what is absent is drafted")
	}
	if d.turn {
		t.Error("a call that is refused has the next ones of its kind not drafted")
	}
}

// nobody answers nothing.
type nobody struct{}

func (nobody) exec(string, ...any) error                     { return nil }
func (nobody) fenced(string, ...any) error                   { return nil }
func (nobody) each(string, func(result) error, ...any) error { return nil }

// group lets jobs share one commit: they wait behind a call that ends when all are there.
func (w *single) group(jobs []*job) {
	begun, all := make(chan struct{}), make(chan struct{})
	w.changes.put("", &job{done: make(chan struct{}), work: func(transaction) error {
		close(begun)
		<-all
		return nil
	}})
	<-begun
	for _, j := range jobs {
		j.done = make(chan struct{})
		w.changes.put("", j)
	}
	close(all)
	for _, j := range jobs {
		<-j.done
	}
}

// A call that comes to its turn after it was drafted makes what it would have made.
func TestEachRunOfACallDrawsTheSame(t *testing.T) {
	source := strings.NewReader("a lantern in the harbour")
	d := &draws{source: source}
	runs := func(sizes ...int) (drawn string) {
		d.at = 0
		for _, n := range sizes {
			b := make([]byte, n)
			if _, err := io.ReadFull(d, b); err != nil {
				t.Fatal(err)
			}
			drawn += string(b)
		}
		return drawn
	}
	if first, second, third := runs(2, 5), runs(7, 3), runs(2, 5, 2); first != "a lante" || second != "a lantern " || third != "a lantern" {
		t.Errorf("runs of a call draw %q, %q and %q", first, second, third)
	}
	if left := source.Len(); left != len("in the harbour") {
		t.Errorf("%d bytes are left of the source", left)
	}
	if _, err := (&draws{source: strings.NewReader("a")}).Read(make([]byte, 2)); err == nil {
		t.Error("what cannot be drawn is taken for drawn")
	}
}

// What a draft recalls and what it is answered are of one moment, or it is none.
func TestADraftThatIsAnsweredOfAnotherMomentThanItRecallsHasItsTurn(t *testing.T) {
	for _, stands := range []int64{7, 8} {
		d := &drafting{querier: epochIs(stands), seen: make(map[string]int64)}
		d.recalls("cases/x", 7)
		if d.spoiled {
			t.Error("a draft that asks for nothing has its turn")
		}
		err := each(d, "SELECT 1 FROM sight", func(result) error { return nil })
		if same := stands == 7; (err == nil) != same || d.spoiled == same {
			t.Errorf("at epoch %d a draft that rests on 7 is answered %v", stands, err)
		}
	}
}

// epochIs answers every question with one number.
type epochIs int64

func (epochIs) exec(string, ...any) error   { return nil }
func (epochIs) fenced(string, ...any) error { return nil }
func (e epochIs) each(_ string, f func(result) error, _ ...any) error {
	return f(oneNumber(e))
}

type oneNumber int64

func (oneNumber) ColumnText(int) string       { return "" }
func (n oneNumber) ColumnInt64(int) int64     { return int64(n) }
func (n oneNumber) ColumnInt(int) int         { return int(n) }
func (oneNumber) ColumnLen(int) int           { return 0 }
func (oneNumber) ColumnBytes(int, []byte) int { return 0 }
