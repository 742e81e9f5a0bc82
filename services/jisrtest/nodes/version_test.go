package nodes_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/types/known/fieldmaskpb"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/jisrtest"
	"github.com/jisr-exchange/jisr/services/postgres/throwaway"
)

// releases builds jisrd as releases to come would be: the next one knows a step more
// of the schema, that adds to it, and the one after it another, that takes away.
func releases(t *testing.T) (next, last string) {
	t.Helper()
	dir, migrations := t.TempDir(), filepath.Join(jisrtest.Root(), "services", "store", "migrations")
	known, err := filepath.Glob(filepath.Join(migrations, "*.sql"))
	if err != nil || len(known) == 0 {
		t.Fatalf("the schema's steps are not found: %v", err)
	}
	replace := make(map[string]string)
	build := func(name, step, text string) string {
		number := len(known) + len(replace) + 1
		file := filepath.Join(dir, name+".sql")
		if err := os.WriteFile(file, []byte(strings.ReplaceAll(text, "<before>", fmt.Sprint(number-1))), 0o600); err != nil {
			t.Fatal(err)
		}
		replace[filepath.Join(migrations, fmt.Sprintf("%04d_%s", number, step))] = file
		overlay, err := json.Marshal(map[string]any{"Replace": replace})
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, "overlay.json"), overlay, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		program := filepath.Join(dir, name)
		build := exec.Command("go", "build", "-overlay", filepath.Join(dir, "overlay.json"), "-o", program, "./cmd/jisrd")
		build.Dir, build.Env = jisrtest.Root(), append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("build %s: %v\n%s", name, err, out)
		}
		return program
	}
	next = build("next", "remark.expand.sql", "ALTER TABLE records ADD COLUMN remark TEXT NOT NULL DEFAULT '';\n")
	last = build("last", "no_remark.contract.sql", "-- oldest program: <before>\nALTER TABLE records DROP COLUMN remark;\n")
	return next, last
}

// writesAndReads has one node open a case and change it, which the other reads at once.
func writesAndReads(t *testing.T, writes, reads *node) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	police := writes.as(jisrtest.Police)
	opened, err := police.CreateCase(ctx, jisrv1.CreateCaseRequest_builder{Case: jisrtest.BaghdadCase()}.Build())
	if err != nil {
		t.Fatal(err)
	}
	for _, account := range []string{"the river", "the river and the mill"} {
		_, err := police.UpdateCase(ctx, jisrv1.UpdateCaseRequest_builder{
			Case:       jisrv1.Case_builder{Name: opened.GetName(), Narrative: jisrv1.CaseNarrative_builder{Account: account}.Build()}.Build(),
			UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"narrative"}},
		}.Build())
		if err != nil {
			t.Fatal(err)
		}
		read, err := reads.as(jisrtest.Police).GetCase(ctx, jisrv1.GetCaseRequest_builder{Name: opened.GetName()}.Build())
		if err != nil || read.GetNarrative().GetAccount() != account {
			t.Errorf("what one release wrote the other reads as %q: %v", read.GetNarrative().GetAccount(), err)
		}
	}
}

func TestNeighbouringReleasesServeOneDatabaseSideBySide(t *testing.T) {
	t.Parallel()
	next, last := releases(t)
	h := newHouse(t, throwaway.Durable(t))
	older, newer, newest := h.node(h.cases, h.keys), h.node(h.cases, h.keys), h.node(h.cases, h.keys)
	newer.program, newest.program = next, last
	older.start()
	writesAndReads(t, older, older)
	newer.start() // makes the schema the next one, under the older node
	writesAndReads(t, older, newer)
	writesAndReads(t, newer, older)
	older.kill()
	older.start() // on a schema that it does not know
	writesAndReads(t, newer, older)
	writesAndReads(t, older, newer)

	// What takes away is not made while the older one serves, and nothing is amiss for anybody.
	newest.refusedWith("nodes serve whose programs are older than", "bring every node")
	writesAndReads(t, older, newer)
	older.kill()
	h.until("the older node's connections are gone", newest.tryStart)
	writesAndReads(t, newer, newest)
	writesAndReads(t, newest, newer)
	older.refusedWith("programs older than", "run the newer program")
	newer.kill()
	newer.start() // control: the neighbour starts where the older one may not
	writesAndReads(t, newest, newer)
}

// refusedWith demands that a node does not start, and what it says.
func (n *node) refusedWith(said ...string) {
	n.t.Helper()
	if n.tryStart() {
		n.t.Fatal("a node starts that could not run, or that others could not run beside")
	}
	for _, s := range said {
		if !strings.Contains(n.log.String(), s) {
			n.t.Errorf("a node that does not start does not say %q:\n%s", s, n.log)
		}
	}
}
