package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	project "github.com/jisr-exchange/jisr"
	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/agreement"
)

// aWiderLaw writes the agreement, and one in which Asayish reads where a victim is by order.
func aWiderLaw(t *testing.T) (narrow, wide string) {
	t.Helper()
	text := string(project.Agreement)
	class := strings.Index(text, "data_class: DATA_CLASS_VICTIM_LOCATION")
	role := class + strings.Index(text[class:], "role: ROLE_ASAYISH")
	widened := text[:role] + strings.Replace(text[role:], "read: CONDITION_NEVER", "read: CONDITION_ORDER", 1)
	dir := t.TempDir()
	narrow, wide = filepath.Join(dir, "narrow.txtpb"), filepath.Join(dir, "wide.txtpb")
	for path, law := range map[string]string{narrow: text, wide: widened} {
		if err := os.WriteFile(path, []byte(law), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return narrow, wide
}

// hashes are the two agreements' fingerprints, which differ with each word of them.
func hashes(t *testing.T, narrow, wide string) []string {
	t.Helper()
	var plain []string
	for path, name := range map[string]string{narrow: "NARROW", wide: "WIDE"} {
		law, err := readLaw(path)
		if err != nil {
			t.Fatal(err)
		}
		plain = append(plain, law.Hash(), name, law.Hash()[:12], name)
	}
	return plain
}

func TestDiffSaysWhoSeesMoreAndExitsWithFour(t *testing.T) {
	narrow, wide := aWiderLaw(t)
	plain := hashes(t, narrow, wide)
	more := jisr(t, "matrix", "--agreement", wide, "--diff", narrow)
	golden(t, "matrix_diff_more", more, plain...)
	if more.code != exitSeesMore {
		t.Errorf("exit %d where somebody sees more", more.code)
	}
	inJSON := jisr(t, "matrix", "--agreement", wide, "--diff", narrow, "--json")
	golden(t, "matrix_diff_more_json", inJSON, plain...)
	if inJSON.code != exitSeesMore || !json.Valid([]byte(inJSON.stdout)) {
		t.Errorf("exit %d, JSON %v", inJSON.code, json.Valid([]byte(inJSON.stdout)))
	}
	// The way back: somebody sees less, which nobody has to be warned of.
	less := jisr(t, "matrix", "--agreement", narrow, "--diff", wide)
	golden(t, "matrix_diff_less", less, plain...)
	if less.code != exitOK {
		t.Errorf("exit %d where somebody sees less", less.code)
	}
	if o := jisr(t, "matrix", "--agreement", narrow, "--diff", narrow); o.code != exitOK || !strings.Contains(o.stdout, "Nobody sees more or less.") {
		t.Errorf("%+v", o)
	}
	if o := jisr(t, "matrix", "--agreement", wide, "--diff", narrow, "--role", "health"); o.code != exitOK {
		t.Errorf("health sees nothing more: %+v", o)
	}
}

func TestDiffOfContractsShowsAFieldThatMoved(t *testing.T) {
	set := &descriptorpb.FileDescriptorSet{}
	protoregistry.GlobalFiles.RangeFiles(func(f protoreflect.FileDescriptor) bool {
		fd := protodesc.ToFileDescriptorProto(f)
		for _, m := range fd.GetMessageType() {
			for _, field := range m.GetField() {
				if fd.GetPackage() == "jisr.v1" && m.GetName() == "Victim" && field.GetName() == "nationality" {
					proto.SetExtension(field.GetOptions(), jisrv1.E_DataClass, jisrv1.DataClass_DATA_CLASS_VICTIM_IDENTITY)
				}
			}
		}
		set.File = append(set.File, fd)
		return true
	})
	encoded, err := proto.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	narrow, _ := aWiderLaw(t)
	file := filepath.Join(t.TempDir(), "old.binpb")
	if err := os.WriteFile(file, encoded, 0o600); err != nil {
		t.Fatal(err)
	}
	o := jisr(t, "matrix", "--agreement", narrow, "--diff-contract", file)
	const want = "foreign_affairs SEES MORE: Victim.nationality, moved from VICTIM_IDENTITY (ALWAYS with consent) to VICTIM_NATIONALITY (ALWAYS)"
	if o.code != exitSeesMore || !strings.Contains(o.stdout, want) {
		t.Errorf("exit %d: %s%s; want %q", o.code, o.stdout, o.stderr, want)
	}
}

func TestThePageGoesToAFileOrToStandardOutput(t *testing.T) {
	narrow, _ := aWiderLaw(t)
	file := filepath.Join(t.TempDir(), "law.html")
	if o := jisr(t, "matrix", "--agreement", narrow, "--html", file); o.code != exitOK || o.stdout != "" {
		t.Fatalf("%+v", o)
	}
	page, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if o := jisr(t, "matrix", "--agreement", narrow, "--html", "-"); o.stdout != string(page) || !bytes.HasPrefix(page, []byte("<!DOCTYPE html>")) {
		t.Error("standard output is told something else than the file")
	}
}

func TestThePageAndTheComparisonRefuseWhatTheyCannotDo(t *testing.T) {
	narrow, _ := aWiderLaw(t)
	for want, args := range map[string][]string{
		"two different things":   {"--html", "x", "--diff", narrow},
		"two ways to print":      {"--html", "x", "--json"},
		"the cells alone":        {"--diff", narrow, "--csv"},
		"no agreement nowhere":   {"--diff", "nowhere"},
		"cannot be read":         {"--diff-contract", "nowhere"},
		"holds no contract":      {"--diff-contract", narrow},
		"is not a sound":         {"--diff", os.Args[0]},
		"page /nowhere/law.html": {"--html", "/nowhere/law.html"},
	} {
		if o := jisr(t, append([]string{"matrix", "--agreement", narrow}, args...)...); o.code != exitUsage || !strings.Contains(o.stderr, want) || o.stdout != "" {
			t.Errorf("%v: %+v, want %q", args, o, want)
		}
	}
}

// What a field of every record is called is said once; a spreadsheet is told all of them.
func TestFieldsOfEveryRecordAreNamedOnce(t *testing.T) {
	if got := agreement.InShort(agreement.Fields(jisrv1.DataClass_DATA_CLASS_REFERENCE)); strings.Join(got, " ") != "*.name *.etag *.create_time *.update_time *.withheld" {
		t.Error(got)
	}
	if got := agreement.InShort([]string{"Victim.state", "Case.state"}); len(got) != 2 {
		t.Error(got)
	}
}
