package main

import (
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/bufbuild/protocompile"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
)

const contract = "../../proto"

// TestThePlainContractSaysTheSameOnTheWire compiles what was written with nothing
// beside it, and compares it with the contract name by name.
func TestThePlainContractSaysTheSameOnTheWire(t *testing.T) {
	dir := t.TempDir()
	if err := run([]string{"-plain", contract, "-o", dir}); err != nil {
		t.Fatal(err)
	}
	whole := t.TempDir()
	if err := write(whole, thirdParty()); err != nil {
		t.Fatal(err)
	}
	paths, err := contractIn(contract)
	if err != nil || len(paths) == 0 {
		t.Fatal(len(paths), err)
	}
	compiled := func(folders ...string) map[string]string {
		c := protocompile.Compiler{Resolver: protocompile.WithStandardImports(&protocompile.SourceResolver{ImportPaths: folders})}
		files, err := c.Compile(t.Context(), paths...)
		if err != nil {
			t.Fatal(err)
		}
		said := make(map[string]string)
		for _, fd := range files {
			onTheWire(said, fd)
		}
		return said
	}
	want, got := compiled(contract, whole), compiled(dir)
	for name, is := range want {
		if got[name] != is {
			t.Errorf("%s is %q, and plain %q", name, is, got[name])
		}
	}
	for name := range got {
		if want[name] == "" {
			t.Errorf("%s is in the plain contract alone", name)
		}
	}
	if len(want) < 500 || want["jisr.v1.GetVictimRequest.name"] == "" || want["jisr.v1.CaseService.GetCaseFile"] == "" {
		t.Errorf("%d names were compared", len(want))
	}
}

// onTheWire notes what of a file decides about bytes, by name.
func onTheWire(said map[string]string, fd protoreflect.FileDescriptor) {
	note := func(d protoreflect.Descriptor, parts ...string) {
		said[string(d.FullName())] = strings.Join(parts, " ")
	}
	enums := func(es protoreflect.EnumDescriptors) {
		for i := range es.Len() {
			for j := range es.Get(i).Values().Len() {
				v := es.Get(i).Values().Get(j)
				note(v, strconv.Itoa(int(v.Number())))
			}
		}
	}
	var messages func(protoreflect.MessageDescriptors)
	messages = func(ms protoreflect.MessageDescriptors) {
		for i := range ms.Len() {
			for j := range ms.Get(i).Fields().Len() {
				f := ms.Get(i).Fields().Get(j)
				of := f.Kind().String()
				if f.Message() != nil {
					of = string(f.Message().FullName())
				} else if f.Enum() != nil {
					of = string(f.Enum().FullName())
				}
				packed := "expanded"
				if f.IsPacked() {
					packed = "packed"
				}
				note(f, strconv.Itoa(int(f.Number())), f.Cardinality().String(), of, f.JSONName(), packed)
			}
			messages(ms.Get(i).Messages())
			enums(ms.Get(i).Enums())
		}
	}
	messages(fd.Messages())
	enums(fd.Enums())
	for i := range fd.Services().Len() {
		for j := range fd.Services().Get(i).Methods().Len() {
			m := fd.Services().Get(i).Methods().Get(j)
			stream := ""
			if m.IsStreamingClient() {
				stream += "<"
			}
			if m.IsStreamingServer() {
				stream += ">"
			}
			note(m, string(m.Input().FullName()), string(m.Output().FullName()), stream)
		}
	}
}

func TestThePlainContractNeedsNoFileOfAnothersButProtobufsOwn(t *testing.T) {
	files, err := plain(t.Context(), contract)
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range files {
		for i := range fd.Imports().Len() {
			switch path := fd.Imports().Get(i).Path(); {
			case strings.HasPrefix(path, "google/protobuf/") && path != "google/protobuf/descriptor.proto":
			case strings.HasPrefix(path, "jisr/v1/"):
			default:
				t.Errorf("%s imports %s", fd.Path(), path)
			}
		}
		for i := range fd.Messages().Len() {
			if o := fd.Messages().Get(i).Options().(*descriptorpb.MessageOptions); len(o.ProtoReflect().GetUnknown()) > 0 {
				t.Errorf("%s has options", fd.Messages().Get(i).FullName())
			}
		}
	}
}

func TestThePlainContractKeepsTheSentenceAboveEachName(t *testing.T) {
	files, err := plain(t.Context(), contract)
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range files {
		if filepath.Dir(fd.Path()) != "jisr/v1" {
			continue
		}
		for i := range fd.Messages().Len() {
			m := fd.Messages().Get(i)
			for j := range m.Fields().Len() {
				f := m.Fields().Get(j)
				if strings.TrimSpace(fd.SourceLocations().ByDescriptor(f).LeadingComments) == "" {
					t.Errorf("%s has no sentence", f.FullName())
				}
			}
		}
	}
}
