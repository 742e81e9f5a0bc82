package audit

import (
	"errors"
	"iter"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/record"
)

// Field numbers of LogLeaf and LogSubject, which are written and read as bytes: the
// entry of a page is about a hundred records.
const (
	timeNumber     = 2
	subjectsNumber = 10

	recordNumber  = 1
	classesNumber = 2
	viaNumber     = 3
	linksNumber   = 6
)

// AppendSubject appends to an entry's encoded subjects that classes of a record were
// shown, and what linked the agency to it.
func AppendSubject(b []byte, name string, classes record.ClassSet, s agreement.Standing) []byte {
	var room [256]byte
	var vias [4]string
	var kinds [8]jisrv1.Link
	via, links := linked(vias[:0], kinds[:0], s)
	subject := room[:0]
	if name != "" {
		subject = appendText(subject, recordNumber, name)
	}
	subject = appendEnums(subject, classesNumber, classes.All())
	for _, v := range via {
		subject = appendText(subject, viaNumber, v)
	}
	subject = appendEnums(subject, linksNumber, slices.Values(links))
	b = protowire.AppendTag(b, subjectsNumber, protowire.BytesType)
	return protowire.AppendBytes(b, subject)
}

func appendText(b []byte, n protowire.Number, text string) []byte {
	return protowire.AppendString(protowire.AppendTag(b, n, protowire.BytesType), text)
}

func appendEnums[E ~int32](b []byte, n protowire.Number, values iter.Seq[E]) []byte {
	var room [64]byte
	packed := room[:0]
	for v := range values {
		packed = protowire.AppendVarint(packed, uint64(v))
	}
	if len(packed) == 0 {
		return b
	}
	b = protowire.AppendTag(b, n, protowire.BytesType)
	return protowire.AppendBytes(b, packed)
}

// SetSubjects gives an entry its encoded subjects, which it marshals by copy behind
// its other fields: one that is of a refusal has its own as messages.
func SetSubjects(leaf *jisrv1.LogLeaf, subjects []byte) {
	leaf.ProtoReflect().SetUnknown(subjects)
}

var errEntry = errors.New("audit: an entry that cannot be read")

// Find reads of an encoded entry what it is found by: when it was made, in
// microseconds since 1970, and the names of the records it is about. They share its
// memory.
func Find(encoded []byte) (micros int64, records [][]byte, err error) {
	for len(encoded) > 0 {
		num, typ, n := protowire.ConsumeTag(encoded)
		if n < 0 {
			return 0, nil, errEntry
		}
		encoded = encoded[n:]
		if n = protowire.ConsumeFieldValue(num, typ, encoded); n < 0 {
			return 0, nil, errEntry
		}
		switch {
		case num == timeNumber && typ == protowire.VarintType:
			v, _ := protowire.ConsumeVarint(encoded)
			micros = int64(v)
		case num == subjectsNumber && typ == protowire.BytesType:
			subject, _ := protowire.ConsumeBytes(encoded)
			name, err := nameIn(subject)
			if err != nil {
				return 0, nil, err
			}
			records = append(records, name)
		}
		encoded = encoded[n:]
	}
	return micros, records, nil
}

// nameIn is the name of an encoded subject.
func nameIn(subject []byte) (name []byte, err error) {
	for len(subject) > 0 {
		num, typ, n := protowire.ConsumeTag(subject)
		if n < 0 {
			return nil, errEntry
		}
		subject = subject[n:]
		if n = protowire.ConsumeFieldValue(num, typ, subject); n < 0 {
			return nil, errEntry
		}
		if num == recordNumber && typ == protowire.BytesType {
			name, _ = protowire.ConsumeBytes(subject)
		}
		subject = subject[n:]
	}
	return name, nil
}
