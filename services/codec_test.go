package services

import (
	"bytes"
	"errors"
	"testing"

	"buf.build/go/protovalidate"
	"google.golang.org/grpc/encoding"
	_ "google.golang.org/grpc/encoding/proto" // as the server has it
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/disclosure"
	"github.com/jisr-exchange/jisr/services/fault"
)

// requests are the request types of every rpc of the contract, by name.
func requests(t testing.TB) map[protoreflect.FullName]protoreflect.MessageType {
	t.Helper()
	found := make(map[protoreflect.FullName]protoreflect.MessageType)
	protoregistry.GlobalFiles.RangeFilesByPackage("jisr.v1", func(f protoreflect.FileDescriptor) bool {
		for i := range f.Services().Len() {
			methods := f.Services().Get(i).Methods()
			for j := range methods.Len() {
				name := methods.Get(j).Input().FullName()
				m, err := protoregistry.GlobalTypes.FindMessageByName(name)
				if err != nil {
					t.Fatal(err)
				}
				found[name] = m
			}
		}
		return true
	})
	return found
}

// depth is how deep messages of a type can lie; 0 where they lie in themselves.
func depth(md protoreflect.MessageDescriptor, under map[protoreflect.FullName]bool) int {
	if under[md.FullName()] {
		return 0
	}
	under[md.FullName()] = true
	defer delete(under, md.FullName())
	deepest := 1
	for i := range md.Fields().Len() {
		if inner := md.Fields().Get(i).Message(); inner != nil {
			d := depth(inner, under)
			if d == 0 {
				return 0
			}
			deepest = max(deepest, d+1)
		}
	}
	return deepest
}

func TestNoRequestOfTheContractReachesTheBoundOfDepth(t *testing.T) {
	all := requests(t)
	if len(all) < 30 {
		t.Fatalf("only %d requests were found", len(all))
	}
	for name, m := range all {
		if d := depth(m.Descriptor(), map[protoreflect.FullName]bool{}); d == 0 || d > maxDepth/2 {
			t.Errorf("%s nests %d deep: messages in themselves (0) cannot be bounded by the contract, and deep ones come near the codec's bound of %d", name, d, maxDepth)
		}
	}
}

func TestNestingIsBoundedWhereATypeWouldLetIt(t *testing.T) {
	nested := func(n int) []byte {
		var b []byte
		for range n {
			b = protowire.AppendBytes(protowire.AppendTag(nil, 3, protowire.BytesType), b) // DescriptorProto.nested_type
		}
		return b
	}
	if err := decode(nested(maxDepth-1), &descriptorpb.DescriptorProto{}); err != nil {
		t.Errorf("what is within the bound is refused: %v", err)
	}
	for _, n := range []int{maxDepth, 10_000} {
		if err := decode(nested(n), &descriptorpb.DescriptorProto{}); !errors.Is(err, errDepth) {
			t.Errorf("%d levels: %v", n, err)
		}
	}
}

func TestARequestIsCountedBeforeItIsBuilt(t *testing.T) {
	one := []byte{0x0a, 0} // an empty case
	m := &jisrv1.CreateCaseRequest{}
	if err := decode(bytes.Repeat(one, maxFields), m); err != nil {
		t.Errorf("what is within the bound is refused: %v", err)
	}
	m = &jisrv1.CreateCaseRequest{}
	if err := decode(bytes.Repeat(one, maxFields+1), m); !errors.Is(err, errMany) || m.HasCase() {
		t.Errorf("answered %v, built %v", err, m.HasCase())
	}
}

func TestTheCodecSendsNoReplyThatTheGateDidNotRelease(t *testing.T) {
	c := newCodec()
	for what, reply := range map[string]any{
		"a record": jisrv1.Victim_builder{Name: "cases/a/victims/b"}.Build(), "a list": &jisrv1.ListVictimsResponse{},
		"bytes": []byte("as they are"), "nothing": nil, "a reply that was not made by the gate": &disclosure.Released{},
	} {
		if sent, err := c.Marshal(reply); err == nil {
			t.Errorf("%s is sent: %d bytes", what, sent.Len())
		}
	}
	if sent, err := c.Marshal(&grpc_health_v1.HealthCheckResponse{Status: grpc_health_v1.HealthCheckResponse_SERVING}); err != nil || sent.Len() == 0 {
		t.Errorf("health is not answered: %v", err)
	}
}

