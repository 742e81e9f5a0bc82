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
			if strings.Contains(s, "TEMP B-TREE") || strings.HasPrefix(s, "SCAN") && !strings.Contains(s, "VALUES") {
				return true
			}
		}
		return false
	}
	if steps := plan(sightQuery(recordColumns, recordJoin, 3)); grows(steps) {
		t.Errorf("reading a record goes by %q", steps)
	}
	if steps := plan(holderPage(Query{Parent: "cases/x"})); grows(steps) {
		t.Errorf("a page of one holder's records goes by %q", steps)
	}
	// Control: the same page with one column more to sort by is caught.
	if steps := plan(strings.Replace(holderPage(Query{}), "ORDER BY t, o", "ORDER BY o, t", 1)); !grows(steps) {
		t.Errorf("a sort is not noticed in %q", steps)
	}
}
