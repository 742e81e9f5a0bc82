package disclosure

import (
	"context"
	"errors"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/identity"
	"github.com/jisr-exchange/jisr/services/record"
)

// Stream is the gate around a streaming rpc: each message goes the way of a
// unary reply, and identity is checked again before each.
func (g *Gate) Stream(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	c, err := identity.FromContext(ss.Context())
	if err != nil {
		return err
	}
	ctx, docket := agreement.WithDocket(ss.Context())
	if err := ss.SetHeader(metadata.Pairs(AgreementHeader, c.Law.Hash())); err != nil {
		return err
	}
	if err := handler(srv, &gatedStream{ServerStream: ss, ctx: ctx, gate: g, caller: c, docket: docket, rpc: rpcName(info.FullMethod)}); err != nil {
		return err
	}
	return g.log.Confirm(ctx, nil) // that there is no more
}

type gatedStream struct {
	grpc.ServerStream
	ctx    context.Context
	gate   *Gate
	caller *identity.Caller
	docket *agreement.Docket
	rpc    string

	receipts int
}

// trailed bounds the receipts in a trailer, so that a long file does not end in
// one that most clients do not take, which is one of more than 8 KiB: each is 85
// bytes as HTTP/2 counts them, and an error may have to stand beside them. Every
// entry is in the log all the same.
const trailed = 64

// Context carries the caller and the call's docket.
func (s *gatedStream) Context() context.Context { return s.ctx }

// RecvMsg admits each request.
func (s *gatedStream) RecvMsg(m any) error {
	if err := s.ServerStream.RecvMsg(m); err != nil {
		return err
	}
	request, ok := m.(proto.Message)
	if !ok {
		return errUnloaded
	}
	return s.gate.page.admit(s.caller, request)
}

// SendMsg releases one message. A record whose standing moved since it was read
// is read again; one that the caller may no longer know of is left out.
func (s *gatedStream) SendMsg(m any) error {
	reply, ok := m.(proto.Message)
	if !ok {
		return errUnloaded
	}
	for range rereads {
		if err := s.gate.recheck(s.ctx, s.caller); err != nil {
			return err
		}
		out, entry, err := s.gate.release(s.ctx, s.caller, s.docket, s.rpc, reply)
		if errors.Is(err, agreement.ErrMoved) {
			if err := s.gate.log.Current(s.ctx, s.caller.Law); err != nil {
				return err // what has been sent cannot be taken back: the caller begins anew
			}
			if err := s.reread(reply.ProtoReflect()); errors.Is(err, fault.New(fault.NotFound)) {
				return nil
			} else if err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return err
		}
		s.forget(reply.ProtoReflect())
		s.receipt(entry)
		return s.ServerStream.SendMsg(out)
	}
	return fault.New(fault.StoreUnavailable)
}

// receipt adds a message's log entry to the stream's trailer: headers have left
// before the first message does.
func (s *gatedStream) receipt(entry string) {
	if s.receipts++; entry != "" && s.receipts <= trailed {
		s.SetTrailer(metadata.Pairs(ReceiptHeader, s.gate.page.nameFor(s.caller, entry)))
	}
}

// records calls f with every record of a message.
func records(m protoreflect.Message, f func(protoreflect.Message) error) error {
	if record.IsRecord(m.Descriptor()) {
		return f(m)
	}
	var err error
	m.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case fd.Message() == nil || fd.IsMap():
		case fd.IsList():
			for i := range v.List().Len() {
				if err = records(v.List().Get(i).Message(), f); err != nil {
					return false
				}
			}
		default:
			err = records(v.Message(), f)
		}
		return err == nil
	})
	return err
}

func recordName(m protoreflect.Message) string {
	return m.Get(m.Descriptor().Fields().ByName("name")).String()
}

func (s *gatedStream) reread(m protoreflect.Message) error {
	return records(m, func(r protoreflect.Message) error {
		name := recordName(r)
		proto.Reset(r.Interface())
		return s.gate.shelf.View(s.ctx, s.caller, name, r.Interface())
	})
}

func (s *gatedStream) forget(m protoreflect.Message) {
	// Only the names are walked here; the walk itself cannot fail.
	_ = records(m, func(r protoreflect.Message) error {
		s.docket.Forget(recordName(r))
		return nil
	})
}
