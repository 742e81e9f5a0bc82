package move_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/jisr-exchange/jisr/services/postgres"
)

var created = regexp.MustCompile(`(?m)^CREATE TABLE (\w+)`)

// declared are the tables that the migrations of a folder make, but the mark's.
func declared(t *testing.T, folder string) (tables []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", folder, "migrations", "*.sql"))
	must(t, err)
	for _, file := range files {
		text, err := os.ReadFile(file)
		must(t, err)
		for _, m := range created.FindAllStringSubmatch(string(text), -1) {
			if m[1] != "moved" {
				tables = append(tables, m[1])
			}
		}
	}
	slices.Sort(tables)
	return tables
}

// full puts a row of made-up values into every table of a file.
func full(t *testing.T, database string) {
	t.Helper()
	for _, table := range tablesOf(t, database) {
		if table == "moved" || table == "ring" {
			continue
		}
		var names, values []string
		for _, column := range rows(t, database, "SELECT name, type FROM pragma_table_info('"+table+"')") {
			name, kind, _ := strings.Cut(column, "|")
			value, known := map[string]string{"TEXT": "'بلوط'", "BLOB": "x'00ff80'", "BIGINT": "-9223372036854775808", "INTEGER": "2147483000"}[kind]
			if !known {
				t.Fatalf("%s.%s is of a type %s that no database translates", table, name, kind)
			}
			names, values = append(names, name), append(values, value)
		}
		change(t, database, fmt.Sprintf("INSERT INTO %s(%s) VALUES(%s)", table, strings.Join(names, ", "), strings.Join(values, ", ")))
	}
}

// A table that a migration adds is moved without a word here, or this fails.
func TestEveryTableOfTheSchemaIsMoved(t *testing.T) {
	here := played(t, onFiles)
	full(t, here.database)
	full(t, here.keyring)
	for n, kind := range []func(testing.TB, []byte) home{onServer, onFiles} {
		there := kind(t, here.kek(t))
		database, keys := holds(t, here.database), holds(t, here.keyring)
		report := moved(t, here, there)
		wantEqual(t, holds(t, there.database), database)
		wantEqual(t, holds(t, there.keyring), keys)
		for i, folder := range []string{"store", "keyring"} {
			var tables []string
			for _, table := range report[i].Tables {
				if tables = append(tables, table.Name); table.Rows == 0 {
					t.Errorf("%s is empty: this test would prove nothing", table.Name)
				}
			}
			if want := declared(t, folder); !slices.Equal(tables, want) {
				t.Errorf("moved are %q, of %q", tables, want)
			}
		}
		insert := "INSERT INTO log_entries(name, time, leaf, salt, commitment) VALUES('x', 0, '', '', '') RETURNING seq"
		if !postgres.IsURL(there.database) {
			insert = strings.Replace(insert, "'', '', ''", "x'', x'', x''", 1)
		}
		if got := rows(t, there.database, insert); !slices.Equal(got, []string{fmt.Sprint(2147483001 + n)}) {
			t.Errorf("the log goes on with %v", got)
		}
		here = there
	}
}
