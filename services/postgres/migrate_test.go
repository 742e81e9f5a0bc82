package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/jisr-exchange/jisr/services/postgres/throwaway"
)

// history is a schema in its steps: a column that moves, while programs of both sides run.
var history = []struct{ name, text string }{
	{"0001_first.expand.sql", "CREATE TABLE letters (id text PRIMARY KEY, old text)"},
	{"0002_new_column.expand.sql", "ALTER TABLE letters ADD COLUMN new text"},
	{"0003_move.migrate.sql", "UPDATE letters SET new = old WHERE new IS NULL"},
	{"0004_old_column.contract.sql", "-- oldest program: 3\nALTER TABLE letters DROP COLUMN old"},
}

// program is what a program knows that knows some steps.
func program(t *testing.T, steps int) Migrations {
	t.Helper()
	files := fstest.MapFS{}
	for _, f := range history[:steps] {
		files[f.name] = &fstest.MapFile{Data: []byte(f.text)}
	}
	return loaded(t, files)
}

func loaded(t *testing.T, files fstest.MapFS) Migrations {
	t.Helper()
	m, err := Load(files, "store")
	must(t, err)
	return m
}

func fresh(t *testing.T) (*pgxpool.Pool, string) {
	t.Helper()
	u := throwaway.URL(t)
	o := plain
	o.Forgetful = true
	return opened(t, u, o), u
}

func number(t *testing.T, pool *pgxpool.Pool) int {
	t.Helper()
	at, err := stands(t.Context(), pool)
	must(t, err)
	return at.schema
}

func turnedAway(t *testing.T, err error, said ...string) {
	t.Helper()
	for _, s := range said {
		if err == nil || !strings.Contains(err.Error(), s) {
			t.Errorf("told %v, and not: %s", err, s)
		}
	}
}

func TestNeighboursRunSideBySideUntilAContractShutsTheOlderOut(t *testing.T) {
	pool, u := fresh(t)
	must(t, Migrate(t.Context(), pool, program(t, 1)))
	exec(t, u, "INSERT INTO letters (id, old) VALUES ('a', 'word')")
	must(t, Migrate(t.Context(), pool, program(t, 3)))
	must(t, Migrate(t.Context(), pool, program(t, 1))) // it restarts beside the newer ones
	if n := number(t, pool); n != 3 {
		t.Errorf("the older program left schema %d", n)
	}
	exec(t, u, "INSERT INTO letters (id, old) VALUES ('b', 'word')") // and writes as it is used to
	must(t, Migrate(t.Context(), pool, program(t, 4)))
	must(t, Migrate(t.Context(), pool, program(t, 3)))
	turnedAway(t, Migrate(t.Context(), pool, program(t, 2)), "programs older than 3 cannot run, and this one is 2", "run the newer program")
	var word string
	must(t, pool.QueryRow(t.Context(), "SELECT new FROM letters WHERE id = 'a'").Scan(&word))
	if word != "word" {
		t.Errorf("the column that moved holds %q", word)
	}
}

func TestAStepIsNotMadeWhileANodeServesThatItWouldShutOut(t *testing.T) {
	pool, u := fresh(t)
	must(t, Migrate(t.Context(), pool, program(t, 3)))
	o := plain
	o.Forgetful, o.Program = true, 2
	older := opened(t, u, o)
	turnedAway(t, Migrate(t.Context(), pool, program(t, 4)), "0004_old_column.contract.sql", "nodes serve whose programs are older than 3", "pg_stat_activity")
	if n := number(t, pool); n != 3 {
		t.Errorf("a step that was refused left schema %d", n)
	}
	older.Close()
	for left := 1; left > 0; { // the server sees the end of a session a moment later
		must(t, pool.QueryRow(t.Context(), olderQuery, 3).Scan(&left))
	}
	o.Program = 3 // control: the oldest that can run on
	opened(t, u, o)
	must(t, Migrate(t.Context(), pool, program(t, 4)))
}

func TestNodesThatStartAtOnceMakeEachStepOnce(t *testing.T) {
	pool, u := fresh(t)
	var nodes sync.WaitGroup
	failed := make(chan error, 6)
	for range cap(failed) {
		o := plain
		o.Forgetful = true
		node := opened(t, u, o)
		nodes.Go(func() { failed <- Migrate(context.Background(), node, program(t, 4)) })
	}
	nodes.Wait()
	for range cap(failed) {
		must(t, <-failed)
	}
	if n := number(t, pool); n != 4 {
		t.Errorf("the schema is %d", n)
	}
}

// The lock only keeps the second from failing: what holds is the number.
func TestAStepIsMadeOnceEvenByWhoDidNotWait(t *testing.T) {
	pool, _ := fresh(t)
	m := program(t, 2)
	must(t, Migrate(t.Context(), pool, program(t, 1)))
	before, err := stands(t.Context(), pool)
	must(t, err)
	must(t, Migrate(t.Context(), pool, m))
	if err := apply(t.Context(), pool, m, before, m.steps[1]); !errors.Is(err, errBehind) {
		t.Errorf("a step that was made is made again: %v", err)
	}
	_, err = pool.Exec(t.Context(), "INSERT INTO migrations (number, component, name, oldest_program) VALUES (2, 'store', '', 0)")
	turnedAway(t, err, "23505")
}

