package jisrtest_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/jisrtest"
)

// take is everything that one call brought back to a caller.
type take struct {
	label    string
	messages [][]byte // as they came off the wire
	status   []byte   // code, message and details
	header   metadata.MD
	trailer  metadata.MD
	kind     protoreflect.MessageType // of the messages, to print them
}

// tape records what a reader gets to see, byte for byte.
type tape struct {
	t      testing.TB
	stage  *stage
	client *jisrtest.Client
	takes  []take
	// aside, in controls, is shown each take beside.
	aside func(take)
}

// wire is the proto codec, keeping the bytes of what came in.
type wire struct {
	encoding.CodecV2
	in [][]byte
}

func newWire() *wire { return &wire{CodecV2: encoding.GetCodecV2("proto")} }

// Unmarshal keeps the bytes and decodes them.
func (w *wire) Unmarshal(data mem.BufferSlice, v any) error {
	w.in = append(w.in, data.Materialize())
	return w.CodecV2.Unmarshal(data, v)
}

// call calls a method by its name with the request's fields by theirs, records
// what comes back, and returns the last message; nil if there was none.
func (p *tape) call(method string, fields ...any) protoreflect.Message {
	p.t.Helper()
	in, out, streams := methodTypes(p.t, method)
	request := in.New()
	label := method
	for i := 0; i < len(fields); i += 2 {
		set(request, fields[i].(string), fields[i+1])
		label += fmt.Sprintf(" %s=%v", fields[i], inWords(fields[i+1]))
	}
	p.stage.act(method)
	got := take{label: label, kind: out}
	w := newWire()
	opts := []grpc.CallOption{grpc.ForceCodecV2(w), grpc.Header(&got.header), grpc.Trailer(&got.trailer)}
	var reply proto.Message
	var err error
	if streams {
		reply, err = p.follow(method, request.Interface(), out, opts)
	} else {
		reply = out.New().Interface()
		err = p.client.Conn.Invoke(p.asking(), "/jisr.v1."+method, request.Interface(), reply, opts...)
	}
	got.messages = w.in
	got.status = encode(p.t, status.Convert(err).Proto())
	if p.aside != nil {
		p.aside(got)
	}
	p.takes = append(p.takes, got)
	if err != nil || reply == nil {
		return nil
	}
	return reply.ProtoReflect()
}

// asking is the context of the next call: readers ask in one language after the
// other, since a refusal must tell no more in any of them.
func (p *tape) asking() context.Context {
	languages := append(fault.Languages(), fault.English)
	return metadata.AppendToOutgoingContext(context.Background(), fault.LanguageHeader, string(languages[len(p.takes)%len(languages)]))
}

// inWords names a field's value; of a record its name is enough.
func inWords(value any) any {
	if m, ok := value.(interface{ GetName() string }); ok {
		return m.GetName()
	}
	return value
}

// follow reads a server stream to its end.
func (p *tape) follow(method string, request proto.Message, out protoreflect.MessageType, opts []grpc.CallOption) (last proto.Message, err error) {
	stream, err := p.client.Conn.NewStream(p.asking(), &grpc.StreamDesc{ServerStreams: true}, "/jisr.v1."+method, opts...)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(stream.SendMsg(request), stream.CloseSend()); err != nil {
		return nil, err
	}
	for {
		m := out.New().Interface()
		if err := stream.RecvMsg(m); errors.Is(err, io.EOF) {
			return last, nil
		} else if err != nil {
			return nil, err
		}
		last = m
	}
}

// pages reads a list to its end, one record a page, and returns the records' names.
func (p *tape) pages(method, parent string) (names []string) {
	p.t.Helper()
	token := ""
	for range 12 {
		fields := []any{"page_size", int32(1), "page_token", token}
		if parent != "" {
			fields = append(fields, "parent", parent)
		}
		reply := p.call(method, fields...)
		if reply == nil {
			return names
		}
		names = append(names, namesIn(reply)...)
		token = reply.Get(reply.Descriptor().Fields().ByName("next_page_token")).String()
		if token == "" {
			return names
		}
	}
	return names
}

// namesIn returns the names of the records in a list's reply.
func namesIn(reply protoreflect.Message) (names []string) {
	reply.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		if !fd.IsList() || fd.Message() == nil {
			return true
		}
		for i := range v.List().Len() {
			m := v.List().Get(i).Message()
			if name := m.Descriptor().Fields().ByName("name"); name != nil {
				names = append(names, m.Get(name).String())
			}
		}
		return true
	})
	return names
}

