package services

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/jisr-exchange/jisr/"

// floors is the house from the ground up. A package imports only from floors
// below its own, so that no record can redact, no shelf can open a section and
// no gate can reach a handler. Packages of one floor do not know each other.
var floors = [][]string{
	{"gen/jisr/v1", "gen/jisr/sentences", "deploy"},
	{"services/record", "services/fault", "services/certs", "services/budget", "services/postgres"},
	{"services/logline", "services/tracing", "services/move"},
	{"services/agreement"},
	{"services/identity", "services/matrix"},
	{"services/audit", "services/keyring", "services/lawpage", "services/metrics"},
	{"services/store", "services/disclosure"},
	{"services/lifecycle"},
	{"services/cases", "services/referrals", "services/orders", "services/agencies", "services/agreements", "services/logentries"},
	{"services/consents", "services/notifications"},
	{"services"},
	{"services/daemon", "services/register", "examples", "."},
	{"services/demo", "services/export"},
	{"cmd/jisr", "cmd/jisrd"},
}

func TestDependenciesOnlyRunDown(t *testing.T) {
	floor := make(map[string]int)
	for n, packages := range floors {
		for _, p := range packages {
			floor[p] = n
		}
	}
	seen := 0
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		dir := filepath.ToSlash(strings.TrimPrefix(filepath.Dir(path), "../"))
		if dir == ".." {
			dir = "."
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || !inTheHouse(dir) {
			return nil
		}
		n, known := floor[dir]
		if !known {
			t.Errorf("%s stands on no floor: say on which", dir)
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, i := range file.Imports {
			seen++
			if wrong := climb(path, n, i.Path.Value, floor); wrong != "" {
				t.Error(wrong)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen < 100 {
		t.Errorf("only %d imports were read", seen)
	}
}

// inTheHouse reports whether a folder is part of the house; tools and tests stand beside it.
func inTheHouse(dir string) bool {
	return dir == "." || dir == "services" || dir == "examples" || dir == "deploy" ||
		(strings.HasPrefix(dir, "services/") && !strings.HasPrefix(dir, "services/jisrtest") && dir != "services/postgres/throwaway") ||
		strings.HasPrefix(dir, "cmd/")
}

// climb says what is wrong with an import, or nothing.
func climb(path string, n int, quoted string, floor map[string]int) string {
	imported, err := strconv.Unquote(quoted)
	if err != nil {
		return path + ": " + err.Error()
	}
	inside, ok := strings.CutPrefix(imported+"/", module)
	if !ok {
		return ""
	}
	if inside = strings.TrimSuffix(inside, "/"); inside == "" {
		inside = "."
	}
	m, known := floor[inside]
	switch {
	case !known:
		return path + " imports " + inside + ", which stands on no floor"
	case m >= n:
		return path + " imports " + inside + ", which is not below it"
	}
	return ""
}

func TestAnImportThatClimbsIsNoticed(t *testing.T) {
	floor := map[string]int{"services/store": 5, "services/disclosure": 5, "services/cases": 7}
	for imported, wrong := range map[string]bool{
		"services/disclosure": true, // the neighbour on the same floor
		"services/cases":      true, // upstairs
		"services/nowhere":    true, // on no floor
		"":                    true, // the root stands on none here
	} {
		if got := climb("services/store/x.go", 5, strconv.Quote(strings.TrimSuffix(module+imported, "/")), floor); (got != "") != wrong {
			t.Errorf("%q: %q", imported, got)
		}
	}
	if got := climb("services/cases/x.go", 7, strconv.Quote(module+"services/store"), floor); got != "" {
		t.Errorf("a record may import the shelf: %s", got)
	}
	if got := climb("services/cases/x.go", 7, strconv.Quote("context"), floor); got != "" {
		t.Errorf("the standard library stands below everything: %s", got)
	}
}
