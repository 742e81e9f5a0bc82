package main

import (
	"go/ast"
	"go/token"
	"go/types"
	"strings"

	"golang.org/x/tools/go/analysis"
)

const (
	server    = "github.com/jisr-exchange/jisr/services"
	catalogue = server + "/fault"
	// plays hold the server from outside, and serve what others do: a collector of traces.
	plays = server + "/jisrtest"
)

var analyzer = &analysis.Analyzer{
	Name: "jisrerrors",
	Doc: `errors that cross to an agency come from services/fault

Outside of the catalogue no gRPC status is made, and a package that serves rpcs
makes no error of its own. Tests are left alone: they play what others do.`,
	Run: run,
}

// makers are the functions that make an error: of a status anywhere, of a text where rpcs are served.
var makers = map[string]map[string]bool{
	"google.golang.org/grpc/status": {
		"Error": true, "Errorf": true, "New": true, "Newf": true, "ErrorProto": true, "FromProto": true, "FromContextError": true,
	},
	"google.golang.org/grpc": {"Errorf": true},
}

var texts = map[string]map[string]bool{
	"errors": {"New": true},
	"fmt":    {"Errorf": true},
}

func run(pass *analysis.Pass) (any, error) {
	path := pass.Pkg.Path()
	// What is generated and what calls an exchange are not the server's answers.
	if path == catalogue || path == plays || strings.HasPrefix(path, plays+"/") || path != server && !strings.HasPrefix(path, server+"/") {
		return nil, nil
	}
	serves := servesRPCs(pass)
	for _, file := range pass.Files {
		if inTest(pass, file.Package) {
			continue
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.Ident:
				// A use and not only a call: a function that is kept in a variable is called by another name.
				name, from := function(pass.TypesInfo.Uses[n])
				switch {
				case makers[from][name]:
					pass.Reportf(n.Pos(), "%s makes a status outside of the catalogue: answer with fault.New", name)
				case serves && texts[from][name]:
					pass.Reportf(n.Pos(), "%s.%s in a package that serves rpcs: answer with fault.New, or move it below", from, name)
				}
			case *ast.CompositeLit:
				if named(pass.TypesInfo.TypeOf(n), catalogue, "Fault") {
					pass.Reportf(n.Pos(), "a fault without a reason: make it with fault.New")
				}
			}
			return true
		})
	}
	return nil, nil
}

// function returns name and package of a package's function, or nothing.
func function(o types.Object) (name, from string) {
	f, ok := o.(*types.Func)
	if !ok || f.Pkg() == nil || f.Signature().Recv() != nil {
		return "", ""
	}
	return f.Name(), f.Pkg().Path()
}

func inTest(pass *analysis.Pass, at token.Pos) bool {
	return strings.HasSuffix(pass.Fset.Position(at).Filename, "_test.go")
}

// servesRPCs reports whether a package has a type that embeds an Unimplemented…Server.
func servesRPCs(pass *analysis.Pass) bool {
	scope := pass.Pkg.Scope()
	for _, name := range scope.Names() {
		typ, ok := scope.Lookup(name).(*types.TypeName)
		if !ok || inTest(pass, typ.Pos()) {
			continue
		}
		s, ok := typ.Type().Underlying().(*types.Struct)
		if !ok {
			continue
		}
		for i := range s.NumFields() {
			f := s.Field(i)
			if f.Embedded() && strings.HasPrefix(f.Name(), "Unimplemented") && strings.HasSuffix(f.Name(), "Server") {
				return true
			}
		}
	}
	return false
}

func named(t types.Type, from, name string) bool {
	n, ok := t.(*types.Named)
	return ok && n.Obj().Name() == name && n.Obj().Pkg() != nil && n.Obj().Pkg().Path() == from
}
