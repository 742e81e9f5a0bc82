package services

import (
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"buf.build/go/protovalidate"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
)

// requestOf is a request that is one name.
func requestOf(t *testing.T, d protoreflect.MessageDescriptor, name string) proto.Message {
	t.Helper()
	kind, err := protoregistry.GlobalTypes.FindMessageByName(d.FullName())
	if err != nil {
		t.Fatal(err)
	}
	m := kind.New()
	m.Set(d.Fields().Get(0), protoreflect.ValueOfString(name))
	return m.Interface()
}

// fitting is a text of a form.
func fitting(f form, rng *rand.Rand) string {
	b := make([]byte, len(f))
	for i := range f {
		for {
			if c := byte(rng.IntN(128)); f[i][c/64]&(1<<(c%64)) != 0 {
				b[i] = c
				break
			}
		}
	}
	return string(b)
}

// near is a text that differs a little from another, or is it.
func near(text string, rng *rand.Rand) string {
	at := rng.IntN(len(text))
	switch rng.IntN(12) {
	case 0:
		return text[:at] + string(rune(rng.IntN(128))) + text[at+1:]
	case 1:
		return text[:at] + text[at+1:]
	case 2:
		return text[:at] + string(rune(rng.IntN(128))) + text[at:]
	case 3:
		return text + "\n"
	case 4:
		return text[:at] + "\u0643" + text[at+1:]
	case 5:
		return text[:at] + "\u0643" + text[min(at+2, len(text)):] // of the same length
	case 6:
		return text[:at] + string(text[at]^0x20) + text[at+1:] // mostly its capital
	}
	return text
}

func TestANameHeldAgainstItsFormIsJudgedAsByTheRules(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	n := newNamed(protovalidate.GlobalValidator)
	accepted, refused := 0, 0
	for d, f := range n.forms {
		texts := []string{"", "-", "cases/-", strings.Repeat("a", len(f))}
		for _, other := range n.forms {
			texts = append(texts, fitting(other, rng)) // names of other records
		}
		for range 200 {
			texts = append(texts, near(fitting(f, rng), rng))
		}
		for _, text := range texts {
			want := n.Validator.Validate(requestOf(t, d, text))
			if f.fits(text) != (want == nil) {
				t.Fatalf("%s: %q has the form: %v; by the rules: %v", d.Name(), text, f.fits(text), want)
			}
			got := n.Validate(requestOf(t, d, text))
			if (got == nil) != (want == nil) || got != nil && got.Error() != want.Error() {
				t.Fatalf("%s: %q: %v, and not %v", d.Name(), text, got, want)
			}
			if want == nil {
				accepted++
			} else {
				refused++
			}
		}
	}
	if accepted < 500 || refused < 500 {
		t.Errorf("%d were accepted, %d refused", accepted, refused)
	}
}

func TestEveryReadOfARecordIsHeldAgainstAForm(t *testing.T) {
	n := newNamed(protovalidate.GlobalValidator)
	var known []string
	for d := range maps.Keys(n.forms) {
		known = append(known, string(d.Name()))
	}
	for _, m := range []proto.Message{
		&jisrv1.GetCaseRequest{}, &jisrv1.GetVictimRequest{}, &jisrv1.GetSuspectRequest{}, &jisrv1.GetReferralRequest{}, &jisrv1.GetConsentRequest{}, &jisrv1.GetOrderRequest{},
	} {
		if name := string(m.ProtoReflect().Descriptor().Name()); !slices.Contains(known, name) {
			t.Errorf("%s is not", name)
		}
	}
}

func TestARequestThatMoreRulesBindHasNoForm(t *testing.T) {
	for _, m := range []proto.Message{
		&jisrv1.WhoAmIRequest{}, &jisrv1.ListVictimsRequest{}, &jisrv1.CreateVictimRequest{}, &jisrv1.GetDisclosureMatrixRequest{}, &jisrv1.ExplainAccessRequest{},
		&jisrv1.Share{}, &jisrv1.Victim{},
	} {
		if formOf(m.ProtoReflect().Descriptor()) != nil {
			t.Errorf("%s has a form", m.ProtoReflect().Descriptor().Name())
		}
	}
}

func TestAnExpressionThatFitsTextsOfSeveralLengthsIsNoForm(t *testing.T) {
	for pattern, want := range map[string]int{
		"^cases/[a-z2-7]{26}$": 32, "^[ab]{2}c$": 3, "^cases/([a-z2-7]{26}|-)$": 0, "^[a-z]{1,26}$": 0, "^a*b$": 0, "cases/[a-z]{26}$": 0, "^cases/[a-z]{26}": 0,
		"(?i)^ab[c]{2}$": 0, "^.{3}$": 0, "(?m)^abc$": 0, "^(?:a|bc)d$": 0,
	} {
		if got := len(formFrom(pattern)); got != want {
			t.Errorf("%s: %d places", pattern, got)
		}
	}
}
