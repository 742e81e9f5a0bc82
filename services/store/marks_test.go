package store_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/store"
)

func TestRecordsLieInTheOrderInWhichTheyWereMade(t *testing.T) {
	path := filepath.Join(t.TempDir(), "jisr.db")
	n := newHouse(t).open(path)
	names := make([]string, 20)
	for i := range names {
		n.now.Add(1000)
		names[i] = n.aCase()
	}
	conn, err := sqlite.OpenConn(path, sqlite.OpenReadOnly)
	must(t, err)
	defer func() { must(t, conn.Close()) }()
	var lie []string
	must(t, sqlitex.Execute(conn, "SELECT name FROM records WHERE type = 'Case' ORDER BY name", &sqlitex.ExecOptions{ResultFunc: func(s *sqlite.Stmt) error {
		lie = append(lie, n.Name(s.ColumnText(0)))
		return nil
	}}))
	if !slices.Equal(lie, names) {
		t.Errorf("the cases lie in another order than that in which they were made: %q, %q", lie, names)
	}
	if slices.IsSorted(names) {
		t.Error("the order shows in their names")
	}
}

// By another keyring everything that is there would be answered as if it were not.
func TestADatabaseIsOpenedWithItsOwnKeyringAlone(t *testing.T) {
	for kind, database := range databases {
		t.Run(kind, func(t *testing.T) {
			at := database(t)
			h, other := newHouse(t), newHouse(t)
			law := func() *agreement.Law { return parsed(t, h.text) }
			s, err := h.shelf(at, forgetful, law)
			must(t, err)
			must(t, s.Close())
			if s, err := other.shelf(at, forgetful, law); err == nil || !strings.Contains(err.Error(), "another keyring") {
				t.Errorf("it was opened with another keyring: %v, %v", s, err)
			}
			// Control: with its own one it is.
			n := h.open(at)
			about := n.aCase()
			ctx, _ := n.as(police)
			_, err = store.Get(ctx, n.Store, about, &jisrv1.Case{})
			must(t, err)
			_, err = store.Get(ctx, n.Store, n.Mark(about), &jisrv1.Case{})
			wantFault(t, err, fault.NotFound)
		})
	}
}
