package disclosure

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/record"
)

// outlined loads a victim on a docket as the shelf does for a reply that only reads.
func (f *fixture) outlined(t testing.TB, e *record.Envelope, st agreement.Standing) (context.Context, *agreement.Loaded) {
	t.Helper()
	header, err := proto.Marshal(jisrv1.Victim_builder{Name: victimName, PersonRole: jisrv1.Victim_PERSON_ROLE_VICTIM}.Build())
	must(t, err)
	l := &agreement.Loaded{Standing: st, Header: header}
	l.Outline, err = f.page.Outline(f.caller, victimName, record.ByName("Victim"), *l, e.Append(nil))
	must(t, err)
	ctx, docket := agreement.WithDocket(context.Background())
	docket.Load(victimName, *l)
	return ctx, l
}

func TestAnOutlineThatWasKeptShowsWhatTheRecordShows(t *testing.T) {
	f := newFixture(t)
	shelter := *f.caller
	monitor := shelter
	monitor.Agency, monitor.Role, monitor.Purpose = "ihchr", jisrv1.Role_ROLE_HUMAN_RIGHTS, jisrv1.Purpose_PURPOSE_OVERSIGHT
	watching := agreement.Standing{Links: []agreement.InForce{{Link: jisrv1.Link_LINK_OVERSIGHT, Scope: record.EveryClass}}}
	narrow := agreement.Standing{Links: []agreement.InForce{{Link: jisrv1.Link_LINK_RECEIVER}}}
	v, e := f.sealed(t, victimName)
	seen := make(map[string]bool)
	for what, as := range map[string]struct {
		caller   *fixture
		standing agreement.Standing
	}{
		"a shelter":             {&fixture{f.page, f.keyID, &shelter}, caring},
		"one that is let in so": {&fixture{f.page, f.keyID, &shelter}, narrow},
		"a monitor":             {&fixture{f.page, f.keyID, &monitor}, watching},
		"whom nothing links":    {&fixture{f.page, f.keyID, &shelter}, agreement.Standing{}},
	} {
		want, err := as.caller.render(t, v, e, as.standing)
		must(t, err)
		ctx, _ := as.caller.outlined(t, e, as.standing)
		for range 2 { // it is made once and shown again
			got, entered, err := f.page.encode(ctx, as.caller.caller, nil, jisrv1.Victim_builder{Name: victimName}.Build(), true)
			must(t, err)
			if !bytes.Equal(got, want) || len(entered) != 1 {
				t.Errorf("%s is shown %x by what was kept, and else %x", what, got, want)
			}
		}
		seen[string(want)] = true
	}
	if len(seen) != 4 {
		t.Errorf("four callers are shown %d different records: that they were the same proved nothing", len(seen))
	}
}

func TestAnOutlineOfAnotherCallerOrLensIsShownToNobody(t *testing.T) {
	f := newFixture(t)
	_, e := f.sealed(t, victimName)
	bare := jisrv1.Victim_builder{Name: victimName}.Build()
	for what, spoil := range map[string]func(l *agreement.Loaded){
		"another agency's":  func(l *agreement.Loaded) { l.Outline.Agency = "moi-ct" },
		"another role's":    func(l *agreement.Loaded) { l.Outline.Role = jisrv1.Role_ROLE_HUMAN_RIGHTS },
		"of a wider lens":   func(l *agreement.Loaded) { l.Standing.Links[0].Scope = 0 },
		"of what has ended": func(l *agreement.Loaded) { l.Standing.Links = nil },
		"of what was shut":  func(l *agreement.Loaded) { l.Standing.Shut = l.Outline.Classes },
	} {
		st := agreement.Standing{Links: []agreement.InForce{caring.Links[0]}}
		ctx, l := f.outlined(t, e, st)
		out, _, err := f.page.encode(ctx, f.caller, nil, bare, true)
		must(t, err)
		if !bytes.Contains(out, []byte(secret)) {
			t.Fatal("it is not shown to whom it is for, so that nothing is proved")
		}
		spoil(l)
		agreement.DocketFrom(ctx).Load(victimName, *l)
		if out, _, err := f.page.encode(ctx, f.caller, nil, bare, true); !errors.Is(err, errOutline) {
			t.Errorf("an outline %s: %q, %v", what, out, err)
		}
	}
}

// TestARecordThatTheShelfGaveByItsNameHasNothingElse sets each field of it in turn.
func TestARecordThatTheShelfGaveByItsNameHasNothingElse(t *testing.T) {
	f := newFixture(t)
	_, e := f.sealed(t, victimName)
	ctx, _ := f.outlined(t, e, caring)
	set := 0
	refused := func(what protoreflect.Name, meddle func(m protoreflect.Message)) {
		m := jisrv1.Victim_builder{Name: victimName}.Build().ProtoReflect()
		meddle(m)
		if _, _, err := f.page.encode(ctx, f.caller, nil, m.Interface(), true); !errors.Is(err, errBeside) {
			t.Errorf("a victim with its %s: %v", what, err)
		}
		set++
	}
	fields := record.ByName("Victim").Desc.Fields()
	for i := range fields.Len() {
		fd := fields.Get(i)
		switch {
		case fd.Name() == "name":
		case fd.IsList():
			refused(fd.Name(), func(m protoreflect.Message) { m.Mutable(fd).List().AppendMutable() })
		case fd.Message() != nil:
			refused(fd.Name(), func(m protoreflect.Message) { m.Mutable(fd) }) // empty
		case fd.Enum() != nil:
			refused(fd.Name(), func(m protoreflect.Message) { m.Set(fd, protoreflect.ValueOfEnum(1)) })
		default:
			refused(fd.Name(), func(m protoreflect.Message) { m.Set(fd, protoreflect.ValueOfString("x")) })
		}
	}
	refused("envelope", func(m protoreflect.Message) { m.SetUnknown(e.Append(nil)) })
	agreement.DocketFrom(ctx).Load(victimName, agreement.Loaded{Standing: caring})
	bare := jisrv1.Victim_builder{Name: victimName}.Build()
	if _, _, err := f.page.encode(ctx, f.caller, nil, bare, true); !errors.Is(err, errUnloaded) {
		t.Errorf("a name alone, of a record that was loaded without an outline: %v", err)
	}
	if set < 20 {
		t.Errorf("only %d fields were set", set)
	}
}
