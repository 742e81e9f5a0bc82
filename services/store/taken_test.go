package store_test

import (
	"context"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/postgres"
	"github.com/jisr-exchange/jisr/services/postgres/throwaway"
	"github.com/jisr-exchange/jisr/services/record"
	"github.com/jisr-exchange/jisr/services/store"
)

// newCaseThen opens a case, for which it takes a key, and goes on with f in each run
// of the call. It says how often it was run and how many keys are ready less than before.
func (n *node) newCaseThen(ctx context.Context, f func(*store.Tx) error) (runs, used int, err error) {
	n.t.Helper()
	_, c := n.as(police)
	before, _ := n.ring.Size()
	_, err = store.Change(ctx, n.Store, c, store.Call{RPC: "CaseService/CreateCase"}, &jisrv1.Case{}, func(tx *store.Tx) (*jisrv1.Case, error) {
		runs++
		m := jisrv1.Case_builder{
			Owner: "agencies/" + police, Governorate: "IQG08", AdministeringAuthority: jisrv1.Jurisdiction_JURISDICTION_FEDERAL,
		}.Build()
		owning := agreement.Standing{Links: []agreement.InForce{{Link: jisrv1.Link_LINK_OWNER, Scope: record.EveryClass}}}
		if err := tx.Create(m, store.New{Standing: owning}); err != nil {
			return m, err
		}
		if now, _ := n.ring.Size(); now != before-1 {
			n.t.Errorf("a run of a call that opens a case has taken %d keys", before-now)
		}
		return m, f(tx)
	})
	after, _ := n.ring.Size()
	return runs, before - after, err
}

// full has the database take no entry, as where its disk is full, until the returned end.
func (n *node) full() (end func()) {
	n.t.Helper()
	if !postgres.IsURL(n.at) {
		conn, err := sqlite.OpenConn(n.at, sqlite.OpenReadWrite)
		must(n.t, err)
		must(n.t, sqlitex.ExecuteTransient(conn, "CREATE TRIGGER full BEFORE INSERT ON log_entries BEGIN SELECT RAISE(ROLLBACK, 'full'); END", nil))
		return func() {
			must(n.t, sqlitex.ExecuteTransient(conn, "DROP TRIGGER full", nil))
			must(n.t, conn.Close())
		}
	}
	conn, err := pgx.Connect(n.t.Context(), n.at)
	must(n.t, err)
	ask := func(text string) {
		_, err := conn.Exec(n.t.Context(), text)
		must(n.t, err)
	}
	ask("CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION USING ERRCODE = 'disk_full'; END $$")
	ask("CREATE TRIGGER no_room BEFORE INSERT ON log_entries FOR EACH ROW EXECUTE FUNCTION no_room()")
	return func() {
		ask("DROP FUNCTION no_room CASCADE")
		must(n.t, conn.Close(n.t.Context()))
	}
}

// A caller can bring about each of these as often as it likes: were a key left for
// nobody each time, the keyring would fill up.
func TestACallOfWhichNothingIsKeptLeavesItsKeysForOthers(t *testing.T) {
	onEach(t, func(t *testing.T, n *node) {
		n.DraftsAll()
		n.aCase()
		leave := func() {}
		ctx := func() context.Context {
			ctx, _ := n.as(police)
			ctx, leave = context.WithCancel(ctx)
			return ctx
		}
		law := n.law.Load()
		defer func() { leave() }()
		for what, c := range map[string]struct {
			then   func(*store.Tx) error
			reason fault.Reason
			moved  bool
			runs   int
		}{
			"whose caller hangs up while it is drafted": {
				then: func(*store.Tx) error { leave(); return nil }, reason: fault.Cancelled, runs: 1,
			},
			"that is refused": {
				then: func(*store.Tx) error { return fault.New(fault.TransitionNotAllowed) }, reason: fault.TransitionNotAllowed, runs: 2,
			},
			"that panics": {
				then: func(*store.Tx) error { panic("a value of a record") }, runs: 2,
			},
			"whose agreement moves": {
				then: func(*store.Tx) error { n.law.Store(n.another("next")); return nil }, moved: true, runs: 1,
			},
		} {
			t.Run(what, func(t *testing.T) {
				runs, used, err := n.newCaseThen(ctx(), c.then)
				n.law.Store(law)
				switch {
				case err == nil:
					t.Error("it succeeded")
				case c.moved:
					wantMoved(t, err)
				case c.reason != "":
					wantFault(t, err, c.reason)
				}
				if runs != c.runs || used != 0 {
					t.Errorf("in %d runs it has used up %d keys", runs, used)
				}
			})
		}
		t.Run("that the database does not keep", func(t *testing.T) {
			end := n.full()
			_, used, err := n.newCaseThen(ctx(), func(*store.Tx) error { return nil })
			end()
			wantFault(t, err, fault.StoreUnavailable)
			if used != 0 {
				t.Errorf("it has used up %d keys", used)
			}
		})
		// Control: what is kept keeps one key, however often it was run.
		absent := func(tx *store.Tx) error {
			_ = tx.View("cases/"+strings.Repeat("a", 26), &jisrv1.Case{}) // has its turn
			return nil
		}
		for want, then := range map[int]func(*store.Tx) error{1: func(*store.Tx) error { return nil }, 2: absent} {
			if runs, used, err := n.newCaseThen(ctx(), then); err != nil || runs != want || used != 1 {
				t.Errorf("a call that succeeds has used up %d keys in %d runs: %v", used, runs, err)
			}
		}
	})
}

func TestACallThatCannotReachItsServerLeavesItsKeysForOthers(t *testing.T) {
	l, at := lineTo(t, throwaway.URL(t))
	n := newHouse(t).open(at)
	n.aCase()
	l.when(func(string) cut { return before })
	_, used, err := n.newCaseThen(caller(n), func(*store.Tx) error { return nil })
	wantFault(t, err, fault.StoreUnavailable)
	if used != 0 {
		t.Errorf("it has used up %d keys", used)
	}
	// Control: of what may be kept the key may be in use. Under one key with another's
	// both would be destroyed together.
	l.when(on("COMMIT", after))
	_, used, err = n.newCaseThen(caller(n), func(*store.Tx) error { return nil })
	wantFault(t, err, fault.OutcomeUnknown)
	if used != 1 {
		t.Errorf("of what may be kept %d keys are kept", used)
	}
}

func caller(n *node) context.Context {
	ctx, _ := n.as(police)
	return ctx
}
