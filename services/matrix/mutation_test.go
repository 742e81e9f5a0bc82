package matrix

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/jisr-exchange/jisr"
	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/agreement"
)

// mutation turns one decision of the agreement around.
type mutation struct {
	// line begins the line of the sheet that must then be another.
	line string
	turn func(*jisrv1.Agreement)
}

// Every decision that the agreement holds, turned around, is refused by the
// server or is another line of the golden sheet: none is there for nothing.
func TestEveryDecisionTurnedAroundIsNoticed(t *testing.T) {
	msg := &jisrv1.Agreement{}
	if err := prototext.Unmarshal(jisr.Agreement, msg); err != nil {
		t.Fatal(err)
	}
	before := byLine(printed(t, shipped(t, nil)))
	turned := 0
	for _, batch := range mutations(msg) {
		turned += len(batch)
		for _, m := range unnoticed(t, msg, before, batch) {
			t.Errorf("%s: turned around, and nobody noticed", m.line)
		}
	}
	if turned < 5000 {
		t.Errorf("only %d decisions were turned around", turned)
	}
	t.Logf("%d decisions in %d lines", turned, len(before))
}

// unnoticed returns the mutations that are neither refused nor seen on the
// sheet. They are tried together; where the server refuses, in halves.
func unnoticed(t *testing.T, msg *jisrv1.Agreement, before map[string]string, batch []mutation) (left []mutation) {
	t.Helper()
	changed := proto.Clone(msg).(*jisrv1.Agreement)
	for _, m := range batch {
		m.turn(changed)
	}
	text, err := prototext.Marshal(changed)
	if err != nil {
		t.Fatal(err)
	}
	law, err := agreement.Parse(text)
	switch {
	case err != nil && len(batch) == 1:
		return nil
	case err != nil:
		half := len(batch) / 2
		return append(unnoticed(t, msg, before, batch[:half]), unnoticed(t, msg, before, batch[half:])...)
	}
	after := byLine(printed(t, NewSheet(law, Current())))
	for _, m := range batch {
		if now, ok := after[m.line]; ok && now == before[m.line] {
			left = append(left, m)
		} else if _, was := before[m.line]; !ok && !was {
			t.Errorf("the sheet has no line %q", m.line)
		}
	}
	return left
}

// byLine is a printed sheet by what its lines are about.
func byLine(sheet string) map[string]string {
	lines := make(map[string]string)
	for line := range strings.Lines(sheet) {
		if about, words, ok := strings.Cut(line, ":"); ok {
			lines[about] = words
		}
	}
	return lines
}

// mutations are all decisions of the agreement, in batches of which no two stand in one line.
func mutations(msg *jisrv1.Agreement) (batches [][]mutation) {
	r := msg.ProtoReflect()
	for _, part := range []struct {
		list, line string
		name       func(protoreflect.Message) string
		// within is the list of cells in an entry, where it has one.
		within string
	}{
		{"classes", "cell", func(m protoreflect.Message) string {
			return agreement.ClassName(m.Interface().(*jisrv1.ClassTerms).GetDataClass())
		}, "cells"},
		{"records", "shelf", func(m protoreflect.Message) string { return m.Interface().(*jisrv1.RecordTerms).GetRecord() }, "cells"},
		{"rpcs", "door", func(m protoreflect.Message) string { return m.Interface().(*jisrv1.RpcTerms).GetRpc() }, ""},
		{"roles", "role", func(m protoreflect.Message) string {
			return agreement.RoleName(m.Interface().(*jisrv1.RoleTerms).GetRole())
		}, ""},
		{"purposes", "purpose", func(m protoreflect.Message) string {
			return agreement.PurposeName(m.Interface().(*jisrv1.PurposeTerms).GetPurpose())
		}, ""},
		{"agencies", "agency", func(m protoreflect.Message) string { return m.Interface().(*jisrv1.AgencyTerms).GetAgency() }, ""},
		{"referrals", "referral", func(m protoreflect.Message) string {
			return strings.TrimPrefix(m.Interface().(*jisrv1.ReferralTerms).GetKind().String(), "KIND_")
		}, ""},
		{"notifications", "notification", func(m protoreflect.Message) string {
			return strings.TrimPrefix(m.Interface().(*jisrv1.NotificationTerms).GetSubject().String(), "SUBJECT_")
		}, ""},
	} {
		list := r.Descriptor().Fields().ByName(protoreflect.Name(part.list))
		turns := make(map[string][]mutation)
		for i := range r.Get(list).List().Len() {
			entry := r.Get(list).List().Get(i).Message()
			at := func(m *jisrv1.Agreement) protoreflect.Message {
				return m.ProtoReflect().Get(list).List().Get(i).Message()
			}
			about := part.line + " " + part.name(entry)
			if part.within == "" {
				turn(turns, entry.Descriptor(), func(field string) string { return lineOf(about, part.line, field) }, at)
				continue
			}
			cells := entry.Descriptor().Fields().ByName(protoreflect.Name(part.within))
			for j := range entry.Get(cells).List().Len() {
				cell := entry.Get(cells).List().Get(j).Message()
				role := agreement.RoleName(jisrv1.Role(cell.Get(cell.Descriptor().Fields().ByName("role")).Enum()))
				if role == "operations" {
					continue // the server refuses whatever it would be given
				}
				turn(turns, cell.Descriptor(), func(string) string { return about + " " + role },
					func(m *jisrv1.Agreement) protoreflect.Message { return at(m).Get(cells).List().Get(j).Message() })
			}
		}
		for _, field := range sorted(turns) {
			batches = append(batches, turns[field])
		}
	}
	// What whoever was merely notified may tell is one list of its own.
	for class := range jisrv1.DataClass_name {
		if number := protoreflect.EnumNumber(class); number != 0 {
			answers := r.Descriptor().Fields().ByName("answers")
			batches = append(batches, []mutation{{"answers NOTIFIED", func(m *jisrv1.Agreement) { toggle(m.ProtoReflect(), answers, number) }}})
		}
	}
	return batches
}

