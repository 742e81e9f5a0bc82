package main

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bufbuild/protocompile"
	"github.com/bufbuild/protocompile/protoutil"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
)

// forErrors are what a client takes a refusal apart with; the contract imports neither.
var forErrors = []string{"google/rpc/error_details.proto", "google/rpc/status.proto"}

// plain returns the contract below dir as a client needs it: every message and
// method, and no option beside them, for an option needs the files that define
// it. Classes and rules are the server's affair, and some generators cannot even
// read the files in which their like is written. What goes over the wire is the same.
func plain(ctx context.Context, dir string) ([]protoreflect.FileDescriptor, error) {
	paths, err := contractIn(dir)
	if err != nil {
		return nil, err
	}
	linked := protocompile.ResolverFunc(func(path string) (protocompile.SearchResult, error) {
		fd, err := protoregistry.GlobalFiles.FindFileByPath(path)
		return protocompile.SearchResult{Desc: fd}, err
	})
	compiler := protocompile.Compiler{
		Resolver:       protocompile.WithStandardImports(protocompile.CompositeResolver{&protocompile.SourceResolver{ImportPaths: []string{dir}}, linked}),
		SourceInfoMode: protocompile.SourceInfoStandard, // the sentences above each name
	}
	compiled, err := compiler.Compile(ctx, paths...)
	if err != nil {
		return nil, err
	}
	set := &descriptorpb.FileDescriptorSet{}
	seen := make(map[string]bool)
	for _, fd := range compiled {
		gather(set, seen, fd)
	}
	for _, path := range forErrors {
		fd, err := protoregistry.GlobalFiles.FindFileByPath(path)
		if err != nil {
			return nil, err
		}
		gather(set, seen, fd)
	}
	files, err := protodesc.NewFiles(set)
	if err != nil {
		return nil, err
	}
	var out []protoreflect.FileDescriptor
	for _, path := range slices.Concat(paths, forErrors) {
		fd, err := files.FindFileByPath(path)
		if err != nil {
			return nil, err
		}
		out = append(out, fd)
	}
	return out, nil
}

// contractIn lists the .proto files below dir, as imports name them.
func contractIn(dir string) (paths []string, err error) {
	err = filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".proto" {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		paths = append(paths, filepath.ToSlash(rel))
		return err
	})
	return paths, err
}

// gather adds a file without its options, and what it then still imports.
func gather(set *descriptorpb.FileDescriptorSet, seen map[string]bool, fd protoreflect.FileDescriptor) {
	if seen[fd.Path()] {
		return
	}
	seen[fd.Path()] = true
	file := protoutil.ProtoFromFileDescriptor(fd)
	if !strings.HasPrefix(fd.Path(), "google/protobuf/") {
		file = proto.CloneOf(file)
		bare(file.ProtoReflect())
		file.Extension = nil
		needed := names(fd)
		file.Dependency = slices.DeleteFunc(file.Dependency, func(path string) bool { return !needed[path] })
	}
	for i := range fd.Imports().Len() {
		if on := fd.Imports().Get(i); slices.Contains(file.Dependency, on.Path()) {
			gather(set, seen, on.FileDescriptor)
		}
	}
	set.File = append(set.File, file)
}

// names are the files whose messages and enums a file's fields and methods are of.
func names(fd protoreflect.FileDescriptor) map[string]bool {
	in := make(map[string]bool)
	var fields func(protoreflect.MessageDescriptors)
	fields = func(messages protoreflect.MessageDescriptors) {
		for i := range messages.Len() {
			m := messages.Get(i)
			for j := range m.Fields().Len() {
				if f := m.Fields().Get(j); f.Message() != nil {
					in[f.Message().ParentFile().Path()] = true
				} else if f.Enum() != nil {
					in[f.Enum().ParentFile().Path()] = true
				}
			}
			fields(m.Messages())
		}
	}
	fields(fd.Messages())
	for i := range fd.Services().Len() {
		methods := fd.Services().Get(i).Methods()
		for j := range methods.Len() {
			in[methods.Get(j).Input().ParentFile().Path()] = true
			in[methods.Get(j).Output().ParentFile().Path()] = true
		}
	}
	return in
}

// bare takes out every option that is not of protobuf itself.
func bare(m protoreflect.Message) {
	if strings.HasSuffix(string(m.Descriptor().Name()), "Options") {
		m.SetUnknown(nil)
		m.Range(func(fd protoreflect.FieldDescriptor, _ protoreflect.Value) bool {
			if fd.IsExtension() {
				m.Clear(fd)
			}
			return true
		})
		return
	}
	m.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case fd.Message() == nil:
		case fd.IsList():
			for i := range v.List().Len() {
				bare(v.List().Get(i).Message())
			}
		default:
			bare(v.Message())
		}
		return true
	})
}