func TestNoCompressorIsLinkedButTheOneThatIsRefused(t *testing.T) {
	for _, name := range []string{"gzip", "snappy", "zstd", "deflate"} {
		if encoding.GetCompressor(name) != nil && name != (plainOnly{}).Type() {
			t.Errorf("%s is linked: a small request may become a large one", name)
		}
	}
}

// FuzzARequestIsTakenWithinItsBoundsOrNotAtAll feeds every request type.
func FuzzARequestIsTakenWithinItsBoundsOrNotAtAll(f *testing.F) {
	all := requests(f)
	var names []string
	for name := range all {
		names = append(names, string(name))
	}
	for _, name := range names {
		f.Add(name, []byte{0x0a, 3, 'a', '/', 'b'})
	}
	f.Add("jisr.v1.CreateCaseRequest", bytes.Repeat([]byte{0x0a, 0}, maxFields+1))
	inside := func(number protowire.Number, b []byte) []byte {
		return protowire.AppendBytes(protowire.AppendTag(nil, number, protowire.BytesType), b)
	}
	for _, forms := range [][]byte{bytes.Repeat([]byte{1}, maxFields+1), bytes.Repeat([]byte{8, 1}, maxFields+1)} { // packed, and not
		f.Add("jisr.v1.CreateCaseRequest", inside(1, inside(20, inside(1, forms))))
		f.Add("jisr.v1.CreateCaseRequest", inside(1, inside(20, forms)))
	}
	f.Add("jisr.v1.CreateCaseRequest", []byte{0x0a, 5, 0xa2, 1, 2, 0x0a, 0})
	f.Add("jisr.v1.CreateVictimRequest", bytes.Repeat([]byte{0xf3, 1}, 40))
	f.Add("jisr.v1.UpdateVictimRequest", []byte{0x12, 6, 0x0a, 4, 'r', 'i', 's', 'k'})
	c := newCodec()
	rules, err := protovalidate.New()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, name string, body []byte) {
		kind, ok := all[protoreflect.FullName(name)]
		if !ok {
			return
		}
		m := kind.New().Interface()
		if err := c.Unmarshal(mem.BufferSlice{mem.SliceBuffer(body)}, m); err != nil {
			t.Fatalf("a request of the contract is refused without a word: %v", err)
		}
		// Whatever it holds, the rules beside its fields can be held against it.
		if err := validate(rules, m); err != nil && !errors.Is(err, fault.New(fault.InvalidRequest)) {
			t.Fatalf("validation answers %v", err)
		}
		if unreadable(m) != nil {
			return
		}
		// What was taken is all of it, within the bounds, and no unknown field at any depth is overlooked.
		plain := kind.New().Interface()
		if err := proto.Unmarshal(body, plain); err != nil || !proto.Equal(m, plain) {
			t.Fatalf("read as another message: %v", err)
		}
		n, deepest, unknown := size(m.ProtoReflect())
		if n > maxFields || deepest > maxDepth {
			t.Fatalf("%d fields, %d deep", n, deepest)
		}
		if unknown != (len(disclosure.Unknown(m)) > 0) {
			t.Fatalf("unknown fields: %v, found: %v", unknown, !unknown)
		}
	})
}

// size counts by reflection what a message holds.
func size(m protoreflect.Message) (n, deepest int, unknown bool) {
	deepest, unknown = 1, len(m.GetUnknown()) > 0
	inside := func(inner protoreflect.Message) {
		k, d, u := size(inner)
		n, deepest, unknown = n+k, max(deepest, d+1), unknown || u
	}
	m.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case fd.IsMap():
			n += v.Map().Len()
		case fd.IsList():
			n += v.List().Len()
			for i := 0; fd.Message() != nil && i < v.List().Len(); i++ {
				inside(v.List().Get(i).Message())
			}
		default:
			n++
			if fd.Message() != nil {
				inside(v.Message())
			}
		}
		return true
	})
	return n, deepest, unknown
}
