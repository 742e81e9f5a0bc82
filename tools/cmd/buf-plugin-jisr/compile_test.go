package main

import (
	"slices"
	"testing"

	descriptorv1 "buf.build/gen/go/bufbuild/bufplugin/protocolbuffers/go/buf/plugin/descriptor/v1"
	_ "buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"buf.build/go/bufplugin/check"
	"buf.build/go/bufplugin/descriptor"
	"github.com/bufbuild/protocompile"
	"github.com/bufbuild/protocompile/protoutil"
	_ "google.golang.org/genproto/googleapis/api/annotations"
	_ "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
)

// schemaDir holds the project's own options, which the test schemas import: the
// rules are tried on the numbers that are in force.
const schemaDir = "../../../proto"

// compile reads one file from the first of dirs that has it, as buf would hand
// it to the plugin. Imports of google and buf come from the descriptors linked
// into the test.
func compile(t *testing.T, path string, dirs ...string) []descriptor.FileDescriptor {
	t.Helper()
	compiler := protocompile.Compiler{
		Resolver: protocompile.CompositeResolver{
			&protocompile.SourceResolver{ImportPaths: append(dirs, schemaDir)},
			protocompile.ResolverFunc(linked),
		},
		SourceInfoMode: protocompile.SourceInfoStandard,
	}
	compiled, err := compiler.Compile(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	var protos []*descriptorv1.FileDescriptor
	for _, file := range withImports(compiled[0], nil) {
		protos = append(protos, &descriptorv1.FileDescriptor{
			FileDescriptorProto: file,
			IsImport:            file.GetName() != path,
		})
	}
	files, err := descriptor.FileDescriptorsForProtoFileDescriptors(protos)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// linked finds a file among the descriptors in the test binary.
func linked(path string) (protocompile.SearchResult, error) {
	fd, err := protoregistry.GlobalFiles.FindFileByPath(path)
	return protocompile.SearchResult{Desc: fd}, err
}

// withImports appends a file to sorted, after everything that it imports.
func withImports(file protoreflect.FileDescriptor, sorted []*descriptorpb.FileDescriptorProto) []*descriptorpb.FileDescriptorProto {
	known := func(f *descriptorpb.FileDescriptorProto) bool { return f.GetName() == file.Path() }
	if slices.ContainsFunc(sorted, known) {
		return sorted
	}
	for i := range file.Imports().Len() {
		sorted = withImports(file.Imports().Get(i).FileDescriptor, sorted)
	}
	return append(sorted, protoutil.ProtoFromFileDescriptor(file))
}

// findings runs the plugin's rules of one kind, through the protocol that buf
// speaks with it.
func findings(t *testing.T, kind check.RuleType, files []descriptor.FileDescriptor, options ...check.RequestOption) []finding {
	t.Helper()
	var ids []string
	for _, rule := range spec.Rules {
		if rule.Type == kind {
			ids = append(ids, rule.ID)
		}
	}
	request, err := check.NewRequest(files, append(options, check.WithRuleIDs(ids...))...)
	if err != nil {
		t.Fatal(err)
	}
	client, err := check.NewClientForSpec(spec)
	if err != nil {
		t.Fatal(err)
	}
	response, err := client.Check(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	var found []finding
	for _, a := range response.Annotations() {
		// The protocol counts lines from 0, people from 1.
		found = append(found, finding{a.FileLocation().StartLine() + 1, a.RuleID(), a.Message()})
	}
	return found
}
