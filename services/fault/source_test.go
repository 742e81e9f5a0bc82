package fault

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"testing"
)

// sources are the files of services/.
var sources = os.DirFS("..")

// rulesOf returns every text that a source file gives a violation: the Rule of a
// Violation, what is handed to the functions that collect them, and what a
// function returns as the rule that is broken.
func rulesOf(t *testing.T, path string, source any) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, source, 0)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	add := func(e ast.Expr) {
		if text, ok := textOf(e); ok && strings.Trim(text, "{} ") != "" {
			found = append(found, text)
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.KeyValueExpr:
			if key, ok := n.Key.(*ast.Ident); ok && key.Name == "Rule" {
				add(n.Value)
			}
		case *ast.CallExpr:
			if name, ok := n.Fun.(*ast.Ident); ok && (name.Name == "violate" || name.Name == "one") && len(n.Args) > 1 {
				add(n.Args[1])
			}
		case *ast.FuncDecl:
			if n.Name.Name == "maskField" {
				ast.Inspect(n, func(n ast.Node) bool {
					if r, ok := n.(*ast.ReturnStmt); ok && len(r.Results) == 2 {
						add(r.Results[1])
					}
					return true
				})
			}
		}
		return true
	})
	return found
}

// textOf reads a string expression, with a hole for each part that is no literal.
func textOf(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		text, err := strconv.Unquote(e.Value)
		return text, err == nil
	case *ast.BinaryExpr:
		left, _ := textOf(e.X)
		right, _ := textOf(e.Y)
		return left + right, true
	}
	return hole, false
}

func TestEveryRuleInTheSourceIsTranslated(t *testing.T) {
	known := make(map[string]bool)
	for _, r := range rules {
		if known[r.en] {
			t.Errorf("%q is listed twice", r.en)
		}
		known[r.en] = true
	}
	used := make(map[string]bool)
	err := fs.WalkDir(sources, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.HasPrefix(path, "fault/") {
			return err
		}
		text, err := fs.ReadFile(sources, path)
		if err != nil {
			return err
		}
		for _, rule := range rulesOf(t, path, text) {
			used[rule] = true
			if !known[rule] {
				t.Errorf("%s: %q has no Arabic, Sorani and Badini in services/fault", path, rule)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range append(pageRules, dealingRules...) {
		if !used[r.en] {
			t.Errorf("%q is translated, and nothing says it", r.en)
		}
	}
}

func TestARuleWithoutTranslationIsFound(t *testing.T) {
	const source = `package x
func f() { violate("a", "must be blue"); g(Violation{Field: "b", Rule: "your role may not " + x + " it"}) }`
	if got := strings.Join(rulesOf(t, "x.go", source), "|"); got != "must be blue|your role may not {} it" {
		t.Errorf("found %q", got)
	}
}
