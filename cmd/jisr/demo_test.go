package main

import (
	"bytes"
	"context"
	"net"
	"os"
	"strings"
	"testing"
)

func TestDemoFromTheCommandLine(t *testing.T) {
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	// The directory of another exchange's certificates is none of the demonstration's business.
	t.Setenv("JISR_DIR", t.TempDir())
	var out, errs bytes.Buffer
	if code := run(context.Background(), []string{"demo"}, &out, &errs); code != exitOK {
		t.Fatalf("exit %d: %s", code, errs.String())
	}
	if strings.Contains(out.String(), "\x1b") || !strings.Contains(out.String(), "6. What the log keeps") {
		t.Error("the story is not whole, or has escape codes in a pipe")
	}
	for _, dir := range []string{tmp, os.Getenv("JISR_DIR")} {
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("left behind: %v %v", left, err)
		}
	}
}

func TestDemoSaysWhatIsWrongWithItsCommandLine(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"demo", "--register", "cases.csv"}, "--register and --mapping go together"},
		{[]string{"demo", "--serve", "--listen", taken.Addr().String()}, "name another address with --listen"},
		{[]string{"demo", "more"}, "jisr --help"},
		{[]string{"demo", "--json"}, "leave --json out"},
		{[]string{"demo", "--serve", "--json"}, "leave --json out"},
	} {
		t.Setenv("TMPDIR", t.TempDir())
		var out, errs bytes.Buffer
		if code := run(context.Background(), c.args, &out, &errs); code != exitUsage || !strings.Contains(errs.String(), c.says) || out.Len() > 0 {
			t.Errorf("%v: exit %d, %q, after %q", c.args, code, errs.String(), out.String())
		}
	}
}
