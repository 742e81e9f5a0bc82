package logline

import (
	"regexp"
	"strings"
	"testing"
)

// The expressions that the forms read by hand stand for.
var (
	methodsByExpression  = regexp.MustCompile(`^[A-Za-z0-9.]+/[A-Za-z0-9]+$`)
	slugsByExpression    = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)
	programsByExpression = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9_-]*/v?[0-9]{1,5}(?:\.[0-9]{1,5}){0,3})(?:[ +-]|$)`)
)

func byExpression(text string) string {
	if found := programsByExpression.FindStringSubmatch(text); found != nil {
		return found[1]
	}
	return ""
}

// FuzzAFormReadByHandIsItsExpression feeds the forms what is near to them.
func FuzzAFormReadByHandIsItsExpression(f *testing.F) {
	for _, text := range []string{
		"", "/", "a/", "/a", "a/b", "a/b/c", "a.b/c", "a/b.c", "CaseService/GetCase", "a/b\n", "a b/c", "ä/b",
		"moi-ct", "-moi", "moi-", "MOI", "0", "moi_ct", strings.Repeat("a", 63), strings.Repeat("a", 64), "moi\n", "moi\x00",
		"grpc-go/1.85.0", "grpc-go/v1", "grpc-go/v", "grpc-go/vv1", "p/1.2.3.4", "p/1.2.3.4.5", "p/1.2.3.4.", "p/1.2.3.4-x", "p/12345", "p/123456",
		"p/1.", "p/1..2", "p/1 x", "p/1+x", "p/1-x", "p/1x", "p/1\n", "1p/1", "p/", "p/ ", "p_q/1", "p.q/1", "p/1/2", "p q/1", "p/-1",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if methods(text) != methodsByExpression.MatchString(text) {
			t.Errorf("method %q: %v", text, methods(text))
		}
		if slugs(text) != slugsByExpression.MatchString(text) {
			t.Errorf("slug %q: %v", text, slugs(text))
		}
		if got, ok := program(text); got != byExpression(text) || ok != (got != "") {
			t.Errorf("program %q: %q, %v", text, got, ok)
		}
	})
}
