package store

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"testing/quick"

	"github.com/jackc/pgx/v5"

	"github.com/jisr-exchange/jisr/services/postgres"
	"github.com/jisr-exchange/jisr/services/postgres/throwaway"
)

func TestARowOfFindsIsReadAsItWasWritten(t *testing.T) {
	property := func(seed uint64, boxes []int64, times, seqs []int64) bool {
		random := rand.New(rand.NewPCG(seed, 1))
		one := func(of []int64) int64 {
			if len(of) == 0 || random.IntN(3) == 0 {
				return int64(random.IntN(4))
			}
			return of[random.IntN(len(of))]
		}
		var finds []find
		for range 1 + random.IntN(50) {
			finds = append(finds, find{ownBox(fmt.Sprint(one(boxes))), one(times), one(seqs)})
		}
		finds = inOrderOfBoxes(finds)
		row := appendFinds(nil, finds)
		all, err := findsIn(row, 0, nil)
		must(t, err)
		wanted := finds[random.IntN(len(finds))].box
		some, err := findsIn(row, wanted, nil)
		must(t, err)
		return slices.Equal(all, finds) && slices.Equal(some, slices.DeleteFunc(finds, func(f find) bool { return f.box != wanted }))
	}
	must(t, quick.Check(property, nil))
}

func FuzzFinds(f *testing.F) {
	f.Add(appendFinds(nil, []find{{16, 1, 2}, {16, 3, 1}, {17, 1, 1}}))
	f.Fuzz(func(t *testing.T, row []byte) {
		finds, err := findsIn(row, 0, nil)
		if err == nil && len(finds) > len(row) {
			t.Errorf("%d bytes are read as %d finds", len(row), len(finds))
		}
	})
}

// filed is what was filed in a database, and by which record.
type filed struct {
	t      *testing.T
	conn   *sqliteConn
	random *rand.Rand
	all    map[string][]find
	seq    int64
}

func filing(t *testing.T, seed uint64) *filed {
	conn, err := openConn(filepath.Join(t.TempDir(), "jisr.db"))
	must(t, err)
	t.Cleanup(func() { must(t, conn.Close()) })
	must(t, migrate(conn))
	return &filed{t: t, conn: conn, random: rand.New(rand.NewPCG(seed, 1)), all: make(map[string][]find)}
}

// entries files so many entries about records, which are made in about the order of
// their numbers, in one transaction.
func (l *filed) entries(n int, about func() []string) {
	l.t.Helper()
	var finds []find
	for range n {
		l.seq++
		at := l.seq/3 + int64(l.random.IntN(40)) // some in the same moment, some earlier than one before them
		for _, name := range about() {
			f := find{ownBox(name), at, l.seq}
			finds, l.all[name] = append(finds, f), append(l.all[name], f)
		}
	}
	must(l.t, exec(l.conn, "BEGIN IMMEDIATE"))
	must(l.t, l.conn.file(finds))
	must(l.t, exec(l.conn, "COMMIT"))
}

// isFound holds that of a record all is found that was filed, each once and in its
// order, by pages of that size.
func (l *filed) isFound(conn querier, name string, size int) {
	l.t.Helper()
	var got []find
	for end := lastFind; ; {
		page, err := found(conn, name, end, size)
		must(l.t, err)
		got = append(got, page...)
		if len(page) < size {
			break
		}
		end = page[size-1]
	}
	want := slices.Clone(l.all[name])
	slices.SortFunc(want, func(a, b find) int { return before(b, a) })
	if want = slices.Compact(want); !slices.Equal(got, want) {
		l.t.Fatalf("%d entries about %s are found, of %d", len(got), name, len(want))
	}
}

// rows are the boxes that hold something, by how many rows they have.
func (l *filed) rows() (boxes map[int64]int, longest int) {
	boxes = make(map[int64]int)
	must(l.t, each(l.conn, "SELECT box, LENGTH(finds) FROM log_finds", func(r result) error {
		boxes[r.ColumnInt64(0)]++
		longest = max(longest, r.ColumnInt(1))
		return nil
	}))
	return boxes, longest
}

