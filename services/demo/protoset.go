package demo

import (
	"os"

	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
)

// protosetFile holds the contract for tools that would else ask for reflection,
// which is the operators' alone.
const protosetFile = "jisr.protoset"

// writeProtoset writes the descriptors of every service that the exchange
// offers, with all they import.
func writeProtoset(path string) error {
	set := &descriptorpb.FileDescriptorSet{}
	added := make(map[string]bool)
	var add func(protoreflect.FileDescriptor)
	add = func(fd protoreflect.FileDescriptor) {
		if added[fd.Path()] {
			return
		}
		added[fd.Path()] = true
		// What is imported comes first, as readers of a set expect.
		for i := range fd.Imports().Len() {
			add(fd.Imports().Get(i).FileDescriptor)
		}
		set.File = append(set.File, protodesc.ToFileDescriptorProto(fd))
	}
	protoregistry.GlobalFiles.RangeFilesByPackage("jisr.v1", func(fd protoreflect.FileDescriptor) bool {
		add(fd)
		return true
	})
	add(grpc_health_v1.File_grpc_health_v1_health_proto)
	encoded, err := proto.MarshalOptions{Deterministic: true}.Marshal(set)
	if err != nil {
		return err
	}
	return os.WriteFile(path, encoded, 0o600)
}
