package store

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/jisr-exchange/jisr/services/postgres"
	"github.com/jisr-exchange/jisr/services/postgres/throwaway"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func opened(t *testing.T) *sqliteConn {
	t.Helper()
	conn, err := openConn(filepath.Join(t.TempDir(), "jisr.db"))
	must(t, err)
	t.Cleanup(func() { conn.Close() })
	return conn
}

// What a read costs must not grow with what there is: no query of it may scan,
// sort or build a table.
func TestAReadFollowsIndexesAlone(t *testing.T) {
	conn := opened(t)
	must(t, migrate(conn))
	plan := func(query string) (steps []string) {
		must(t, sqlitex.ExecuteTransient(conn.Conn, "EXPLAIN QUERY PLAN "+strings.ReplaceAll(query, "?", "1"), &sqlitex.ExecOptions{
			ResultFunc: func(s *sqlite.Stmt) error {
				steps = append(steps, s.ColumnText(3))
				return nil
			},
		}))
		return steps
	}
	grows := func(steps []string) bool {
		for _, s := range steps {
			if strings.Contains(s, "TEMP B-TREE") || strings.HasPrefix(s, "SCAN") && !strings.Contains(s, "VALUES") && s != "SCAN CONSTANT ROW" {
				return true
			}
		}
		return false
	}
	if steps := plan(sightQuery(linkColumns+", "+recordColumns, recordJoin, 3)); grows(steps) {
		t.Errorf("reading a record goes by %q", steps)
	}
	if steps := plan(touchedQuery(3)); grows(steps) {
		t.Errorf("the links of a receipt go by %q", steps)
	}
	for _, query := range []string{rowsQuery, aroundQuery, ownQuery, entriesQuery} {
		if steps := plan(query); grows(steps) {
			t.Errorf("the entries about a record go by %q", steps)
		}
	}
	for _, holders := range []int{1, 3} {
		for _, q := range []Query{{}, {Parent: "cases/x"}, {State: 1}} {
			text := namesText(q, holders)
			if steps := plan(text); grows(steps) {
				t.Errorf("the names of a page of %d holders go by %q", holders, steps)
			}
			// Control: names in another order than that in which they lie.
			if steps := plan(strings.Replace(text, "BY t, o", "BY o, t", 1)); !grows(steps) {
				t.Errorf("a sort is not noticed in %q", steps)
			}
		}
		inCase := func(text string) bool {
			found := 0
			for _, s := range plan(text) {
				if strings.Contains(s, "INDEX sight_by_case (<expr>=? AND holder=? AND type=? AND (create_time,sort,name)>(?,?,?))") {
					found++
				}
			}
			return found == holders
		}
		for _, parent := range []string{"cases/x", "cases/x/victims/y"} {
			text := namesText(Query{Parent: parent}, holders)
			if !inCase(text) {
				t.Errorf("what lies below %s goes by %q", parent, plan(text))
			}
			// Control: without the words of the index all that a holder knows of is gone through.
			if inCase(strings.ReplaceAll(text, ofCases, "")) {
				t.Error("it goes by the case in any words, so that this proves nothing")
			}
		}
		if steps := plan(recordsQuery(16, holders)); grows(steps) {
			t.Errorf("the records of a page go by %q", steps)
		}
	}
	if steps := plan(consentQuery(16)); grows(steps) {
		t.Errorf("the consents of a page go by %q", steps)
	}
}

