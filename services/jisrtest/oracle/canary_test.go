package oracle

import (
	"regexp"
	"strings"
	"testing"

	"buf.build/go/protovalidate"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/record"
)

func canary(t *testing.T, rt *record.Type, seed string) (proto.Message, []Mark) {
	t.Helper()
	m, marks, err := Canary(rt, seed)
	if err != nil {
		t.Fatal(err)
	}
	return m, marks
}

func wire(t *testing.T, m proto.Message) []byte {
	t.Helper()
	b, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// unfilled returns the paths of fields that are not set, at every depth.
func unfilled(m protoreflect.Message, path string) []string {
	var paths []string
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		fd := fields.Get(i)
		here := path + "." + string(fd.Name())
		switch {
		case !m.Has(fd):
			paths = append(paths, here)
		case fd.Kind() != protoreflect.MessageKind:
		case fd.IsList():
			for i := range m.Get(fd).List().Len() {
				paths = append(paths, unfilled(m.Get(fd).List().Get(i).Message(), here)...)
			}
		default:
			paths = append(paths, unfilled(m.Get(fd).Message(), here)...)
		}
	}
	return paths
}

func TestACanaryFillsEveryFieldWithWhatTheContractAllows(t *testing.T) {
	for _, rt := range record.Types() {
		m, marks := canary(t, rt, "a")
		if paths := unfilled(m.ProtoReflect(), rt.Name); len(paths) > 0 {
			t.Errorf("not filled: %v", paths)
		}
		if err := protovalidate.Validate(m); err != nil {
			t.Errorf("%s: %v", rt.Name, err)
		}
		again, _ := canary(t, rt, "a")
		other, _ := canary(t, rt, "b")
		if !proto.Equal(m, again) || proto.Equal(m, other) {
			t.Errorf("%s: the seed does not decide", rt.Name)
		}
		if found := FindCanaries(wire(t, other), marks); len(found) > 0 {
			t.Errorf("seeds share %v", found)
		}
	}
}

func TestEveryClassWithTextHasAMark(t *testing.T) {
	for _, rt := range record.Types() {
		_, marks := canary(t, rt, "a")
		marked := make(map[class]bool)
		for _, mark := range marks {
			marked[mark.Class] = true
		}
		for c := range rt.Classes.All() {
			// Answers, times and short codes carry no string to look for.
			silent := classes("CASE_STATUS", "PROGRESS", "VICTIM_NATIONALITY", "RETURN_RISK", "REFERRAL_STATUS", "LOG_ENTRY", "CONSENT_SCOPE")
			if !marked[c] && !silent[c] {
				t.Errorf("%s: nothing to find %s by", rt.Name, c)
			}
		}
	}
}

func TestAMarkStandsInOneLeafOnly(t *testing.T) {
	var all []Mark
	for _, rt := range record.Types() {
		_, marks := canary(t, rt, "a")
		all = append(all, marks...)
	}
	for i, a := range all {
		for j, b := range all {
			if i != j && strings.Contains(a.Text, b.Text) {
				t.Errorf("%s holds the mark of %s", a.Path, b.Path)
			}
		}
	}
}

func TestAPatternIsMatchedWhateverTheChance(t *testing.T) {
	for _, pattern := range []string{`^[a-z]{2,3}$`, `^a(b|c)?[^x-z]*d+$`, `^(IQG(0[1-9]|1[0-8])Q[0-9]{2})?$`, `^cases/[a-z2-7]{26}(/(victims|suspects)/[a-z2-7]{26})?$`} {
		for _, seed := range []string{"a", "b", "c", "d", "e"} {
			text, err := matching(pattern, newChance(seed, pattern))
			if err != nil || !regexp.MustCompile(pattern).MatchString(text) {
				t.Errorf("%s: %q, %v", pattern, text, err)
			}
		}
	}
	if _, err := matching(`\bword\b`, newChance("a", "")); err == nil {
		t.Error("a pattern that is not understood was accepted")
	}
}

