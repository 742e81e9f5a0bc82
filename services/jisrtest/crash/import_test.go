package crash_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc/metadata"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/jisrtest"
	"github.com/jisr-exchange/jisr/services/jisrtest/process"
)

const (
	importRows  = 300
	importKills = 12
)

const importMapping = `register: to-be-killed
id: row
constants: {case.crime_type: TRAFFICKING_IN_PERSONS, case.governorate: IQG08, case.administering_authority: FEDERAL, victim.person_role: VICTIM}
fields:
  - {from: row, to: case.narrative.account}
  - {from: row, to: victim.profile.sectors}
`

// registerImport is a register that is imported by a process, again and again.
type registerImport struct {
	*exchange
	arguments []string
	names     string // "": the exchange's memory of request ids is all that is left of a run
}

func (x *exchange) registerImport(withNames bool) *registerImport {
	x.t.Helper()
	dir := x.t.TempDir()
	i := &registerImport{exchange: x}
	register := &strings.Builder{}
	register.WriteString("row\n")
	for n := range importRows {
		fmt.Fprintf(register, "row-%d\n", n)
	}
	x.must(os.WriteFile(filepath.Join(dir, "register.csv"), []byte(register.String()), 0o600))
	x.must(os.WriteFile(filepath.Join(dir, "mapping.yaml"), []byte(importMapping), 0o600))
	agency, system, _ := strings.Cut(jisrtest.Police, "/")
	i.arguments = []string{
		"import", "--register", filepath.Join(dir, "register.csv"), "--mapping", filepath.Join(dir, "mapping.yaml"),
		"--dir", filepath.Join(x.dir, "certs"), "--agency", agency, "--system", system, "--officer", "ct-1", "--purpose", "investigation", "--timeout", limit.String(),
	}
	if withNames {
		i.names = filepath.Join(dir, "names.csv")
	}
	return i
}

// begin starts the importing process.
func (i *registerImport) begin() (*exec.Cmd, *bytes.Buffer) {
	i.t.Helper()
	arguments := append(i.arguments, "--server", i.addr)
	if i.names != "" {
		arguments = append(arguments, "--names", i.names)
		if _, err := os.Stat(i.names); err == nil {
			arguments = append(arguments, "--resume")
		}
	}
	said := &bytes.Buffer{}
	run := exec.CommandContext(bounded(i.t), process.Program(i.t, "jisr"), arguments...)
	run.Stdout, run.Stderr = said, said
	run.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	i.must(run.Start())
	return run, said
}

// written is when the exchange last wrote, by its write-ahead log.
func (i *registerImport) written() time.Time {
	i.t.Helper()
	info, err := os.Stat(i.database() + "-wal")
	i.must(err)
	return info.ModTime()
}

// cutOff kills the importing process at a random moment after the exchange
// began to write for it, or the exchange itself, and reports whether the import
// was still at work.
func (i *registerImport) cutOff(random *rand.Rand, exchangeToo bool) bool {
	i.t.Helper()
	before := i.written()
	run, said := i.begin()
	ended := make(chan error, 1)
	go func() { ended <- run.Wait() }()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	moment := time.After(limit)
	for begun := false; ; {
		select {
		case err := <-ended:
			if err != nil {
				i.t.Fatalf("the import ended by itself: %v\n%s", err, said)
			}
			return false
		case <-tick.C:
			if !begun && i.written().After(before) {
				begun, moment = true, time.After(time.Duration(random.IntN(100_000))*time.Microsecond)
			}
			continue
		case <-moment:
		}
		break
	}
	if exchangeToo {
		i.kill()
		err := <-ended // it says that the connection is gone, and ends
		i.start()
		return err != nil
	}
	i.must(run.Process.Kill())
	return (<-ended) != nil
}

func TestImportKilledAtAnyMomentIsRunAgainAndBringsEveryRowInOnce(t *testing.T) {
	for name, withNames := range map[string]bool{"with its list of names": true, "by the exchange's memory alone": false} {
		t.Run(name, func(t *testing.T) {
			x := install(t)
			x.start()
			i := x.registerImport(withNames)
			random := rand.New(rand.NewPCG(rand.Uint64(), 1))
			cut := 0
			for n := range importKills {
				if i.cutOff(random, n%4 == 3) {
					cut++
				}
			}
			run, said := i.begin()
			if err := run.Wait(); err != nil {
				t.Fatalf("the last run failed: %v\n%s", err, said)
			}
			if cut < importKills/4 {
				t.Errorf("only %d of %d kills met an import at work", cut, importKills)
			}
			t.Logf("%d of %d kills met an import at work", cut, importKills)
			x.report(i.missed())
			i.again(t, "to-be-killed", "another-name")
			if len(i.missed()) < importRows {
				t.Error("every row is there twice now, and that is not noticed")
			}
			x.stop()
		})
	}
}

// again imports under a mapping in which something is written differently.
func (i *registerImport) again(t *testing.T, was, is string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "mapping.yaml")
	i.must(os.WriteFile(path, []byte(strings.Replace(importMapping, was, is, 1)), 0o600))
	i.arguments[4], i.names = path, ""
	run, said := i.begin()
	if err := run.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
}

// missed says what is not as it should be: every row of the register there
// once, as a case with its one victim, and in the list of names.
func (i *registerImport) missed() (faults []string) {
	i.t.Helper()
	wrong := func(format string, arguments ...any) { faults = append(faults, fmt.Sprintf(format, arguments...)) }
	police, ctx := i.as(jisrtest.Police), metadata.AppendToOutgoingContext(context.Background(), "jisr-officer", "ct-1")
	rows, lines := make(map[string]int), make(map[string]string)
	for token := ""; ; {
		page, err := police.ListCases(ctx, jisrv1.ListCasesRequest_builder{PageSize: 100, PageToken: token}.Build())
		i.must(err)
		for _, c := range page.GetCases() {
			rows["case of "+c.GetNarrative().GetAccount()]++
			lines[c.GetName()] = c.GetNarrative().GetAccount()
		}
		if token = page.GetNextPageToken(); token == "" {
			break
		}
	}
	for token := ""; ; {
		page, err := police.ListVictims(ctx, jisrv1.ListVictimsRequest_builder{Parent: "cases/-", PageSize: 100, PageToken: token}.Build())
		i.must(err)
		for _, v := range page.GetVictims() {
			parent, _, _ := strings.Cut(v.GetName(), "/victims/")
			row := strings.Join(v.GetProfile().GetSectors(), "+")
			rows["victim of "+row]++
			if lines[parent] != row {
				wrong("the victim of %s lies in the case of %s", row, lines[parent])
			}
			lines[v.GetName()] = row
		}
		if token = page.GetNextPageToken(); token == "" {
			break
		}
	}
	for n := range importRows {
		for _, kind := range []string{"case", "victim"} {
			if what := fmt.Sprintf("%s of row-%d", kind, n); rows[what] != 1 {
				wrong("%s is there %d times", what, rows[what])
			}
		}
	}
	if len(rows) != 2*importRows {
		wrong("%d kinds of record are there, of %d", len(rows), 2*importRows)
	}
	if i.names == "" {
		return faults
	}
	list, err := os.ReadFile(i.names)
	i.must(err)
	for _, line := range strings.Split(strings.TrimSpace(string(list)), "\n")[1:] {
		cells := strings.Split(line, ",")
		if lines[cells[4]] != cells[1] {
			wrong("the list of names says that %s became another row's record", cells[1])
		}
		delete(lines, cells[4])
	}
	if len(lines) > 0 {
		wrong("%d records stand in no line of the list of names", len(lines))
	}
	return faults
}