// A server chooses by figures that it has gathered: which it takes for right must
// not turn a read into one of all there is.
func TestAReadFollowsIndexesAloneOnAServer(t *testing.T) {
	ctx, url := t.Context(), throwaway.URL(t)
	o := postgres.Options{Application: "test", Connections: lanes + 2, Forgetful: true}
	e, _, err := openServer(ctx, url, Options{Meter: unmeasured{}, Server: o}, newLawful(), newWakes(func(string) {}))
	must(t, err)
	defer func() { must(t, e.close()) }()
	// Some hundred cases of one territory: so few that gathered figures speak for reading all.
	for _, statement := range []string{
		`INSERT INTO records SELECT 'cases/' || n || '/victims/v', 'Victim', 'cases/' || n, '', n, 1, 1, '', '' FROM generate_series(1, 400) n`,
		`INSERT INTO epochs SELECT 'cases/' || n, n FROM generate_series(1, 400) n`,
		`INSERT INTO sight SELECT h, 'Victim', n, 'cases/' || n || '/victims/v', 'cases/' || n || '/victims/v', 1, '', '', -1, 0, 1
			FROM generate_series(1, 400) n, unnest(ARRAY['t:1:IQG08', 'a:moi-ct']) h`,
		"ANALYZE",
	} {
		_, err := e.(*server).writers.Exec(ctx, statement)
		must(t, err)
	}
	steps := func(pool *pgxpool.Pool, query string, ways ...string) (found []string) {
		conn, err := pool.Acquire(ctx)
		must(t, err)
		defer conn.Release()
		text := numberPlaceholders(query)
		_, err = conn.Exec(ctx, "PREPARE asked AS "+text)
		must(t, err)
		nothing := strings.TrimSuffix(strings.Repeat("NULL,", strings.Count(text, "$")), ",")
		rows, err := conn.Query(ctx, "EXPLAIN EXECUTE asked("+nothing+")", pgx.QueryExecModeSimpleProtocol)
		must(t, err)
		plan, err := pgx.CollectRows(rows, pgx.RowTo[string])
		must(t, err)
		_, err = conn.Exec(ctx, "DEALLOCATE asked")
		must(t, err)
		for _, step := range plan {
			for _, way := range ways {
				if strings.Contains(step, way) {
					found = append(found, step)
				}
			}
		}
		return found
	}
	gathering := []string{"Seq Scan", "Bitmap", "Hash Join", "Merge Join"}
	readers := e.(*server).readers
	for what, query := range map[string]string{
		"a record": sightQuery(linkColumns+", "+recordColumns, recordJoin, 3), "the names of a page": namesText(Query{}, 3),
		"the names of a list of a state": namesText(Query{State: 1}, 3), "the names below a case": namesText(Query{Parent: "cases/x"}, 3), "the records of a page": recordsQuery(pageMax, 3),
		"the consents of a page": consentQuery(16),
	} {
		if found := steps(readers, query, gathering...); len(found) > 0 {
			t.Errorf("%s goes by %q", what, found)
		}
	}
	for _, q := range []Query{{}, {State: 1}, {Parent: "cases/x"}} {
		if found := steps(readers, namesText(q, 3), "->  Sort"); len(found) > 0 {
			t.Errorf("the names of a page go by %q", found)
		}
	}
	if below := namesText(Query{Parent: "cases/x"}, 3); len(steps(readers, below, "Index Scan using sight_by_case")) != 3 {
		t.Error("what lies below a case does not go by the case")
	} else if len(steps(readers, strings.ReplaceAll(below, ofCases, ""), "sight_by_case")) > 0 {
		t.Error("it goes by the case in any words, so that this proves nothing") // control
	}
	// Controls: a session that may choose, and one that takes links for rare.
	free, err := postgres.Open(ctx, url, o)
	must(t, err)
	defer free.Close()
	if len(steps(free, recordsQuery(pageMax, 3), gathering...)) == 0 {
		t.Error("a server that may choose follows indexes too, so that this proves nothing")
	}
	if len(steps(free, strings.Replace(namesText(Query{}, 1), "<> 0", "= 1", 1), "->  Sort")) == 0 {
		t.Error("links taken for rare make no sort, so that this proves nothing")
	}
}

func TestAFileIsServedByOneProcessAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "jisr.db")
	first, err := lock(path)
	must(t, err)
	if _, err := lock(path); err == nil || !strings.Contains(err.Error(), "another process serves it") {
		t.Errorf("a file that is served is opened by another: %v", err)
	}
	must(t, first.Close())
	again, err := lock(path)
	must(t, err)
	must(t, again.Close())
}
