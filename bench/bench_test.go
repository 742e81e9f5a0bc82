package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

func TestMain(m *testing.M) {
	runAsPeer()
	os.Exit(m.Run())
}

// One round of next to nothing: that each side starts, does its work and is
// measured. What it found means nothing.
func TestEveryMeasureRunsOneTinyRound(t *testing.T) {
	b := &bench{rounds: 1, scale: 0.001, sizes: []int{2, 4}, servedToo: true, profiles: 3000}
	var out bytes.Buffer
	if err := b.all(t.Context(), "RGDIM", t.TempDir(), t.TempDir(), &out); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	for _, target := range []string{"R1", "R2", "G1", "G2", "G3", "D1", "D2", "I1", "M1"} {
		if !strings.Contains(out.String(), "\n"+target+" ") {
			t.Errorf("no line for %s in\n%s", target, &out)
		}
	}
	for _, ceiling := range []string{"AES-GCM of the six alone", "AES-GCM, an unwrap and a cipher built alone", "AES-GCM of its 600 sections alone"} {
		if !strings.Contains(out.String(), ceiling) {
			t.Errorf("no line for %s in\n%s", ceiling, &out)
		}
	}
	if strings.Contains(out.String(), "not measured") {
		if os.Getenv("CI") != "" || os.Getenv("JISR_REQUIRE_POSTGRES") != "" {
			t.Errorf("nothing was measured on PostgreSQL in\n%s", &out)
		}
		return
	}
	for _, line := range []string{"changes on PostgreSQL, 64 callers / pgbench", "changes, two nodes / one", "page of 100 among 4 cases / among 2 on PostgreSQL"} {
		if !strings.Contains(out.String(), line) {
			t.Errorf("no line for %s in\n%s", line, &out)
		}
	}
}

// Control of the table: a ceiling that is passed is called missed.
func TestATargetThatIsNotMetIsSaidToBeMissed(t *testing.T) {
	var out bytes.Buffer
	table(&out, []result{
		atMost("X1", "a / b", 2, spreadOf([]float64{3, 1, 2.5})),
		atLeast("X2", "a / b", 2, spreadOf([]float64{3, 1, 2.5})),
	})
	lines := strings.Split(out.String(), "\n")
	if !strings.Contains(lines[0], "2.5 (1–2.5)") || !strings.HasSuffix(lines[0], "MISSED") || !strings.HasSuffix(lines[1], "met") {
		t.Errorf("the table says\n%s", &out)
	}
}
