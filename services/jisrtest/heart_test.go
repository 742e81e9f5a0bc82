package jisrtest_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/dynamicpb"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/jisrtest"
	"github.com/jisr-exchange/jisr/services/jisrtest/oracle"
	"github.com/jisr-exchange/jisr/services/record"
)

// Every agency reads of every section exactly what the slow way shows: the whole
// record in clear, of which the hand-transcribed matrix copies what it grants.
func TestEveryAgencySeesExactlyWhatTheMatrixGrants(t *testing.T) {
	f := jisrtest.Fill(jisrtest.Opened(t, jisrtest.Start(t)))
	compared := 0
	for _, who := range append([]string{jisrtest.Police, jisrtest.Community, jisrtest.Erbil}, jisrtest.Linked...) {
		for _, role := range rolesOf(t, f.Exchange, who) {
			for _, purpose := range f.Law().Purposes(role) {
				for name, clear := range f.Clear {
					compared += seesWhatIsGranted(t, f, who, role, purpose, name, clear)
				}
			}
		}
	}
	if compared < 30 {
		t.Errorf("only %d records were compared", compared)
	}
}

func rolesOf(t *testing.T, x *jisrtest.Exchange, who string) []jisrv1.Role {
	t.Helper()
	a, ok := x.Law().Agency(filepath.Dir(who))
	if !ok {
		t.Fatalf("no agency %s", who)
	}
	return a.Roles
}

func seesWhatIsGranted(t *testing.T, f *jisrtest.Filled, who string, role jisrv1.Role, purpose jisrv1.Purpose, name string, clear proto.Message) int {
	t.Helper()
	got, err := f.AsFor(who, role, purpose).Get(context.Background(), name)
	s := standing(f, who, name)
	if len(s.Links) == 0 {
		jisrtest.Refused(t, err, fault.NotFound)
		return 0
	}
	if err != nil {
		if jisrtest.Reason(err) == fault.NotFound && !mayKnow(f, role, name, s) || jisrtest.Reason(err) == fault.MethodNotGranted {
			return 0
		}
		t.Errorf("%s (%s): %v", who, name, err)
		return 0
	}
	want := oracle.Project(clear, oracle.Lens(role, purpose, s))
	typ := record.TypeOf(clear)
	for _, section := range typ.Sections {
		has, wants := got.ProtoReflect().Has(section.Desc), want.ProtoReflect().Has(section.Desc)
		if has != wants || has && !got.ProtoReflect().Get(section.Desc).Equal(want.ProtoReflect().Get(section.Desc)) {
			t.Errorf("%s as %s for %s: %s shown: %v, granted: %v", who, agreement.RoleName(role), agreement.PurposeName(purpose), typ.Path(section), has, wants)
		}
	}
	if len(got.ProtoReflect().GetUnknown()) > 0 {
		t.Errorf("%s: unknown fields in the reply about %s", who, name)
	}
	return 1
}

// standing is what the play gave an agency, told from the play and not from the store.
func standing(f *jisrtest.Filled, who, name string) oracle.Standing {
	s := oracle.Standing{Own: make(map[jisrv1.DataClass]bool)}
	add := func(l jisrv1.Link) { s.Links = append(s.Links, oracle.Link{Kind: l}) }
	switch who {
	case jisrtest.Police:
		add(jisrv1.Link_LINK_OWNER)
	case jisrtest.Judge, jisrtest.Prosecutor:
		add(jisrv1.Link_LINK_TERRITORY)
	}
	for _, linked := range jisrtest.Linked {
		if linked == who {
			add(jisrv1.Link_LINK_ASSIGNED)
		}
	}
	for class, author := range f.Authors[name] {
		s.Own[class] = author == who
	}
	return s
}

func mayKnow(f *jisrtest.Filled, role jisrv1.Role, name string, s oracle.Standing) bool {
	n, _ := record.ParseName(name)
	for _, l := range s.Links {
		if f.Law().Shelf(role, n.Type.Name).Has(l.Kind) {
			return true
		}
	}
	return false
}

// Nothing of a section rests in clear: not in the database, its write-ahead log,
// the keyring or what the server logged.
func TestNoSectionRestsInClear(t *testing.T) {
	x := jisrtest.Start(t)
	f := jisrtest.Fill(jisrtest.Opened(t, x))
	if _, err := x.As(jisrtest.Judge).Get(context.Background(), f.First); err != nil {
		t.Fatal(err)
	}
	// Refusals must not write what they refuse either.
	v := proto.Clone(f.Clear[f.First]).(*jisrv1.Victim)
	v.SetPersonRole(jisrv1.Victim_PERSON_ROLE_VICTIM)
	_, err := x.As(jisrtest.Community).CreateVictim(context.Background(), jisrv1.CreateVictimRequest_builder{Parent: f.Case, Victim: v}.Build())
	if err == nil {
		t.Error("community police told everything of a victim")
	}
	if found := atRest(t, x, f.Marks); len(found) > 0 {
		t.Errorf("while it runs, %d canaries rest in clear, such as %s", len(found), found[0].Path)
	}
	x.Stop()
	if found := atRest(t, x, f.Marks); len(found) > 0 {
		t.Errorf("after it stopped, %d canaries rest in clear, such as %s", len(found), found[0].Path)
	}
	if len(f.Marks) < 60 {
		t.Errorf("only %d canaries were planted", len(f.Marks))
	}
	// The search must be able to find what it looks for.
	planted := filepath.Join(x.Dir, "planted")
	if err := os.WriteFile(planted, []byte("before "+f.Marks[0].Text+" after"), 0o600); err != nil {
		t.Fatal(err)
	}
	if len(atRest(t, x, f.Marks)) != 1 {
		t.Error("a canary that was planted in a file was not found: the search proves nothing")
	}
}

