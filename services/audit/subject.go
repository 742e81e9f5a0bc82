package audit

import (
	"errors"

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
	var few [64]byte
	var vias [4]string
	var kinds [8]jisrv1.Link
	via, links := linked(vias[:0], kinds[:0], s)
	subject, packed := room[:0], few[:0]
	if name != "" {
		subject = appendText(subject, recordNumber, name)
	}
	for class := range classes.All() {
		packed = protowire.AppendVarint(packed, uint64(class))
	}
	subject = appendPacked(subject, classesNumber, packed)
	for _, v := range via {
		subject = appendText(subject, viaNumber, v)
	}
	packed = packed[:0]
	for _, link := range links {
		packed = protowire.AppendVarint(packed, uint64(link))
	}
	subject = appendPacked(subject, linksNumber, packed)
	b = protowire.AppendTag(b, subjectsNumber, protowire.BytesType)
	return protowire.AppendBytes(b, subject)
}

func appendText(b []byte, n protowire.Number, text string) []byte {
	return protowire.AppendString(protowire.AppendTag(b, n, protowire.BytesType), text)
}

func appendPacked(b []byte, n protowire.Number, packed []byte) []byte {
	if len(packed) == 0 {
		return b
	}
	return protowire.AppendBytes(protowire.AppendTag(b, n, protowire.BytesType), packed)
}

// SetSubjects gives an entry its encoded subjects, which it marshals by copy behind
// its other fields: one that is of a refusal has its own as messages.
func SetSubjects(leaf *jisrv1.LogLeaf, subjects []byte) {
	leaf.ProtoReflect().SetUnknown(subjects)
}

var errEntry = errors.New("audit: an entry that cannot be read")

// Find reads of an encoded entry what it is found by: when it was made, in
// microseconds since 1970, and the names of the records it is about, which it appends
// to records. They share the entry's memory.
func Find(encoded []byte, records [][]byte) (micros int64, _ [][]byte, err error) {
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
			records = append(records, nameIn(subject))
		}
		encoded = encoded[n:]
	}
	return micros, records, nil
}

// nameIn is the name of an encoded subject, which begins with it: an entry is encoded
// in the order of its fields' numbers.
func nameIn(subject []byte) []byte {
	num, typ, n := protowire.ConsumeTag(subject)
	if n < 0 || num != recordNumber || typ != protowire.BytesType {
		return nil // it has none
	}
	name, _ := protowire.ConsumeBytes(subject[n:])
	return name
}
