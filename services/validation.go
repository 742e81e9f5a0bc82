package services

import (
	"errors"
	"strings"

	"buf.build/go/protovalidate"
	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/jisr-exchange/jisr/services/disclosure"
	"github.com/jisr-exchange/jisr/services/fault"
)

// validate holds a request against the rules beside its fields and names every
// violation at once: the path and the rule, never the value.
func validate(v protovalidate.Validator, request any) error {
	m, ok := request.(proto.Message)
	if !ok {
		return fault.New(fault.Internal)
	}
	if err := unreadable(m); err != nil {
		return err
	}
	wrong := disclosure.Unknown(m)
	broken, err := violationsOf(v.Validate(m))
	if err != nil {
		return err
	}
	for _, violation := range broken {
		path := protovalidate.FieldPathString(violation.Proto.GetField())
		if excused(m, path) {
			continue
		}
		wrong = append(wrong, fault.Violation{Field: path, Rule: ruleOf(violation)})
	}
	if len(wrong) > 0 {
		return fault.Invalid(wrong...)
	}
	return nil
}

// violationsOf returns what a validator found amiss, or the error that is its own.
func violationsOf(err error) ([]*protovalidate.Violation, error) {
	if err == nil {
		return nil, nil
	}
	var broken *protovalidate.ValidationError
	if !errors.As(err, &broken) {
		return nil, err
	}
	return broken.Violations, nil
}

// unset is what is told of a field that must be filled in and is not.
const unset = "value is required"

// ruleOf is the rule that was broken, as protovalidate words it. Of what was left
// empty it would say that it is in a list of one zero, or does not match a pattern.
func ruleOf(v *protovalidate.Violation) string {
	switch v.Proto.GetRuleId() {
	case "enum.in", "enum.not_in", "string.pattern":
		if is := v.FieldValue.Interface(); is == "" || is == protoreflect.EnumNumber(0) {
			return unset
		}
	}
	return v.Proto.GetMessage()
}

// excused reports whether a rule does not bind here: in an update, fields that
// the mask does not name; in a record that exists, fields that never change.
func excused(request proto.Message, path string) bool {
	r := request.ProtoReflect()
	steps := strings.Split(path, ".")
	fd := r.Descriptor().Fields().ByName(protoreflect.Name(steps[0]))
	if len(steps) < 2 || fd == nil || fd.Message() == nil || fd.IsList() {
		return false
	}
	field, _, _ := strings.Cut(steps[1], "[")
	inner := fd.Message().Fields().ByName(protoreflect.Name(field))
	if inner == nil {
		return false
	}
	if mask := maskOf(r); mask != nil {
		for _, p := range mask.GetPaths() {
			if top, _, _ := strings.Cut(p, "."); top == field {
				return false
			}
		}
		return true
	}
	name := fd.Message().Fields().ByName("name")
	named := name != nil && r.Get(fd).Message().Get(name).String() != ""
	return named && immutable(inner)
}

func maskOf(r protoreflect.Message) *fieldmaskpb.FieldMask {
	fd := r.Descriptor().Fields().ByName("update_mask")
	if fd == nil {
		return nil
	}
	mask, _ := r.Get(fd).Message().Interface().(*fieldmaskpb.FieldMask)
	return mask
}

func immutable(fd protoreflect.FieldDescriptor) bool {
	behaviours, _ := proto.GetExtension(fd.Options(), annotations.E_FieldBehavior).([]annotations.FieldBehavior)
	for _, b := range behaviours {
		if b == annotations.FieldBehavior_IMMUTABLE {
			return true
		}
	}
	return false
}

func validateStream(v protovalidate.Validator) grpc.StreamServerInterceptor {
	return func(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
		if !ours(info.FullMethod) {
			return handler(srv, ss)
		}
		return handler(srv, &validatedStream{ServerStream: ss, validator: v})
	}
}

type validatedStream struct {
	grpc.ServerStream
	validator protovalidate.Validator
}

// RecvMsg validates each request of a stream.
func (s *validatedStream) RecvMsg(m any) error {
	if err := s.ServerStream.RecvMsg(m); err != nil {
		return err
	}
	return validate(s.validator, m)
}
