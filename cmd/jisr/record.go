package main

import (
	"fmt"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/timestamppb"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
)

// withholder is a record that says what was withheld of it.
type withholder interface {
	GetWithheld() []*jisrv1.Withholding
}

// printRecord prints a record for people, in the order of the contract, and
// below it what was withheld and whom to ask.
func (a *app) printRecord(msg proto.Message) error {
	var b strings.Builder
	writeFields(&b, msg.ProtoReflect(), "")
	if w, ok := msg.(withholder); ok && len(w.GetWithheld()) > 0 {
		b.WriteString("withheld:\n")
		for _, x := range w.GetWithheld() {
			line := fmt.Sprintf("  %s: %s", enumName(x.GetDataClass()), enumName(x.GetReason()))
			if ask := x.GetAskAgency(); ask != "" {
				line += ", ask " + ask
			}
			b.WriteString(visible(line) + "\n")
		}
	}
	_, err := fmt.Fprint(a.stdout, b.String())
	return written(err)
}

// writeFields writes what is set. A list of messages has a dash for each; words
// over several lines stand as a block, so that each line can be read as it is.
func writeFields(b *strings.Builder, m protoreflect.Message, margin string) {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		fd := fields.Get(i)
		if !m.Has(fd) || fd.Name() == "withheld" {
			continue
		}
		name, v := margin+string(fd.Name())+":", m.Get(fd)
		switch {
		case fd.IsList() && fd.Message() != nil:
			b.WriteString(name + "\n")
			for j := range v.List().Len() {
				writeItem(b, v.List().Get(j).Message(), margin)
			}
		case fd.IsList():
			items := make([]string, v.List().Len())
			for j := range items {
				items[j] = scalar(fd, v.List().Get(j))
			}
			b.WriteString(name + " [" + strings.Join(items, ", ") + "]\n")
		case isTimestamp(fd):
			b.WriteString(name + " " + timeText(v.Message()) + "\n")
		case fd.Message() != nil:
			b.WriteString(name + "\n")
			writeFields(b, v.Message(), margin+"  ")
		default:
			text := scalar(fd, v)
			if strings.Contains(text, "\n") {
				text = "|\n" + margin + "  " + strings.ReplaceAll(text, "\n", "\n"+margin+"  ")
			}
			b.WriteString(name + " " + text + "\n")
		}
	}
}

func writeItem(b *strings.Builder, m protoreflect.Message, margin string) {
	var item strings.Builder
	writeFields(&item, m, margin+"    ")
	text := item.String()
	if text == "" {
		text = margin + "    {}\n"
	}
	b.WriteString(margin + "  - " + strings.TrimPrefix(text, margin+"    "))
}

func isTimestamp(fd protoreflect.FieldDescriptor) bool {
	return fd.Message() != nil && fd.Message().FullName() == "google.protobuf.Timestamp"
}

func timeText(m protoreflect.Message) string {
	ts, ok := m.Interface().(*timestamppb.Timestamp)
	if !ok {
		return "?"
	}
	return stamp(ts)
}

// stamp writes a time in UTC, to the second; "-" where there is none.
func stamp(ts *timestamppb.Timestamp) string {
	if ts == nil {
		return "-"
	}
	return ts.AsTime().UTC().Format(time.RFC3339)
}

func scalar(fd protoreflect.FieldDescriptor, v protoreflect.Value) string {
	if fd.Kind() == protoreflect.EnumKind {
		return short(fd.Enum(), v.Enum())
	}
	if fd.Kind() == protoreflect.BytesKind {
		return fmt.Sprintf("%x", v.Bytes())
	}
	return visible(v.String())
}
