package jisrtest

import (
	"context"
	"fmt"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/jisrtest/oracle"
	"github.com/jisr-exchange/jisr/services/record"
)

// Filled is a play whose case, first victim and suspect have every section
// filled with canaries, each by an agency that may tell it.
type Filled struct {
	*Play
	// Clear are the records in clear, by name.
	Clear map[string]proto.Message
	// Marks are the canaries in them.
	Marks []oracle.Mark
	// Authors say who wrote each section, by record name and class.
	Authors map[string]map[jisrv1.DataClass]string
}

// Linked are the agencies that a filled play gives a working link: the judge assigns them.
var Linked = []string{Judge, Prosecutor, Shelter, Foreign, Health, NGO, "moi-residency/desk", "kri-dcvaw/desk", "momd/desk"}

// Fill lets the judge assign everyone who works on a case, and each section be
// told by the first of them that may.
func Fill(p *Play) *Filled {
	p.t.Helper()
	p.Order(jisrv1.Order_KIND_ASSIGN, p.Case, func(o *jisrv1.Order) {
		for _, who := range Linked {
			o.SetAddressees(append(o.GetAddressees(), p.As(who).Agency))
		}
	})
	f := &Filled{Play: p, Clear: make(map[string]proto.Message), Authors: make(map[string]map[jisrv1.DataClass]string)}
	for name, typ := range map[string]string{p.Case: "Case", p.First: "Victim", p.Suspect: "Suspect"} {
		f.fill(name, record.ByName(typ))
	}
	return f
}

func (f *Filled) fill(name string, t *record.Type) {
	f.t.Helper()
	canary, marks, err := oracle.Canary(t, name)
	f.must(err)
	clear := t.New()
	f.Authors[name] = make(map[jisrv1.DataClass]string)
	for _, section := range t.Sections {
		one := t.New()
		one.ProtoReflect().Set(section.Desc, canary.ProtoReflect().Get(section.Desc))
		setName(one, name)
		for _, who := range append([]string{Police}, Linked...) {
			if f.update(who, one, string(section.Desc.Name())) == nil {
				f.Authors[name][section.Class] = who
				break
			}
		}
		if f.Authors[name][section.Class] == "" {
			f.t.Fatalf("nobody may tell %s", t.Path(section))
		}
		clear.ProtoReflect().Set(section.Desc, canary.ProtoReflect().Get(section.Desc))
	}
	for _, m := range marks {
		for _, section := range t.Sections {
			if section.Class == m.Class {
				f.Marks = append(f.Marks, m)
				break
			}
		}
	}
	f.Clear[name] = clear
}

func (f *Filled) update(who string, m proto.Message, path string) error {
	ctx, mask := context.Background(), &fieldmaskpb.FieldMask{Paths: []string{path}}
	c := f.As(who)
	var err error
	switch m := m.(type) {
	case *jisrv1.Case:
		_, err = c.UpdateCase(ctx, jisrv1.UpdateCaseRequest_builder{Case: m, UpdateMask: mask}.Build())
	case *jisrv1.Victim:
		_, err = c.UpdateVictim(ctx, jisrv1.UpdateVictimRequest_builder{Victim: m, UpdateMask: mask}.Build())
	case *jisrv1.Suspect:
		_, err = c.UpdateSuspect(ctx, jisrv1.UpdateSuspectRequest_builder{Suspect: m, UpdateMask: mask}.Build())
	default:
		err = fmt.Errorf("no update of a %T", m)
	}
	return err
}

// Get reads a case, victim or suspect by name.
func (c *Client) Get(ctx context.Context, name string) (proto.Message, error) {
	n, ok := record.ParseName(name)
	if !ok {
		return nil, fmt.Errorf("%q is no name", name)
	}
	switch n.Type.Name {
	case "Case":
		return c.GetCase(ctx, jisrv1.GetCaseRequest_builder{Name: name}.Build())
	case "Victim":
		return c.GetVictim(ctx, jisrv1.GetVictimRequest_builder{Name: name}.Build())
	case "Suspect":
		return c.GetSuspect(ctx, jisrv1.GetSuspectRequest_builder{Name: name}.Build())
	}
	return nil, fmt.Errorf("no Get of a %s here", n.Type.Name)
}

func setName(m proto.Message, name string) {
	r := m.ProtoReflect()
	r.Set(r.Descriptor().Fields().ByName("name"), protoreflect.ValueOfString(name))
}
