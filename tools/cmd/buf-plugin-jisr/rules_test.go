package main

import (
	"bufio"
	"cmp"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"buf.build/go/bufplugin/check"
	gocmp "github.com/google/go-cmp/cmp"
)

// finding is what a rule says about a line of a schema. A line in testdata that
// breaks a rule has the finding above it:
//
//	// want JISR_SECTION: field "nickname" of record …
type finding struct {
	Line    int
	Rule    string
	Message string
}

// wanted reads the findings that a schema in testdata asks for.
func wanted(t *testing.T, path string) []finding {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var found []finding
	above := 0 // findings not yet given to a line
	scanner := bufio.NewScanner(file)
	for line := 1; scanner.Scan(); line++ {
		message, isWant := strings.CutPrefix(strings.TrimSpace(scanner.Text()), "// want ")
		if isWant {
			rule, _, _ := strings.Cut(message, ":")
			found = append(found, finding{Rule: rule, Message: message})
			continue
		}
		for ; above < len(found); above++ {
			found[above].Line = line
		}
	}
	if err := scanner.Err(); err != nil {
		t.Fatal(err)
	}
	return found
}

func compare(t *testing.T, want, got []finding) {
	t.Helper()
	for _, list := range [][]finding{want, got} {
		slices.SortFunc(list, func(a, b finding) int {
			return cmp.Or(a.Line-b.Line, strings.Compare(a.Message, b.Message))
		})
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
}

func TestSpecIsValid(t *testing.T) {
	if err := check.ValidateSpec(spec); err != nil {
		t.Fatal(err)
	}
}

func TestEachSchemaBreaksTheRulesItNames(t *testing.T) {
	paths, err := filepath.Glob("testdata/lint/*.proto")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no test schemas: %v", err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".proto"), func(t *testing.T) {
			files := compile(t, filepath.Base(path), filepath.Dir(path))
			compare(t, wanted(t, path), findings(t, check.RuleTypeLint, files))
		})
	}
}

func TestChangedClassesAreNamed(t *testing.T) {
	before := compile(t, "register.proto", "testdata/before")
	now := compile(t, "register.proto", "testdata/now")
	compare(t,
		wanted(t, "testdata/now/register.proto"),
		findings(t, check.RuleTypeBreaking, now, check.WithAgainstFileDescriptors(before)),
	)
}

func TestUnchangedSchemaBreaksNothing(t *testing.T) {
	before := compile(t, "register.proto", "testdata/before")
	compare(t, nil, findings(t, check.RuleTypeBreaking, before, check.WithAgainstFileDescriptors(before)))
}

// TestClassesAreComparedByName: a class that was renumbered is the same class;
// that numbers stay is a matter for buf's own rules.
func TestClassesAreComparedByName(t *testing.T) {
	before := compile(t, "register.proto", "testdata/renumbered", "testdata/before")
	now := compile(t, "register.proto", "testdata/before")
	compare(t, nil, findings(t, check.RuleTypeBreaking, now, check.WithAgainstFileDescriptors(before)))
}

// TestEachRuleIsSeenToFail guards against a rule that can find nothing.
func TestEachRuleIsSeenToFail(t *testing.T) {
	seen := make(map[string]bool)
	for _, pattern := range []string{"testdata/lint/*.proto", "testdata/now/*.proto"} {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			for _, f := range wanted(t, path) {
				seen[f.Rule] = true
			}
		}
	}
	for _, rule := range spec.Rules {
		if !seen[rule.ID] {
			t.Errorf("no schema in testdata breaks %s", rule.ID)
		}
	}
}

// TestEachRuleIsSwitchedOn: buf runs only the rules that buf.yaml lists.
func TestEachRuleIsSwitchedOn(t *testing.T) {
	config, err := os.ReadFile("../../../buf.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, rule := range spec.Rules {
		if !strings.Contains(string(config), "\n    - "+rule.ID+"\n") {
			t.Errorf("buf.yaml does not list %s", rule.ID)
		}
	}
}

// TestSoundSchemaIsSilent keeps the control from growing exceptions: the sound
// schema must exist and ask for no finding.
func TestSoundSchemaIsSilent(t *testing.T) {
	if want := wanted(t, "testdata/lint/sound.proto"); len(want) > 0 {
		t.Errorf("sound.proto is to break no rule, but wants %v", want)
	}
}
