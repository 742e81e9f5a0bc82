package store

import (
	"path/filepath"
	"strings"
	"testing"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
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
	if steps := plan(holderPage(Query{Parent: "cases/x"})); grows(steps) {
		t.Errorf("a page of one holder's records goes by %q", steps)
	}
	// Names are bounded for each holder and as a whole; only those few are gone
	// through, and sorted where holders are merged.
	besidesNames := func(steps []string) (rest []string) {
		for i, step := range steps {
			if step == "SCAN h" || i > 0 && steps[i-1] == "SCAN h" && step == "USE TEMP B-TREE FOR ORDER BY" {
				continue
			}
			rest = append(rest, step)
		}
		return rest
	}
	for _, holders := range []int{1, 3} {
		for _, q := range []Query{{}, {Parent: "cases/x"}, {State: 1}} {
			text := namesText(q, holders)
			if steps := besidesNames(plan(text)); grows(steps) {
				t.Errorf("the names of a page of %d holders go by %q", holders, steps)
			}
			// Control: a holder's names that go through a sort.
			if steps := besidesNames(plan(strings.Replace(text, "ORDER BY t, o", "ORDER BY o, t", 1))); !grows(steps) {
				t.Errorf("a sort is not noticed in %q", steps)
			}
		}
		if steps := besidesNames(plan(linksQuery(16, holders))); grows(steps) {
			t.Errorf("the links of a page go by %q", steps)
		}
	}
	if steps := plan(recordsQuery(16)); grows(steps) {
		t.Errorf("the records of a page go by %q", steps)
	}
	if steps := plan(consentQuery(16)); grows(steps) {
		t.Errorf("the consents of a page go by %q", steps)
	}
	// Control: the same page with one column more to sort by is caught.
	if steps := plan(strings.Replace(holderPage(Query{}), "ORDER BY t, o", "ORDER BY o, t", 1)); !grows(steps) {
		t.Errorf("a sort is not noticed in %q", steps)
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