// one is a read of one of so many records, of which the first is read most.
func (l *filed) one(of int) func() []string {
	return func() []string {
		if l.random.IntN(4) == 0 {
			return []string{"cases/0"}
		}
		return []string{fmt.Sprint("cases/", l.random.IntN(of))}
	}
}

// page is a page of a list, on which a record may stand twice.
func (l *filed) page(of int) func() []string {
	return func() (names []string) {
		from := l.random.IntN(of)
		for i := range pageMax {
			names = append(names, fmt.Sprint("cases/", (from+i)%of))
		}
		return append(names, names[0])
	}
}

func TestWhateverWasFiledIsFoundOnceAndInItsOrder(t *testing.T) {
	for seed := range uint64(2) {
		l := filing(t, seed)
		const of = 20_000
		for range 60 {
			switch l.random.IntN(3) {
			case 0:
				l.entries(1+l.random.IntN(3), l.one(of))
			case 1:
				l.entries(1+l.random.IntN(800), l.one(of))
			case 2:
				l.entries(1+l.random.IntN(200), l.page(of))
			}
			l.isFound(l.conn, fmt.Sprint("cases/", l.random.IntN(of)), 1+l.random.IntN(30))
			l.isFound(l.conn, "cases/0", 100)
		}
		boxes, _ := l.rows()
		if boxes[ownBox("cases/0")] < 2 || len(boxes) < 40 {
			t.Errorf("all lies in %d boxes, so that little is proven", len(boxes))
		}
		for n := 0; n < of; n += 67 {
			l.isFound(l.conn, fmt.Sprint("cases/", n), 20+l.random.IntN(200))
		}
		l.isFound(l.conn, "cases/x", 10) // of which there is none
	}
}

// touching counts the rows that are read, and their bytes.
type touching struct {
	querier
	rows, bytes int
}

func (c *touching) each(query string, f func(result) error, args ...any) error {
	return c.querier.each(query, func(r result) error {
		c.rows++
		if query == aroundQuery {
			c.bytes += r.ColumnLen(0)
		}
		return f(r)
	}, args...)
}

// What it costs to find a page of entries does not grow with the log, nor with how
// often the record was read. It is counted in rows and bytes: of each box around the
// record no more than it holds until it is emptied, and of its own box the page.
func TestALookUpReadsNoMoreOfALongerLog(t *testing.T) {
	l := filing(t, 1)
	const of = 20_000
	work := func(name string) *touching {
		c := &touching{querier: l.conn}
		_, err := found(c, name, lastFind, pageMax+1)
		must(t, err)
		return c
	}
	filled := 0
	for range 6 {
		for range 12 {
			l.entries(90, l.page(of))
			l.entries(500, l.one(of))
		}
		for range 40 {
			l.entries(1, l.one(of)) // as they come when little is read
		}
		boxes, _ := l.rows()
		filled = len(boxes)
		for _, name := range []string{"cases/0", "cases/7", "cases/19999"} {
			// The widest, those within it, and those within these.
			if c := work(name); c.rows > 3*boxBytes/rowBytes+2 || c.bytes > 3*boxBytes {
				t.Errorf("with %d boxes, %s is found by %d rows and %d bytes", filled, name, c.rows, c.bytes)
			}
		}
	}
	if _, longest := l.rows(); filled < 200 || longest > 3*boxBytes || len(l.all["cases/0"]) < 5000 {
		t.Errorf("%d boxes and %d entries about one record: little is proven", filled, len(l.all["cases/0"]))
	}
	// Control: where boxes are never emptied, it grows.
	must(t, exec(l.conn, "BEGIN"))
	defer func() { must(t, exec(l.conn, "ROLLBACK")) }()
	for place := range 1000 {
		must(t, l.conn.addRow(widestBox, int64(1000+place), appendFinds(nil, []find{{ownBox("cases/7"), int64(place), int64(place)}})))
	}
	if c := work("cases/7"); c.rows < 1000 {
		t.Error("rows were not counted, so that nothing is proven")
	}
}

