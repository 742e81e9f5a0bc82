package services

import (
	"context"
	"errors"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/identity"
)

// logged are the refusals that the access log keeps: somebody asked for what was
// not theirs, or for what is not there, which must look the same.
var logged = map[fault.Reason]bool{
	fault.CertificateInvalid: true, fault.CertificateExpired: true, fault.CertificateRevoked: true, fault.CertificateUnchecked: true,
	fault.HeaderInvalid: true, fault.RoleNotHeld: true, fault.MethodNotGranted: true, fault.PurposeNotGranted: true,
	fault.ClassNotWritable: true, fault.NotFound: true,
	// These tell their caller something about a record: its state, or what it lacks.
	fault.TransitionNotAllowed: true, fault.ConsentRequired: true, fault.OrderRequired: true,
}

// refusals writes refusals into the access log before the caller hears of them.
// One that cannot be written is answered as any call is while the log is down.
func (s *Server) refusals(ctx context.Context, method string, request any, next func(context.Context) error) error {
	law := s.opts.Law()
	err := next(ctx)
	if err == nil {
		return nil
	}
	var f *fault.Fault
	if !errors.As(err, &f) || !logged[f.Reason()] {
		return err
	}
	at, ok := ctx.Value(seatKey{}).(*seat)
	if !ok {
		return err
	}
	c := at.caller
	if c != nil {
		law = c.Law
	}
	// By the agreement in force it may be granted. Where that cannot be asked, it cannot be written down either.
	if moved := s.store.Current(ctx, law); errors.Is(moved, agreement.ErrMoved) {
		return moved
	}
	if c == nil {
		if agency, system, serial, ok := s.door.Named(ctx); ok {
			c = &identity.Caller{Agency: agency, System: system, Serial: serial, Law: law}
		}
	}
	if logErr := s.store.Refuse(ctx, c, rpcName(method), f.Reason(), asked(request)); logErr != nil {
		return logErr
	}
	return err
}

// asked is the record that a request names, if it names one.
func asked(request any) string {
	m, ok := request.(proto.Message)
	if !ok {
		return ""
	}
	r := m.ProtoReflect()
	for _, name := range []protoreflect.Name{"name", "record", "parent"} {
		if fd := r.Descriptor().Fields().ByName(name); fd != nil && fd.Kind() == protoreflect.StringKind && !fd.IsList() {
			return r.Get(fd).String()
		}
	}
	return ""
}

// enter is the door as a layer.
func (s *Server) enter(ctx context.Context, method string, _ any, next func(context.Context) error) error {
	c, err := s.door.Admit(ctx, method, false)
	if at, ok := ctx.Value(seatKey{}).(*seat); ok {
		at.caller = c // for the log, also where the law refuses
	}
	if err != nil {
		return err
	}
	return next(identity.NewContext(ctx, c))
}
