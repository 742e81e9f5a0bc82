package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/certs"
	"github.com/jisr-exchange/jisr/services/identity"
)

// DefaultListen is where a demonstration is left running.
const DefaultListen = "127.0.0.1:7443"

// Made is a demonstration whose data is made and which nobody serves.
type Made struct {
	// Dir holds the files, and Listen is where they are to be served.
	Dir, Listen string
}

// linesFile holds, in a demonstration that was made, what is printed when it is served.
const linesFile = "paste.txt"

// Serve makes the demonstration's data and serves it until ctx ends. It prints
// lines that can be pasted into a terminal.
func Serve(ctx context.Context, o Options) error {
	made, err := Make(ctx, o)
	if err != nil {
		return ended(ctx, err)
	}
	return Keep(ctx, o, made)
}

// Make makes the demonstration's data and leaves it for Keep, which another
// process may call: one that has made nothing itself takes a fourth less memory.
func Make(ctx context.Context, o Options) (made Made, err error) {
	if o.Listen == "" {
		o.Listen = DefaultListen
	}
	if err := o.complete(); err != nil {
		return made, err
	}
	began := time.Now()
	x, err := open(ctx, o)
	if err != nil {
		return made, err
	}
	keep := x.keep
	defer func() {
		x.keep = keep || err == nil
		err = errors.Join(err, x.close())
	}()
	made = Made{Dir: x.dir, Listen: x.daemon.Addr()}
	ready := time.Since(began)
	s := &story{exchange: x, ctx: ctx, t: &teller{w: io.Discard}}
	s.data(o.Plan)
	if err := s.outcome(); err != nil {
		return made, err
	}
	if err := writeProtoset(filepath.Join(x.dir, protosetFile)); err != nil {
		return made, err
	}
	var lines bytes.Buffer
	t := &teller{w: &lines, colour: o.Colour}
	t.line("%s", t.bold(fmt.Sprintf("jisr serves on %s, ready after %d ms", made.Listen, ready.Milliseconds())))
	if s.lines(t); t.err != nil {
		return made, t.err
	}
	return made, os.WriteFile(filepath.Join(x.dir, linesFile), lines.Bytes(), 0o600)
}

// Keep serves a demonstration that was made until ctx ends, and then removes its
// files unless o.Dir names where to keep them.
func Keep(ctx context.Context, o Options, made Made) (err error) {
	// Only what Make left may be served, and removed afterwards: no other folder is ours to remove.
	lines, err := os.ReadFile(filepath.Join(made.Dir, linesFile))
	if err != nil {
		return fmt.Errorf("no demonstration was made there: %w", err)
	}
	o.Listen = made.Listen
	x := &exchange{dir: made.Dir, keep: o.Dir != "", clients: make(map[party]*client)}
	if err := x.serve(ctx, o); err != nil {
		return errors.Join(err, x.remove())
	}
	defer func() { err = errors.Join(err, x.close()) }()
	if _, err := o.Out.Write(lines); err != nil {
		return err
	}
	debug.FreeOSMemory()
	t := &teller{w: o.Out}
	select {
	case <-ctx.Done():
		t.line("\n  stopping")
		return t.err
	case err := <-x.done:
		x.done <- nil // close waits for it
		return errors.Join(errors.New("the exchange stopped by itself"), err)
	}
}

// ended tells an interrupt, which is how a server is asked to stop, from a failure.
func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return nil
	}
	return err
}

// lines prints what to paste. The shell's variables keep the lines short enough to read.
func (s *story) lines(t *teller) {
	t.paragraph("Throw-away certificates of ten agencies are in")
	t.line("    %s", s.dir)
	kept := "Ctrl-C stops it and removes them."
	if s.keep {
		kept = "Ctrl-C stops it; the files stay."
	}
	t.paragraph("%s The data is the demonstration's, while victim one is in the shelter and has agreed that MoFA learns her name.", kept)
	t.line("\n%s", t.bold("Paste these first:"))
	t.line("  J=%s A=%s", quote(s.dir), reachable(s.daemon.Addr()))
	t.line("  V=%s", s.first)
	t.paragraph("Without grpcurl, and in this repository:")
	t.line("  alias grpcurl='go tool -modfile=tools/grpcurl/go.mod grpcurl'")

	t.line("\n%s", t.bold("Is it well?"))
	s.grpcurl(t, operations, "", "grpc.health.v1.Health/Check")
	t.line("\n%s", t.bold("What does it offer? (Reflection is for operators; others use jisr.protoset.)"))
	s.credentials(t, operations)
	t.line("    $A list")
	t.line("\n%s", t.bold("Who am I?"))
	s.grpcurl(t, police, "", "jisr.v1.AgreementService/WhoAmI")
	body := `-d '{"name": "'$V'"}'`
	t.line("\n%s", t.bold("Victim one, as the shelter gets her:"))
	s.grpcurl(t, shelter, body, "jisr.v1.CaseService/GetVictim")
	t.line("\n%s", t.bold("And as MoFA gets her:"))
	s.grpcurl(t, foreign, body, "jisr.v1.CaseService/GetVictim")
	t.line("\n%s", t.bold("Who looked at her? (MoI owns the case.)"))
	s.grpcurl(t, police, `-d '{"record": "'$V'"}'`, "jisr.v1.AuditService/ListLogEntries")
	t.line("")
}

// grpcurl prints a call of a party, broken where a terminal would break it.
func (s *story) grpcurl(t *teller, p party, body, rpc string) {
	s.credentials(t, p)
	t.line("    -H '%s: %s' -H '%s: %s' \\", identity.OfficerHeader, p.officer, identity.PurposeHeader, agreement.PurposeName(p.purpose))
	if body != "" {
		body += " "
	}
	t.line("    -protoset $J/%s %s\\", protosetFile, body)
	t.line("    $A %s", rpc)
}

func (s *story) credentials(t *teller, p party) {
	cert, key := certs.ClientFiles("$J", p.agency, p.system)
	t.line("  grpcurl -cacert $J/%s \\", certs.CAFile)
	t.line("    -cert %s -key %s \\", cert, key)
}

// reachable is an address to call: one that listens everywhere is called on loopback.
func reachable(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if ip := net.ParseIP(host); err == nil && ip != nil && ip.IsUnspecified() {
		return net.JoinHostPort("localhost", port)
	}
	return addr
}

// quote makes a path one word of a shell.
func quote(path string) string {
	if strings.IndexFunc(path, func(r rune) bool {
		return !strings.ContainsRune("/._-", r) && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	}) < 0 {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}
