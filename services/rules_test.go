package services

import (
	"slices"
	"strings"
	"testing"

	"buf.build/go/protovalidate"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/fault"
)

// spoilt returns wrong values for a field: what each kind of rule in the contract refuses.
func spoilt(m protoreflect.Message, fd protoreflect.FieldDescriptor) []protoreflect.Value {
	if fd.IsMap() {
		return nil
	}
	var single []protoreflect.Value
	switch fd.Kind() {
	case protoreflect.StringKind:
		single = []protoreflect.Value{protoreflect.ValueOfString(""), protoreflect.ValueOfString("!"), protoreflect.ValueOfString(strings.Repeat("x", 20_000))}
	case protoreflect.Int32Kind:
		single = []protoreflect.Value{protoreflect.ValueOfInt32(-1), protoreflect.ValueOfInt32(1 << 30)}
	case protoreflect.EnumKind:
		single = []protoreflect.Value{protoreflect.ValueOfEnum(0), protoreflect.ValueOfEnum(9999)}
	case protoreflect.MessageKind:
		if fd.IsList() {
			single = []protoreflect.Value{m.NewField(fd).List().NewElement()}
			break
		}
		long := m.NewField(fd)
		if seconds := long.Message().Descriptor().Fields().ByName("seconds"); seconds != nil {
			long.Message().Set(seconds, protoreflect.ValueOfInt64(-5))
		}
		single = []protoreflect.Value{long}
	}
	if !fd.IsList() {
		return single
	}
	values := []protoreflect.Value{m.NewField(fd)}
	for _, v := range single {
		list := m.NewField(fd)
		for range 200 {
			list.List().Append(v)
		}
		values = append(values, list)
	}
	return values
}

func TestEveryRuleOfTheContractIsToldInEachLanguage(t *testing.T) {
	v, err := protovalidate.New()
	if err != nil {
		t.Fatal(err)
	}
	told := make(map[string]bool)
	protoregistry.GlobalTypes.RangeMessages(func(typ protoreflect.MessageType) bool {
		if typ.Descriptor().ParentFile().Package() != jisrv1.File_jisr_v1_case_proto.Package() {
			return true
		}
		fields := typ.Descriptor().Fields()
		for i := range fields.Len() {
			for _, value := range spoilt(typ.New(), fields.Get(i)) {
				m := typ.New()
				m.Set(fields.Get(i), value)
				for _, rule := range broken(v, m.Interface()) {
					told[rule] = true
				}
			}
		}
		return true
	})
	if len(told) < 30 {
		t.Errorf("only %d rules were broken", len(told))
	}
	for rule := range told {
		for _, l := range fault.Languages() {
			for _, d := range fault.Invalid(fault.Violation{Field: "f", Rule: rule}).StatusIn(l).Details() {
				bad, ok := d.(*errdetails.BadRequest)
				if ok && bad.GetFieldViolations()[0].GetLocalizedMessage().GetMessage() == "" {
					t.Errorf("%q is not told in %s", rule, l)
				}
			}
		}
	}
}

// broken returns the rules that a message breaks.
func broken(v protovalidate.Validator, m proto.Message) []string {
	var rules []string
	wrong, err := violationsOf(v.Validate(m))
	if err != nil {
		return []string{err.Error()}
	}
	for _, violation := range wrong {
		rules = append(rules, ruleOf(violation))
	}
	return rules
}

func TestOfWhatWasLeftEmptyItIsSaidThatItIsNeeded(t *testing.T) {
	v, err := protovalidate.New()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range []proto.Message{
		&jisrv1.GetVictimRequest{}, &jisrv1.RejectReferralRequest{}, &jisrv1.RecordConsentRequest{}, &jisrv1.UpdateVictimRequest{}, &jisrv1.Case{},
	} {
		rules := broken(v, m)
		if len(rules) == 0 {
			t.Errorf("an empty %s breaks no rule", m.ProtoReflect().Descriptor().Name())
		}
		for _, rule := range rules {
			if rule != unset {
				t.Errorf("an empty %s is told %q", m.ProtoReflect().Descriptor().Name(), rule)
			}
		}
	}
	// What is filled in is told the rule.
	for _, m := range []proto.Message{
		jisrv1.GetVictimRequest_builder{Name: "victims/1"}.Build(),
		jisrv1.RecordConsentRequest_builder{Parent: "cases/" + strings.Repeat("a", 26) + "/victims/" + strings.Repeat("a", 26), Answer: jisrv1.Consent_STATE_EXPIRED, Consent: jisrv1.Consent_builder{}.Build()}.Build(),
	} {
		if rules := broken(v, m); slices.Equal(rules, []string{unset}) || len(rules) == 0 {
			t.Errorf("%s is told %q", m.ProtoReflect().Descriptor().Name(), rules)
		}
	}
}
