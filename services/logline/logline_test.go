package logline

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
)

func TestWhatDoesNotFitItsShapeDoesNotReachTheLog(t *testing.T) {
	const text = "Canary of the 7th street, +964"
	for _, a := range []slog.Attr{
		Method(text), Agency(text), System(text), Why(Advice(text)), Incident(text), Storage(text),
		Agreement(text), Address(text), Operations(text), Part(text), TypeOf(errors.New(text)), TypeOf(text),
	} {
		if strings.Contains(a.Value.String(), "Canary") {
			t.Errorf("%s takes any text", a.Key)
		}
	}
	for a, want := range map[string]slog.Attr{
		"CaseService/GetCase": Method("CaseService/GetCase"), "moi-ct": Agency("moi-ct"), "NOT_FOUND": Why(Advice("NOT_FOUND")),
		"NotFound": Code(codes.NotFound), "SQLITE_FULL": Storage("SQLITE_FULL"), "[::1]:7443": Address("[::1]:7443"),
	} {
		if want.Value.String() != a {
			t.Errorf("%s became %s", a, want)
		}
	}
	long := Subject("CN=" + strings.Repeat("x", 300) + "\n\u202eforged")
	if strings.ContainsAny(long.Value.String(), "\n\u202e") || len(long.Value.String()) > 210 {
		t.Errorf("a certificate's text is not cut to one short line: %q", long.Value.String())
	}
}

func TestAnAttributeThatIsNotListedDoesNotReachTheLog(t *testing.T) {
	for _, format := range []string{"json", "text"} {
		var b bytes.Buffer
		log := New(format, &b)
		log.LogAttrs(context.Background(), slog.LevelInfo, "call", Agency("moi-ct"), slog.String("victim", "canary"),
			slog.Group("agency", slog.String("agency", "canary")))
		log.With(slog.String("officer", "canary")).WithGroup("reason").LogAttrs(context.Background(), slog.LevelInfo, "call", slog.String("reason", "canary"))
		if strings.Contains(b.String(), "canary") || !strings.Contains(b.String(), "moi-ct") || !strings.Contains(b.String(), "unlisted") {
			t.Errorf("%s: %s", format, b.String())
		}
	}
}

func TestTheOperatorIsToldOfEveryAttribute(t *testing.T) {
	text, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range Keys {
		if !strings.Contains(string(text), "`"+k+"`") {
			t.Errorf("docs/operations.md does not tell of %s", k)
		}
	}
}