// methodTypes finds the request and the reply of "CaseService/GetCase".
func methodTypes(t testing.TB, method string) (in, out protoreflect.MessageType, streams bool) {
	t.Helper()
	service, name, _ := strings.Cut(method, "/")
	d, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName("jisr.v1." + service))
	if err != nil {
		t.Fatal(err)
	}
	m := d.(protoreflect.ServiceDescriptor).Methods().ByName(protoreflect.Name(name))
	if m == nil {
		t.Fatalf("the contract has no %s", method)
	}
	if in, err = protoregistry.GlobalTypes.FindMessageByName(m.Input().FullName()); err != nil {
		t.Fatal(err)
	}
	if out, err = protoregistry.GlobalTypes.FindMessageByName(m.Output().FullName()); err != nil {
		t.Fatal(err)
	}
	return in, out, m.IsStreamingServer()
}

// set sets a field by its name, if the message has it.
func set(m protoreflect.Message, name string, value any) {
	fd := m.Descriptor().Fields().ByName(protoreflect.Name(name))
	if fd == nil {
		return
	}
	if list, ok := value.([]string); ok {
		for _, item := range list {
			m.Mutable(fd).List().Append(protoreflect.ValueOfString(item))
		}
		return
	}
	switch fd.Kind() {
	case protoreflect.EnumKind:
		m.Set(fd, protoreflect.ValueOfEnum(value.(protoreflect.Enum).Number()))
	case protoreflect.MessageKind:
		m.Set(fd, protoreflect.ValueOfMessage(value.(proto.Message).ProtoReflect()))
	default:
		m.Set(fd, protoreflect.ValueOf(value))
	}
}

func encode(t testing.TB, m proto.Message) []byte {
	t.Helper()
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// commitment is the salted hash in a log entry. It covers the record's
// ciphertext, whose nonces are random by design, so it differs between any two
// worlds, like ones too; all else of an entry is compared.
var commitment = regexp.MustCompile(`[0-9a-f]{64}`)

// different returns what the first difference of two takes is; empty: none.
func (a take) different(b take) string {
	am, bm := a.messages, b.messages
	if strings.HasPrefix(a.label, "AuditService/ListLogEntries") {
		blank := func(b []byte) []byte {
			return commitment.ReplaceAll(slices.Clone(b), []byte("commitment or agreement"))
		}
		am, bm = each(am, blank), each(bm, blank)
	}
	switch {
	case a.label != b.label:
		return fmt.Sprintf("the second world was asked %q", b.label)
	case !bytes.Equal(a.status, b.status):
		return fmt.Sprintf("status %q\nagainst %q", a.status, b.status)
	case !slices.EqualFunc(am, bm, bytes.Equal):
		return fmt.Sprintf("%d messages against %d, not the same bytes\n%s", len(am), len(bm), cmp.Diff(a.print(), b.print()))
	case !maps.EqualFunc(a.header, b.header, slices.Equal):
		return fmt.Sprintf("header %q against %q", map[string][]string(a.header), map[string][]string(b.header))
	case !maps.EqualFunc(a.trailer, b.trailer, slices.Equal):
		return fmt.Sprintf("trailer %q against %q", map[string][]string(a.trailer), map[string][]string(b.trailer))
	}
	return ""
}

func each(in [][]byte, f func([]byte) []byte) [][]byte {
	out := make([][]byte, len(in))
	for i, b := range in {
		out[i] = f(b)
	}
	return out
}

func (a take) print() string {
	var b strings.Builder
	for _, raw := range a.messages {
		m := a.kind.New().Interface()
		if err := proto.Unmarshal(raw, m); err != nil {
			return err.Error()
		}
		b.WriteString(prototext.Format(m))
	}
	return b.String()
}

// compare returns what of two tapes differs, call by call.
func compare(a, b []take) (found []string) {
	if len(a) != len(b) {
		found = append(found, fmt.Sprintf("%d calls against %d", len(a), len(b)))
	}
	for i := range min(len(a), len(b)) {
		if d := a[i].different(b[i]); d != "" {
			found = append(found, a[i].label+": "+d)
		}
	}
	return found
}
