package store_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
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

// Of two nodes with different keyrings that begin with a new database at once one has it.
func TestANewDatabaseIsBoundOnce(t *testing.T) {
	at := databases["PostgreSQL"](t)
	h, other := newHouse(t), newHouse(t)
	law := func() *agreement.Law { return parsed(t, h.text) }
	must(t, store.Migrate(t.Context(), at, forgetful))
	// Somebody has just bound it, whose commit is under way when this one looks.
	first, super := connect(t, at), connect(t, at)
	_, err := first.Exec(t.Context(), "BEGIN")
	must(t, err)
	_, err = first.Exec(t.Context(), "INSERT INTO bound(id, value) VALUES('keyring', $1)", fmt.Sprintf("%x", other.ring.Secret("database")))
	must(t, err)
	opened := make(chan error, 1)
	go func() {
		s, err := h.shelf(at, forgetful, law)
		if err == nil {
			err = s.Close()
			opened <- errors.Join(errors.New("it was opened"), err)
			return
		}
		opened <- err
	}()
	until(t, "the second waits for the first", func() bool {
		return count(t, super, "datname = current_database() AND wait_event_type = 'Lock'") > 0
	})
	_, err = first.Exec(t.Context(), "COMMIT")
	must(t, err)
	if err := <-opened; !strings.Contains(err.Error(), "another keyring") {
		t.Errorf("with another keyring than that to which it has been bound meanwhile: %v", err)
	}
	s, err := other.shelf(at, forgetful, law) // control
	must(t, err)
	must(t, s.Close())
}

// What cannot be asked for its keyring is not served, and says what to do.
func TestADatabaseThatCannotBeAskedForItsKeyringSaysWhatToDo(t *testing.T) {
	h := newHouse(t)
	law := func() *agreement.Law { return parsed(t, h.text) }
	refused := func(at, what string) {
		t.Helper()
		s, err := h.shelf(at, forgetful, law)
		if err == nil {
			must(t, s.Close())
		}
		if err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%v, and not %q", err, what)
		}
	}
	path := filepath.Join(t.TempDir(), "jisr.db")
	s, err := h.shelf(path, forgetful, law)
	must(t, err)
	must(t, s.Close())
	conn, err := sqlite.OpenConn(path, sqlite.OpenReadWrite)
	must(t, err)
	must(t, sqlitex.ExecuteTransient(conn, "DROP TABLE bound", nil))
	must(t, conn.Close())
	refused(path, "or begin with a new one")

	at := databases["PostgreSQL"](t)
	must(t, store.Migrate(t.Context(), at, forgetful))
	super := connect(t, at)
	role := "jisr_" + strings.ToLower(rand.Text())
	_, err = super.Exec(t.Context(), "CREATE ROLE "+role+" LOGIN PASSWORD 'mulberry'; ALTER ROLE "+role+" SET log_parameter_max_length = 0; GRANT SELECT ON ALL TABLES IN SCHEMA public TO "+role)
	must(t, err)
	defer func() {
		_, err := super.Exec(context.Background(), "DROP OWNED BY "+role+"; DROP ROLE "+role)
		must(t, err)
	}()
	u, err := url.Parse(at)
	must(t, err)
	u.User = url.UserPassword(role, "mulberry")
	refused(u.String(), "deploy/postgres/exchange.sql")
	_, err = super.Exec(t.Context(), "DROP TABLE bound")
	must(t, err)
	refused(at, "or begin with a new one")
}
