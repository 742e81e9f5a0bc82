package store

import (
	"io/fs"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/jisr-exchange/jisr/services/postgres"
	"github.com/jisr-exchange/jisr/services/postgres/throwaway"
)

func TestPlaceholdersAreNumberedAsTheyStand(t *testing.T) {
	for text, want := range map[string]string{
		"SELECT 1":                    "SELECT 1",
		"a = ? AND b IN (?,?)":        "a = $1 AND b IN ($2,$3)",
		"a = ?2 AND b = ?1 OR c = ?2": "a = $2 AND b = $1 OR c = $2",
		"VALUES(?1,?10)":              "VALUES($1,$10)",
		"n.agency = ?":                "n.agency = $1",
	} {
		for range 2 { // the second time it is known
			if got := numberPlaceholders(text); got != want {
				t.Errorf("%s became %s", text, got)
			}
		}
	}
}

// Names, tokens and lists compare by bytes on every database, whatever the
// server's language: of this one it is not so by itself.
func TestEveryTextInPostgreSQLComparesByItsBytes(t *testing.T) {
	steps, err := postgres.Load(spoken{}, "exchange")
	must(t, err)
	pool, err := postgres.Open(t.Context(), throwaway.URL(t), postgres.Options{Application: "jisr test", Connections: 1, Forgetful: true})
	must(t, err)
	defer pool.Close()
	must(t, postgres.Migrate(t.Context(), pool, steps))
	rows, err := pool.Query(t.Context(), `SELECT c.relname || '.' || a.attname, l.collname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
		JOIN pg_collation l ON l.oid = a.attcollation
		WHERE c.relkind IN ('r', 'i') AND c.relnamespace = 'public'::regnamespace AND c.relname NOT LIKE 'migrations%' AND a.attnum > 0`)
	must(t, err)
	seen := 0
	var column, collation string
	_, err = pgx.ForEachRow(rows, []any{&column, &collation}, func() error {
		if seen++; collation != "C" {
			t.Errorf("%s compares by %s", column, collation)
		}
		return nil
	})
	must(t, err)
	if seen < 50 {
		t.Errorf("only %d texts were found", seen)
	}
	// Control: a text of the server's own order sorts otherwise.
	var otherwise bool
	must(t, pool.QueryRow(t.Context(), `SELECT 'a' < 'B'`).Scan(&otherwise))
	if !otherwise {
		t.Error("the server compares by bytes by itself: the test proves nothing")
	}
}

// What the translation knows must be all that differs.
func TestTheSchemaHoldsNoWordThatOneDatabaseAloneKnows(t *testing.T) {
	names, err := fs.ReadDir(spoken{}, ".")
	must(t, err)
	for _, n := range names {
		text, err := spoken{}.ReadFile(n.Name())
		must(t, err)
		for _, word := range []string{" BLOB", "ROWID", "AUTOINCREMENT", "INTEGER PRIMARY KEY"} {
			if strings.Contains(string(text), word) {
				t.Errorf("%s says %s to PostgreSQL", n.Name(), word)
			}
		}
		if strings.Count(string(text), "TEXT ") != strings.Count(string(text), `TEXT COLLATE "C" `) {
			t.Errorf("%s has a text without an order", n.Name())
		}
	}
}