func atRest(t *testing.T, x *jisrtest.Exchange, marks []oracle.Mark) []oracle.Mark {
	t.Helper()
	found := oracle.FindCanaries([]byte(x.Log.String()), marks)
	files, err := os.ReadDir(x.Dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if file.IsDir() {
			continue
		}
		text, err := os.ReadFile(filepath.Join(x.Dir, file.Name()))
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, oracle.FindCanaries(text, marks)...)
	}
	return found
}

// A field that the contract does not have is refused, wherever in a request it stands.
func TestUnknownFieldsAreRefusedAtEveryDepth(t *testing.T) {
	p := jisrtest.Opened(t, jisrtest.Start(t))
	police := p.As(jisrtest.Police)
	whole := record.Clone(jisrtest.Person(0))
	request := jisrv1.CreateVictimRequest_builder{Parent: p.Case, Victim: whole}.Build()
	if _, err := police.CreateVictim(context.Background(), request); err != nil {
		t.Fatalf("without an unknown field it must pass: %v", err)
	}
	planted := 0
	for _, plant := range messagesOf(request.ProtoReflect()) {
		plant.SetUnknown(protowire.AppendVarint(protowire.AppendTag(nil, 16025, protowire.VarintType), 1))
		_, err := police.CreateVictim(context.Background(), request)
		jisrtest.Refused(t, err, fault.InvalidRequest)
		plant.SetUnknown(nil)
		planted++
	}
	if planted < 8 {
		t.Errorf("only %d places were planted", planted)
	}
}

func messagesOf(m protoreflect.Message) (all []protoreflect.Message) {
	all = append(all, m)
	m.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case fd.Message() == nil:
		case fd.IsList():
			for i := range v.List().Len() {
				all = append(all, messagesOf(v.List().Get(i).Message())...)
			}
		default:
			all = append(all, messagesOf(v.Message())...)
		}
		return true
	})
	return all
}

// Every rpc of the contract refuses a request with an unknown field, before it looks anything up.
func TestEveryRPCRefusesUnknownFields(t *testing.T) {
	x := jisrtest.Start(t)
	rpcs := 0
	protoregistry.GlobalFiles.RangeFilesByPackage("jisr.v1", func(file protoreflect.FileDescriptor) bool {
		for i := range file.Services().Len() {
			service := file.Services().Get(i)
			for j := range service.Methods().Len() {
				method := service.Methods().Get(j)
				if method.IsStreamingServer() {
					continue
				}
				rpcs++
				who, role, purpose := caller(t, x, string(service.Name())+"/"+string(method.Name()))
				request := dynamicpb.NewMessage(method.Input())
				request.SetUnknown(protowire.AppendVarint(protowire.AppendTag(nil, 999, protowire.VarintType), 1))
				full := "/" + string(service.FullName()) + "/" + string(method.Name())
				err := x.AsFor(who, role, purpose).Conn.Invoke(context.Background(), full, request, dynamicpb.NewMessage(method.Output()))
				if got := jisrtest.Reason(err); got != fault.InvalidRequest || !violates(err, "request") {
					t.Errorf("%s: %v", full, err)
				}
			}
		}
		return true
	})
	if rpcs < 40 {
		t.Errorf("only %d rpcs were called", rpcs)
	}
}

// violates reports whether an error names an unknown field at a path.
func violates(err error, path string) bool {
	for _, d := range status.Convert(err).Details() {
		bad, ok := d.(*errdetails.BadRequest)
		if !ok {
			continue
		}
		for _, v := range bad.GetFieldViolations() {
			if v.GetField() == path && strings.Contains(v.GetDescription(), "does not have") {
				return true
			}
		}
	}
	return false
}

// caller is some agency that may call the rpc.
func caller(t *testing.T, x *jisrtest.Exchange, rpc string) (string, jisrv1.Role, jisrv1.Purpose) {
	t.Helper()
	for _, a := range x.Law().Agencies() {
		for _, r := range a.Roles {
			if x.Law().MayCall(r, rpc) {
				return a.Slug + "/desk", r, x.Law().Purposes(r)[0]
			}
		}
	}
	t.Fatalf("nobody may call %s", rpc)
	return "", 0, 0
}