func TestAStepThatFailsLeavesNothingOfItself(t *testing.T) {
	pool, _ := fresh(t)
	files := fstest.MapFS{
		"0001_first.expand.sql":  {Data: []byte(history[0].text)},
		"0002_broken.expand.sql": {Data: []byte("CREATE TABLE half (id text); SELECT 1/0")},
	}
	turnedAway(t, Migrate(t.Context(), pool, loaded(t, files)), "0002_broken.expand.sql", "division by zero")
	var half bool
	must(t, pool.QueryRow(t.Context(), "SELECT to_regclass('half') IS NOT NULL").Scan(&half))
	if n := number(t, pool); half || n != 1 {
		t.Errorf("half of the step is there: %v, and the schema is %d", half, n)
	}
	files["0002_broken.expand.sql"] = &fstest.MapFile{Data: []byte("COMMIT")}
	turnedAway(t, Migrate(t.Context(), pool, loaded(t, files)), "ends the transaction")
}

func TestADatabaseOfSomethingElseIsLeftAlone(t *testing.T) {
	pool, u := fresh(t)
	exec(t, u, "CREATE TABLE invoices (id int)")
	turnedAway(t, Migrate(t.Context(), pool, program(t, 1)), "tables that are not the exchange's", "empty at first")
	exec(t, u, "DROP TABLE invoices")
	must(t, Migrate(t.Context(), pool, program(t, 1))) // control
	keyring := program(t, 1)
	keyring.component = "keyring"
	turnedAway(t, Migrate(t.Context(), pool, keyring), "is that of the store", "name another one for the keyring")
}

func TestWhoMayNotChangeTheSchemaServesAndIsToldWhoMay(t *testing.T) {
	pool, u := fresh(t)
	must(t, Migrate(t.Context(), pool, program(t, 1)))
	role := "serving_" + strings.TrimPrefix(pool.Config().ConnConfig.Database, "jisr_test_")
	exec(t, u, fmt.Sprintf("CREATE ROLE %s LOGIN PASSWORD '%s'", role, password), "ALTER ROLE "+role+" SET log_parameter_max_length = 0",
		"GRANT SELECT ON migrations TO "+role)
	t.Cleanup(func() {
		pool.Close()
		exec(t, u, "DROP OWNED BY "+role, "DROP ROLE "+role)
	})
	o := plain
	o.Forgetful = true
	serving, err := Open(t.Context(), as(t, u, role, password), o)
	must(t, err)
	defer serving.Close()
	must(t, Migrate(t.Context(), serving, program(t, 1)))
	turnedAway(t, Migrate(t.Context(), serving, program(t, 2)), "may not change the schema", "the role that owns the database")
}

func TestAStepDoesNotWaitLongForATableThatIsHeld(t *testing.T) {
	pool, u := fresh(t)
	must(t, Migrate(t.Context(), pool, program(t, 1)))
	wait := lockWait
	lockWait = "10ms"
	t.Cleanup(func() { lockWait = wait })
	o := plain
	o.Forgetful = true
	holder, err := opened(t, u, o).Begin(t.Context())
	must(t, err)
	_, err = holder.Exec(t.Context(), "LOCK TABLE letters")
	must(t, err)
	turnedAway(t, Migrate(t.Context(), pool, program(t, 2)), "0002_new_column", "pg_stat_activity")
	must(t, holder.Rollback(t.Context()))
	must(t, Migrate(t.Context(), pool, program(t, 2))) // control
}

func TestAMigrationThatARunningProgramWouldNoticeIsNotLoaded(t *testing.T) {
	for name, text := range map[string]string{
		"0002_x.expand.sql":    "ALTER TABLE letters DROP COLUMN old",
		"0002_y.expand.sql":    "ALTER TABLE letters RENAME old TO new",
		"0002_z.migrate.sql":   "ALTER TABLE letters ALTER COLUMN old SET NOT NULL",
		"0002_t.expand.sql":    "ALTER TABLE letters ALTER COLUMN old TYPE int",
		"0002_c.contract.sql":  "ALTER TABLE letters DROP COLUMN old",
		"0002_d.contract.sql":  "-- oldest program: 2\nALTER TABLE letters DROP COLUMN old",
		"0003_gap.expand.sql":  "SELECT 1",
		"0002_nophase.sql":     "SELECT 1",
		"0002_drop.expand.sql": "-- oldest program: 1\nSELECT 1",
	} {
		files := fstest.MapFS{
			"0001_first.expand.sql": {Data: []byte("-- nobody may drop this\nCREATE TABLE letters (old text, type text)")},
			name:                    {Data: []byte(text)},
		}
		_, err := Load(files, "store")
		turnedAway(t, err, name)
		delete(files, name)
		loaded(t, files) // control
	}
}
