package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/fault"
)

func (s *stand) ListCases(ctx context.Context, _ *jisrv1.ListCasesRequest) (*jisrv1.ListCasesResponse, error) {
	c, err := s.GetCase(ctx, nil)
	c.SetGovernorate("IQG08")
	c.SetAdministeringAuthority(jisrv1.Jurisdiction_JURISDICTION_FEDERAL)
	return jisrv1.ListCasesResponse_builder{Cases: []*jisrv1.Case{c}}.Build(), err
}

func (s *stand) ListVictims(ctx context.Context, _ *jisrv1.ListVictimsRequest) (*jisrv1.ListVictimsResponse, error) {
	v, err := s.GetVictim(ctx, nil)
	return jisrv1.ListVictimsResponse_builder{Victims: []*jisrv1.Victim{v}}.Build(), err
}

func (s *stand) ListSuspects(context.Context, *jisrv1.ListSuspectsRequest) (*jisrv1.ListSuspectsResponse, error) {
	return nil, fault.New(fault.MethodNotGranted).GRPCStatus().Err()
}

func TestExportWritesTheCallersViewToAFileOfItsOwn(t *testing.T) {
	s := newStand(t, nil)
	dir := t.TempDir()
	for _, form := range []string{"csv", "jsonl"} {
		out, mapping := filepath.Join(dir, "view."+form), filepath.Join(dir, form+".yaml")
		o := jisr(t, s.flags("export", "--out", out, "--format", form, "--mapping", mapping)...)
		golden(t, "export_"+form, o, dir, "DIR")
		text, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		golden(t, "export_file_"+form, outcome{stdout: string(text)}, "\r\n", "\n", "\x1b", `\e`)
		for _, file := range []string{out, mapping} {
			if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%s: %v, %v; want a file for its owner alone", file, info.Mode(), err)
			}
		}
		again := jisr(t, "import", "--register", out, "--mapping", mapping, "--check")
		if again.code != exitOK || !strings.Contains(again.stdout, "2 sound, in 1 case") {
			t.Errorf("read again: %+v", again)
		}
		golden(t, "export_there_"+form, jisr(t, s.flags("export", "--out", out, "--format", form)...), dir, "DIR")
		if o := jisr(t, s.flags("export", "--out", out, "--format", form, "--replace", "--json")...); o.code != exitOK || !strings.Contains(o.stdout, `"victims": 1`) {
			t.Errorf("--replace: %+v", o)
		}
	}
	if o := jisr(t, s.flags("export", "--out", filepath.Join(dir, "suspects"), "--kinds", "suspect")...); o.code != exitRefused || !strings.Contains(o.stderr, "METHOD_NOT_GRANTED") {
		t.Errorf("%+v; suspects were asked for, and their list is not granted", o)
	}
	if _, err := os.Stat(filepath.Join(dir, "suspects")); err == nil {
		t.Error("an export that was refused left a file")
	}
}

func TestMistakesInTheCommandLineOfAnExportAreNamed(t *testing.T) {
	for name, args := range map[string][]string{
		"no_out": nil, "format": {"--out", "x", "--format", "xlsx"}, "kind": {"--out", "x", "--kinds", "order"}, "register": {"--out", "x", "--mapping", "y", "--register", "Has Spaces"},
		"same_file": {"--out", "x", "--mapping", "./x", "--replace"},
	} {
		o := jisr(t, append([]string{"export"}, args...)...)
		if o.code != exitUsage {
			t.Errorf("exit %d, want %d", o.code, exitUsage)
		}
		golden(t, "usage_export_"+name, o)
	}
}

// shownLines is what a progress writes over forty seconds.
func shownLines(terminal bool) string {
	var b strings.Builder
	at := time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC)
	p := newProgress(&b, terminal, "rows", func() time.Time { return at })
	for _, step := range []struct {
		after time.Duration
		done  int
	}{{time.Millisecond, 101}, {20 * time.Second, 1000}, {20 * time.Second, 1900}} {
		at = at.Add(step.after)
		p.show(step.done, 100, 2000, "")
	}
	p.end()
	return b.String()
}

func TestProgressIsOneLineOnATerminalAndPlainLinesInAPipe(t *testing.T) {
	pipe := "1000 of 2000 rows, 45 rows/s, 22s to go\n1900 of 2000 rows, 45 rows/s, 2s to go\n"
	if got := shownLines(false); got != pipe {
		t.Errorf("in a pipe:\n%q\nwant\n%q", got, pipe)
	}
	terminal := "\r\x1b[K1000 of 2000 rows, 45 rows/s, 22s to go\r\x1b[K1900 of 2000 rows, 45 rows/s, 2s to go\r\x1b[K"
	if got := shownLines(true); got != terminal {
		t.Errorf("on a terminal:\n%q\nwant\n%q", got, terminal)
	}
}
