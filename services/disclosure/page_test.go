package disclosure

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/identity"
	"github.com/jisr-exchange/jisr/services/keyring"
	"github.com/jisr-exchange/jisr/services/record"
)

const (
	victimName = "cases/aaaaaaaaaaaaaaaaaaaaaaaaaa/victims/aaaaaaaaaaaaaaaaaaaaaaaaae"
	otherName  = "cases/aaaaaaaaaaaaaaaaaaaaaaaaaa/victims/aaaaaaaaaaaaaaaaaaaaaaaaai"
	secret     = "behind the blue door"
)

type fixture struct {
	page   *Page
	keyID  string
	caller *identity.Caller
}

func newFixture(t testing.TB) *fixture {
	t.Helper()
	dir := t.TempDir()
	kek, err := keyring.OpenFileKEK(filepath.Join(dir, "kek"))
	must(t, err)
	ring, err := keyring.Open(filepath.Join(dir, "keyring.db"), kek)
	must(t, err)
	t.Cleanup(func() { ring.Close() })
	page, err := NewPage(ring)
	must(t, err)
	id, err := ring.Take(context.Background())
	must(t, err)
	text, err := os.ReadFile("../../agreement.txtpb")
	must(t, err)
	law, err := agreement.Parse(text)
	must(t, err)
	return &fixture{page: page, keyID: id, caller: &identity.Caller{
		Agency: "molsa", Role: jisrv1.Role_ROLE_SOCIAL_AFFAIRS, Purpose: jisrv1.Purpose_PURPOSE_ASSISTANCE,
		Jurisdiction: jisrv1.Jurisdiction_JURISDICTION_FEDERAL, Law: law,
	}}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// caring is the standing of a shelter that houses the person.
var caring = agreement.Standing{Links: []agreement.InForce{{Link: jisrv1.Link_LINK_RECEIVER, Scope: record.EveryClass}}}

// sealed tells a victim's record as the shelter may.
func (f *fixture) sealed(t testing.TB, name string) (*jisrv1.Victim, *record.Envelope) {
	t.Helper()
	v := jisrv1.Victim_builder{
		Name:       name,
		PersonRole: jisrv1.Victim_PERSON_ROLE_VICTIM,
		Location:   jisrv1.VictimLocation_builder{Address: secret}.Build(),
		Risk:       jisrv1.VictimRisk_builder{Level: jisrv1.RiskLevel_RISK_LEVEL_HIGH}.Build(),
	}.Build()
	e := &record.Envelope{KeyID: f.keyID}
	st := caring
	st.Own = record.EveryClass
	_, err := f.page.Tell(context.Background(), f.telling(name, st, v, e, v, nil))
	must(t, err)
	return v, e
}

func (f *fixture) telling(name string, st agreement.Standing, rec proto.Message, e *record.Envelope, in proto.Message, mask []string) *agreement.Telling {
	return &agreement.Telling{
		Law: f.caller.Law, Role: f.caller.Role, Purpose: f.caller.Purpose, Agency: f.caller.Agency,
		Name: name, Standing: st, Record: rec, Envelope: e, Incoming: in, Mask: mask, Time: time.Unix(1, 0),
	}
}

// render loads a record on a docket and renders it.
func (f *fixture) render(t testing.TB, v *jisrv1.Victim, e *record.Envelope, st agreement.Standing) ([]byte, error) {
	t.Helper()
	ctx, docket := agreement.WithDocket(context.Background())
	header, err := proto.Marshal(jisrv1.Victim_builder{Name: v.GetName(), PersonRole: v.GetPersonRole()}.Build())
	must(t, err)
	docket.Load(v.GetName(), agreement.Loaded{Standing: st, Header: header})
	record.Attach(v, e.Append(nil))
	out, _, err := f.page.encode(ctx, f.caller, nil, v, true)
	return out, err
}

func TestTheShelterReadsTheAddressThatItTold(t *testing.T) {
	f := newFixture(t)
	v, e := f.sealed(t, victimName)
	out, err := f.render(t, v, e, caring)
	must(t, err)
	shown := &jisrv1.Victim{}
	must(t, proto.Unmarshal(out, shown))
	if shown.GetLocation().GetAddress() != secret {
		t.Errorf("got %v", shown)
	}
}

func TestWhatIsToldIsSealedAndInClearNowhere(t *testing.T) {
	f := newFixture(t)
	v, e := f.sealed(t, victimName)
	if v.HasLocation() || v.HasRisk() {
		t.Error("a section is still in clear after it was told")
	}
	record.Attach(v, e.Append(nil))
	wire, err := proto.Marshal(v)
	must(t, err)
	// This is what a handler that skipped the gate would put on the wire.
	if bytes.Contains(wire, []byte(secret)) {
		t.Error("a record that bypassed the gate leaks")
	}
	out, err := f.render(t, v, e, caring)
	must(t, err)
	if !bytes.Contains(out, []byte(secret)) {
		t.Error("the secret is nowhere, so its absence proved nothing")
	}
}

func TestASectionCannotBeSwappedMovedOrTakenForAnotherRevision(t *testing.T) {
	f := newFixture(t)
	for what, spoil := range map[string]func(own, other *record.Envelope){
		"of another record":   func(own, other *record.Envelope) { own.Sections[0] = other.Sections[0] },
		"of another field":    func(own, _ *record.Envelope) { own.Sections[0].Sealed = own.Sections[1].Sealed },
		"of another revision": func(own, _ *record.Envelope) { own.Sections[0].Revision++ },
		"with a bit flipped":  func(own, _ *record.Envelope) { own.Sections[0].Sealed[20] ^= 1 },
		"cut short":           func(own, _ *record.Envelope) { own.Sections[0].Sealed = own.Sections[0].Sealed[:9] },
	} {
		t.Run(what, func(t *testing.T) {
			v, own := f.sealed(t, victimName)
			_, other := f.sealed(t, otherName)
			spoil(own, other)
			if out, err := f.render(t, v, own, caring); err == nil {
				t.Errorf("it opened: %q", out)
			}
		})
	}
}

func TestTheGateFailsClosed(t *testing.T) {
	f := newFixture(t)
	t.Run("on a section that a handler set in clear", func(t *testing.T) {
		v, e := f.sealed(t, victimName)
		v.SetLocation(jisrv1.VictimLocation_builder{Address: secret}.Build())
		if _, err := f.render(t, v, e, caring); !errors.Is(err, errClear) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("on a record that the shelf did not load", func(t *testing.T) {
		v, e := f.sealed(t, victimName)
		record.Attach(v, e.Append(nil))
		ctx, _ := agreement.WithDocket(context.Background())
		if _, _, err := f.page.encode(ctx, f.caller, nil, v, true); !errors.Is(err, errUnloaded) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("on an unknown field outside of the sealed range", func(t *testing.T) {
		ctx, docket := agreement.WithDocket(context.Background())
		docket.Load(victimName, agreement.Loaded{Standing: caring})
		v := jisrv1.Victim_builder{Name: victimName}.Build()
		v.ProtoReflect().SetUnknown([]byte{0xf8, 0x3e, 1})
		if _, _, err := f.page.encode(ctx, f.caller, nil, v, true); err == nil {
			t.Error("it was rendered")
		}
	})
	t.Run("without any link", func(t *testing.T) {
		v, e := f.sealed(t, victimName)
		out, err := f.render(t, v, e, agreement.Standing{})
		must(t, err)
		if len(out) != 0 {
			t.Errorf("%d bytes left", len(out))
		}
	})
}

func TestAForbiddenClassRefusesTheWholeWriteAndNamesPathsOnly(t *testing.T) {
	f := newFixture(t)
	v, e := f.sealed(t, victimName)
	before := e.Append(nil)
	told := jisrv1.Victim_builder{
		Location:  jisrv1.VictimLocation_builder{Address: "another door"}.Build(),
		Documents: jisrv1.VictimDocuments_builder{PassportNumber: "Z123"}.Build(),
		Consular:  jisrv1.VictimConsular_builder{Request: "a request"}.Build(),
	}.Build()
	_, err := f.page.Tell(context.Background(), f.telling(victimName, caring, v, e, told, []string{"location", "consular"}))
	var refused *fault.Fault
	if !errors.As(err, &refused) || refused.Reason() != fault.ClassNotWritable {
		t.Fatalf("got %v", err)
	}
	text := refused.GRPCStatus().String() + refused.Error()
	if !strings.Contains(text, "victim.consular") || strings.Contains(text, "a request") || strings.Contains(text, "victim.location") {
		t.Errorf("the refusal says %q", text)
	}
	if !bytes.Equal(before, e.Append(nil)) {
		t.Error("half of a refused write was kept")
	}
}

func TestALeafIsMergedAndItsNeighboursSurvive(t *testing.T) {
	f := newFixture(t)
	v, e := f.sealed(t, victimName)
	told := jisrv1.Victim_builder{Location: jisrv1.VictimLocation_builder{Phone: "the desk"}.Build()}.Build()
	_, err := f.page.Tell(context.Background(), f.telling(victimName, caring, v, e, told, []string{"location.phone"}))
	must(t, err)
	out, err := f.render(t, v, e, caring)
	must(t, err)
	shown := &jisrv1.Victim{}
	must(t, proto.Unmarshal(out, shown))
	if shown.GetLocation().GetAddress() != secret || shown.GetLocation().GetPhone() != "the desk" {
		t.Errorf("got %v", shown.GetLocation())
	}
}

func TestAMaskThatNamesNothingTellableIsRefused(t *testing.T) {
	f := newFixture(t)
	for _, path := range []string{"*", "", "nothing", "state", "name", "etag", "withheld", "location.nothing", "location.phone.x", "person_role.x"} {
		v, e := f.sealed(t, victimName)
		_, err := f.page.Tell(context.Background(), f.telling(victimName, caring, v, e, &jisrv1.Victim{}, []string{path}))
		if !errors.Is(err, fault.New(fault.InvalidRequest)) {
			t.Errorf("%q: %v", path, err)
		}
	}
}

// A hidden change moves neither the etag nor the update time of who cannot see it.
func TestAHiddenChangeIsInvisible(t *testing.T) {
	f := newFixture(t)
	v, e := f.sealed(t, victimName)
	see := func() string {
		out, err := f.render(t, v, e, caring)
		must(t, err)
		return string(out)
	}
	before := see()
	e.SetSection(record.Section{Number: 36, Revision: 1, Time: time.Now().UnixMicro(), Author: "mofa", Sealed: []byte("consular")})
	if see() != before {
		t.Error("a change of a section that the shelter cannot see changed its page")
	}
	v2, e2 := f.sealed(t, victimName)
	told := jisrv1.Victim_builder{Location: jisrv1.VictimLocation_builder{Phone: "the desk"}.Build()}.Build()
	_, err := f.page.Tell(context.Background(), f.telling(victimName, caring, v2, e2, told, []string{"location.phone"}))
	must(t, err)
	v, e = v2, e2
	if see() == before {
		t.Error("a change that the shelter can see did not change its page: the comparison proves nothing")
	}
}

// Every reply of the contract is one that the gate handles, and a reply that
// carries a field without a class is not.
func TestEveryReplyIsHandled(t *testing.T) {
	replies := 0
	protoregistry.GlobalFiles.RangeFilesByPackage("jisr.v1", func(file protoreflect.FileDescriptor) bool {
		for i := range file.Services().Len() {
			for j := range file.Services().Get(i).Methods().Len() {
				replies++
				must(t, Handles(file.Services().Get(i).Methods().Get(j).Output()))
			}
		}
		return true
	})
	if replies < 45 {
		t.Errorf("only %d replies were looked at", replies)
	}
	leak := &descriptorpb.FileDescriptorProto{
		Name: proto.String("leak.proto"), Syntax: proto.String("proto3"),
		MessageType: []*descriptorpb.DescriptorProto{{
			Name: proto.String("LeakResponse"),
			Field: []*descriptorpb.FieldDescriptorProto{{
				Name: proto.String("remark"), Number: proto.Int32(1),
				Type: descriptorpb.FieldDescriptorProto_TYPE_STRING.Enum(), Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum(),
			}},
		}},
	}
	file, err := protodesc.NewFile(leak, nil)
	must(t, err)
	if Handles(file.Messages().Get(0)) == nil {
		t.Error("a reply with a field that has no class would be served")
	}
}

func BenchmarkRender(b *testing.B) {
	f := newFixture(b)
	v, e := f.sealed(b, victimName)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := f.render(b, v, e, caring); err != nil {
			b.Fatal(err)
		}
	}
}
