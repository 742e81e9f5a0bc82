package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bufbuild/protocompile"
	"github.com/bufbuild/protocompile/protoutil"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
)

// TestVersionsAreTheServers holds the printed files to the versions that the
// server links.
func TestVersionsAreTheServers(t *testing.T) {
	// Known to the server only while the schema uses google/type.
	const optional = "google.golang.org/genproto"
	modules := []string{
		"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go",
		"google.golang.org/genproto/googleapis/api",
		"google.golang.org/genproto/googleapis/rpc",
		"google.golang.org/protobuf",
		optional,
	}
	here, server := versions(t, ".", modules), versions(t, "../..", modules)
	for _, module := range modules {
		if server[module] == here[module] || server[module] == "" && module == optional {
			continue
		}
		t.Errorf("tools/protodeps has %s %q, the server %q: run `go get -C tools/protodeps %[1]s@%[3]s`", module, here[module], server[module])
	}
}

// versions gives the version of each module as chosen in the module at dir;
// empty where it is not known there.
func versions(t *testing.T, dir string, modules []string) map[string]string {
	t.Helper()
	args := append([]string{"list", "-m", "-e", "-f", "{{.Path}} {{.Version}}"}, modules...)
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Dir = dir
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list -m in %s: %v", dir, err)
	}
	chosen := make(map[string]string)
	for line := range strings.Lines(string(out)) {
		module, version, _ := strings.Cut(strings.TrimSpace(line), " ")
		chosen[module] = version
	}
	return chosen
}

// TestPrintedFilesSayWhatIsLinked compiles what was printed and compares it with
// the descriptors it was printed from.
func TestPrintedFilesSayWhatIsLinked(t *testing.T) {
	dir := t.TempDir()
	files := thirdParty()
	if err := write(dir, files); err != nil {
		t.Fatal(err)
	}
	compiler := protocompile.Compiler{
		Resolver: protocompile.WithStandardImports(&protocompile.SourceResolver{ImportPaths: []string{dir}}),
	}
	for _, file := range files {
		compiled, err := compiler.Compile(t.Context(), file.Path())
		if err != nil {
			t.Errorf("%s: %v", file.Path(), err)
			continue
		}
		// Through the wire, so that options compare by value and not by how
		// they came to be known.
		got := protoutil.ProtoFromFileDescriptor(compiled[0])
		b, err := proto.Marshal(got)
		if err != nil {
			t.Fatal(err)
		}
		got.Reset()
		if err := proto.Unmarshal(b, got); err != nil {
			t.Fatal(err)
		}
		if !proto.Equal(got, protodesc.ToFileDescriptorProto(file)) {
			t.Errorf("%s compiles to something else than what is linked", file.Path())
		}
	}
}

func TestSchemaImportsArePrinted(t *testing.T) {
	printed := make(map[string]bool)
	for _, file := range thirdParty() {
		printed[file.Path()] = true
	}
	for _, path := range []string{
		"buf/validate/validate.proto",
		"google/api/annotations.proto",
		"google/api/field_behavior.proto",
		"google/api/field_info.proto",
		"google/api/resource.proto",
		"google/rpc/error_details.proto",
		"google/type/date.proto",
	} {
		if !printed[path] {
			t.Errorf("%s is not printed", path)
		}
	}
}

func TestWhatIsNoLongerLinkedIsRemoved(t *testing.T) {
	dir := t.TempDir()
	stale := filepath.Join(dir, "google", "stale.proto")
	if err := os.MkdirAll(filepath.Dir(stale), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(stale, []byte(`syntax = "proto3";`), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := write(dir, thirdParty()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(stale); !os.IsNotExist(err) {
		t.Errorf("%s is still there (%v)", stale, err)
	}
}

func TestUnchangedFilesAreLeftAlone(t *testing.T) {
	dir := t.TempDir()
	if err := write(dir, thirdParty()); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "google", "api", "http.proto")
	before, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := write(dir, thirdParty()); err != nil {
		t.Fatal(err)
	}
	after, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	// A replaced file would be another file under the same name.
	if !os.SameFile(before, after) {
		t.Errorf("%s was written anew", path)
	}
}