func TestProjectKeepsWhatIsGrantedAndNothingElse(t *testing.T) {
	for _, rt := range record.Types() {
		m, marks := canary(t, rt, "a")
		for _, c := range Classes() {
			lens := map[class]bool{c: true}
			shown := Project(m, lens)
			b := wire(t, shown)
			if leaked := FindCanaries(b, HiddenFrom(lens, marks)); len(leaked) > 0 {
				t.Errorf("%s under %s leaks %v", rt.Name, c, leaked)
			}
			// Everything granted is there: what is hidden and what is found are all.
			if got, want := len(FindCanaries(b, marks)), len(marks)-len(HiddenFrom(lens, marks)); got != want {
				t.Errorf("%s under %s: %d of %d marks", rt.Name, c, got, want)
			}
			fields := rt.Desc.Fields()
			for i := range fields.Len() {
				fd := fields.Get(i)
				if shown.ProtoReflect().Has(fd) != (record.ClassOf(fd) == c) {
					t.Errorf("%s.%s under %s: %t", rt.Name, fd.Name(), c, shown.ProtoReflect().Has(fd))
				}
			}
		}
		if !proto.Equal(Project(m, set(Classes()...)), m) {
			t.Errorf("%s: a lens of every class does not show everything", rt.Name)
		}
	}
}

func TestProjectShowsNoFieldWithoutAClass(t *testing.T) {
	// Inside a section no field has a class of its own.
	victim, _ := canary(t, record.ByName("Victim"), "a")
	if got := wire(t, Project(victim.(*jisrv1.Victim).GetLocation(), set(jisrv1.DataClass_DATA_CLASS_UNSPECIFIED))); len(got) != 0 {
		t.Errorf("%d bytes", len(got))
	}
}

func TestOneClassTooManyIsNoticed(t *testing.T) {
	victim, marks := canary(t, record.ByName("Victim"), "a")
	s := by(jisrv1.Link_LINK_OWNER, jisrv1.Link_LINK_TERRITORY)
	lens := Lens(jisrv1.Role_ROLE_COUNTER_TRAFFICKING, investigation, s)
	if leaked := FindCanaries(wire(t, Project(victim, lens)), HiddenFrom(lens, marks)); len(leaked) > 0 {
		t.Fatalf("leaks %v", leaked)
	}
	slip := Lens(jisrv1.Role_ROLE_COUNTER_TRAFFICKING, investigation, s)
	slip[jisrv1.DataClass_DATA_CLASS_VICTIM_LOCATION] = true
	if leaked := FindCanaries(wire(t, Project(victim, slip)), HiddenFrom(lens, marks)); len(leaked) == 0 {
		t.Error("the shelter's address left and nobody noticed")
	}
}

func TestProjectDropsUnknownFieldsThatClearingWouldKeep(t *testing.T) {
	victim, _ := canary(t, record.ByName("Victim"), "a")
	const stowaway = "stowaway"
	unknown := append([]byte{0xfa, 0xff, 0x07, byte(len(stowaway))}, stowaway...) // a string in field 16383
	victim.ProtoReflect().SetUnknown(unknown)
	victim.(*jisrv1.Victim).GetProfile().ProtoReflect().SetUnknown(unknown)

	marks := []Mark{{Text: stowaway}}
	lens := set(jisrv1.DataClass_DATA_CLASS_VICTIM_PROFILE)
	if len(FindCanaries(wire(t, Project(victim, lens)), marks)) > 0 {
		t.Error("an unknown field passed")
	}
	cleared := proto.CloneOf(victim.(*jisrv1.Victim))
	cleared.ProtoReflect().Range(func(fd protoreflect.FieldDescriptor, _ protoreflect.Value) bool {
		if !lens[classOf(fd)] {
			cleared.ProtoReflect().Clear(fd)
		}
		return true
	})
	if len(FindCanaries(wire(t, cleared), marks)) == 0 {
		t.Error("the control does not show what it is a control for")
	}
}