// What one transaction has to do is bounded, too: a box of each width is emptied.
func TestFilingEmptiesNoMoreThanABoxOfEachWidth(t *testing.T) {
	l := filing(t, 2)
	most := 0
	for range 80 {
		before, _ := l.rows()
		l.entries(40, l.page(50_000))
		after, _ := l.rows()
		changed := 0
		for box, rows := range after {
			if before[box] != rows && within(box) >= 0 {
				changed++
			}
		}
		most = max(most, changed)
	}
	if most < 16 || most > 1+2*16 {
		t.Errorf("%d boxes were written to at once", most)
	}
}

// A transaction that is lost between a box that was emptied and those within it
// leaves all as it was.
func TestABoxThatCannotBeEmptiedKeepsWhatItHolds(t *testing.T) {
	l := serve(t)
	others := make([]string, pageMax)
	for i := range others {
		others[i] = fmt.Sprint("cases/", i)
	}
	refuse := func(sql string) {
		must(t, l.do(t.Context(), func(conn transaction) error { return exec(conn, sql) }))
	}
	refuse("CREATE TRIGGER closed BEFORE INSERT ON log_finds WHEN NEW.box > 1 BEGIN SELECT RAISE(ABORT, 'closed'); END")
	var want []string
	var failed error
	for failed == nil && len(want) < 10_000 {
		for range 200 {
			e := l.about(append(others, "cases/y")...)
			must(t, l.journal.append(e))
			want = append(want, e.name)
		}
		failed = l.post()
	}
	if failed == nil {
		t.Fatal("nothing was emptied")
	}
	refuse("DROP TRIGGER closed")
	l.again().holdsExactly(slices.Clone(want)) // as another process finds it, had this one been killed
	must(t, l.post())
	l.holdsExactly(want)
}

// What was moved from a file to a server is found there, and what is entered there.
func TestWhatWasFiledInAFileIsFoundOnAServer(t *testing.T) {
	l := filing(t, 3)
	for range 30 {
		l.entries(100, l.page(2000))
		l.entries(200, l.one(2000))
	}
	url := throwaway.URL(t)
	e, _, err := openServer(t.Context(), url, Options{Meter: unmeasured{}, Server: postgres.Options{Application: "test", Connections: lanes + 2, Forgetful: true}}, newLawful(), newWakes(func(string) {}))
	must(t, err)
	defer func() { must(t, e.close()) }()
	var rows [][]any
	must(t, each(l.conn, "SELECT box, time, seq, finds FROM log_finds", func(r result) error {
		rows = append(rows, []any{r.ColumnInt64(0), r.ColumnInt64(1), r.ColumnInt64(2), blob(r, 3)})
		return nil
	}))
	_, err = e.(*server).writers.CopyFrom(t.Context(), pgx.Identifier{"log_finds"}, []string{"box", "time", "seq", "finds"}, pgx.CopyFromRows(rows))
	must(t, err)
	for n := range 5 {
		name := fmt.Sprint("cases/", n)
		l.seq++
		l.all[name] = append(l.all[name], find{ownBox(name), l.seq / 4, l.seq})
		_, err := e.(*server).writers.Exec(t.Context(), "INSERT INTO log_subjects(record, time, seq) VALUES($1, $2, $3)", subjectKey(name), l.seq/4, l.seq)
		must(t, err)
	}
	for n := range 60 {
		must(t, e.read(t.Context(), func(conn querier) error {
			l.isFound(conn, fmt.Sprint("cases/", n), 1+l.random.IntN(150))
			return nil
		}))
	}
}

func TestARowThatIsDamagedIsNotPassedOver(t *testing.T) {
	l := filing(t, 4)
	l.entries(5, l.one(1))
	must(t, exec(l.conn, "UPDATE log_finds SET finds = substr(finds, 1, LENGTH(finds) - 1)"))
	if _, err := found(l.conn, "cases/0", lastFind, 10); !errors.Is(err, errFinds) {
		t.Errorf("a row that lacks a byte is answered %v", err)
	}
}