// lineOf is where a field of an entry stands on the sheet.
func lineOf(about, kind, field string) string {
	switch {
	case kind == "referral" && (field == "order" || field == "consent"):
		return about + " needs"
	case kind == "referral" || kind == "notification":
		return about + " " + field
	}
	return about
}

// told are fields of the agreement that name or explain, and decide nothing.
var told = []string{"role", "data_class", "rpc", "record", "purpose", "kind", "subject", "agency", "display_name", "display_name_ar", "display_name_ckb", "ask", "cells", "reasons"}

// turn collects, by field and value, what turns around each decision of an entry.
func turn(turns map[string][]mutation, entry protoreflect.MessageDescriptor, line func(field string) string, at func(*jisrv1.Agreement) protoreflect.Message) {
	for i := range entry.Fields().Len() {
		fd := entry.Fields().Get(i)
		name := string(fd.Name())
		if slices.Contains(told, name) {
			continue
		}
		add := func(value string, change func(protoreflect.Message)) {
			key := name + " " + value
			turns[key] = append(turns[key], mutation{line(name), func(m *jisrv1.Agreement) { change(at(m)) }})
		}
		switch {
		case fd.IsList() && fd.Kind() == protoreflect.EnumKind:
			for n := 1; n < fd.Enum().Values().Len(); n++ {
				number := fd.Enum().Values().Get(n).Number()
				if name == "write" && number == jisrv1.Condition_CONDITION_ORDER.Number() {
					continue // an order opens for reading only, and the server refuses another
				}
				add(fmt.Sprint(number), func(m protoreflect.Message) { toggle(m, fd, number) })
			}
		case fd.IsList() && fd.Kind() == protoreflect.StringKind:
			add("one more", func(m protoreflect.Message) { m.Mutable(fd).List().Append(protoreflect.ValueOfString("IQG13")) })
			add("none", func(m protoreflect.Message) {
				if m.Get(fd).List().Len() == 0 {
					m.Mutable(fd).List().Append(protoreflect.ValueOfString("IQG14"))
					return
				}
				m.Clear(fd)
			})
		case fd.Kind() == protoreflect.BoolKind:
			add("", func(m protoreflect.Message) { m.Set(fd, protoreflect.ValueOfBool(!m.Get(fd).Bool())) })
		case fd.Kind() == protoreflect.EnumKind:
			add("", func(m protoreflect.Message) {
				next := (m.Get(fd).Enum() + 1) % protoreflect.EnumNumber(fd.Enum().Values().Len())
				m.Set(fd, protoreflect.ValueOfEnum(next))
			})
		default:
			add("", func(m protoreflect.Message) { m.Clear(fd) })
		}
	}
}

// toggle takes a value out of a list, or puts it in.
func toggle(m protoreflect.Message, fd protoreflect.FieldDescriptor, number protoreflect.EnumNumber) {
	var kept []protoreflect.EnumNumber
	there := false
	for i := range m.Get(fd).List().Len() {
		if n := m.Get(fd).List().Get(i).Enum(); n == number {
			there = true
		} else {
			kept = append(kept, n)
		}
	}
	if !there {
		kept = append(kept, number)
	}
	if never := jisrv1.Condition_CONDITION_NEVER.Number(); fd.Enum().Name() == "Condition" {
		// That nothing opens a class stands alone, and is written down.
		switch {
		case number == never && !there:
			kept = []protoreflect.EnumNumber{never}
		case number == never:
			kept = []protoreflect.EnumNumber{jisrv1.Condition_CONDITION_ALWAYS.Number()}
		case len(kept) == 0:
			kept = []protoreflect.EnumNumber{never}
		default:
			kept = slices.DeleteFunc(kept, func(n protoreflect.EnumNumber) bool { return n == never })
		}
	}
	m.Clear(fd)
	for _, n := range kept {
		m.Mutable(fd).List().Append(protoreflect.ValueOfEnum(n))
	}
}

func sorted(turns map[string][]mutation) (keys []string) {
	for k := range turns {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