// Every line that the server logs says fixed words and attributes of this package:
// no other way to write one stands anywhere in the house.
func TestEveryLineIsMadeOfTypedAttributes(t *testing.T) {
	lines := 0
	for _, root := range []string{"..", "../../cmd/jisrd"} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if d.IsDir() && d.Name() == "jisrtest" || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.HasPrefix(path, "../logline/") {
				if d.IsDir() && d.Name() == "jisrtest" {
					return fs.SkipDir
				}
				return nil
			}
			n, wrong := careless(t, path, nil)
			lines += n
			for _, w := range wrong {
				t.Error(w)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if lines < 15 {
		t.Errorf("only %d lines were found", lines)
	}
}

func TestACarelessLineIsNoticed(t *testing.T) {
	for _, line := range []string{
		`log.Info("call")`,
		`s.opts.Log.Error("call", "victim", v)`,
		`slog.Warn("call")`,
		`log.LogAttrs(ctx, slog.LevelInfo, "victim "+v)`,
		`log.LogAttrs(ctx, slog.LevelInfo, v)`,
		`log.LogAttrs(ctx, slog.LevelInfo, "call", slog.String("victim", v))`,
		`log.LogAttrs(ctx, slog.LevelInfo, "call", other.Attr(v))`,
		`log.LogAttrs(ctx, slog.LevelInfo, "call", attrs...)`,
		`_ = []slog.Attr{slog.Any("victim", v)}`,
		`_ = slog.Attr{Key: "victim"}`,
		`log.With("victim", v)`,
		`log.Printf("%s", v)`,
	} {
		source := "package p\nimport \"log/slog\"\nfunc f() {\n" + line + "\n}\n"
		if _, wrong := careless(t, "careless.go", source); len(wrong) == 0 {
			t.Errorf("not noticed: %s", line)
		}
	}
	_, wrong := careless(t, "careful.go", `package p
import "log/slog"
func f() {
	attrs := []slog.Attr{logline.Agency(a)}
	attrs = append(attrs, logline.System(s))
	log.LogAttrs(ctx, slog.LevelInfo, "call", attrs...)
	log.LogAttrs(ctx, slog.LevelInfo, "call", logline.Agency(a))
}`)
	if len(wrong) > 0 {
		t.Errorf("a careful line is called careless: %v", wrong)
	}
}

// allowed is what a file may take from log/slog: the logger itself and levels.
var allowed = []string{"Logger", "Attr", "LevelInfo", "LevelWarn", "LevelError", "New", "DiscardHandler", "NewTextHandler", "HandlerOptions"}

// loose are the methods of a logger that take whatever they are given.
var loose = []string{
	"Debug", "Info", "Warn", "Error", "Log", "DebugContext", "InfoContext", "WarnContext", "ErrorContext", "With", "WithGroup", "Print", "Printf", "Println",
}

// careless returns how many lines a file logs, and which of them, or of what
// could become one, are not made of this package's attributes.
func careless(t *testing.T, path string, source any) (lines int, wrong []string) {
	t.Helper()
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, path, source, 0)
	if err != nil {
		t.Fatal(err)
	}
	if !imports(file, "log/slog") {
		return 0, nil
	}
	note := func(n ast.Node, what string) {
		wrong = append(wrong, fmt.Sprintf("%s: %s", set.Position(n.Pos()), what))
	}
	typed := typedLists(file)
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CompositeLit:
			if of, ok := n.Type.(*ast.SelectorExpr); ok && named(of, "slog", "Attr") {
				note(n, "an attribute made by hand")
			}
		case *ast.SelectorExpr:
			if x, ok := n.X.(*ast.Ident); ok && x.Name == "slog" && !slices.Contains(allowed, n.Sel.Name) {
				note(n, "slog."+n.Sel.Name)
			}
		case *ast.CallExpr:
			f, ok := n.Fun.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if slices.Contains(loose, f.Sel.Name) && isLog(f.X) {
				note(n, f.Sel.Name+" takes whatever it is given")
			}
			if f.Sel.Name != "LogAttrs" {
				return true
			}
			lines++
			if _, fixed := n.Args[2].(*ast.BasicLit); !fixed {
				note(n, "a message that is not fixed words")
			}
			for _, a := range n.Args[3:] {
				if list, ok := a.(*ast.Ident); n.Ellipsis.IsValid() && ok && typed[list.Name] {
					continue
				}
				if !ours(a) {
					note(a, "an attribute that is not of logline")
				}
			}
		}
		return true
	})
	return lines, wrong
}

// typedLists are the names of the file's lists of attributes that begin as, and
// only grow by, attributes of this package.
func typedLists(file *ast.File) map[string]bool {
	typed := make(map[string]bool)
	ast.Inspect(file, func(n ast.Node) bool {
		assign, ok := n.(*ast.AssignStmt)
		if !ok || len(assign.Lhs) != 1 || len(assign.Rhs) != 1 {
			return true
		}
		name, ok := assign.Lhs[0].(*ast.Ident)
		if !ok {
			return true
		}
		var values []ast.Expr
		switch from := assign.Rhs[0].(type) {
		case *ast.CompositeLit:
			list, ok := from.Type.(*ast.ArrayType)
			if !ok {
				return true
			}
			if of, ok := list.Elt.(*ast.SelectorExpr); !ok || !named(of, "slog", "Attr") {
				return true
			}
			typed[name.Name], values = true, from.Elts
		case *ast.CallExpr:
			if f, ok := from.Fun.(*ast.Ident); !ok || f.Name != "append" {
				return true
			}
			values = from.Args[1:]
		}
		for _, v := range values {
			typed[name.Name] = typed[name.Name] && ours(v)
		}
		return true
	})
	return typed
}

func ours(e ast.Expr) bool {
	call, ok := e.(*ast.CallExpr)
	if !ok {
		return false
	}
	f, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	x, ok := f.X.(*ast.Ident)
	return ok && x.Name == "logline"
}

// isLog reports whether an expression is a logger by its name.
func isLog(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.Ident:
		return strings.EqualFold(e.Name, "log") || e.Name == "logger" || e.Name == "slog"
	case *ast.SelectorExpr:
		return strings.EqualFold(e.Sel.Name, "log") || e.Sel.Name == "logger"
	}
	return false
}

func named(e *ast.SelectorExpr, pkg, name string) bool {
	x, ok := e.X.(*ast.Ident)
	return ok && x.Name == pkg && e.Sel.Name == name
}

func imports(file *ast.File, path string) bool {
	return slices.ContainsFunc(file.Imports, func(i *ast.ImportSpec) bool { return i.Path.Value == strconv.Quote(path) })
}
