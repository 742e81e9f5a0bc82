package store

import (
	"encoding/binary"
	"errors"
	"hash/crc32"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
)

// A half begins with a header: a mark, its generation, and their sum. Behind it
// lie frames, of one write each: how long it is, a sum over the generation and the
// entries, and the entries. A frame whose sum is another was never waited for to
// the end, or is of an older generation, and nothing stands behind it.

const (
	headerMark  = "jisrlog1"
	headerBytes = len(headerMark) + 8 + 4
	frameHead   = 4 + 4
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func header(generation int64) []byte {
	b := binary.LittleEndian.AppendUint64([]byte(headerMark), uint64(generation))
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

// seal writes the head of a frame.
func seal(frame []byte, generation int64) {
	binary.LittleEndian.PutUint32(frame, uint32(len(frame)-frameHead))
	binary.LittleEndian.PutUint32(frame[4:], sum(generation, frame[frameHead:]))
}

func sum(generation int64, entries []byte) uint32 {
	var g [8]byte
	binary.LittleEndian.PutUint64(g[:], uint64(generation))
	return crc32.Update(crc32.Checksum(g[:], castagnoli), castagnoli, entries)
}

// unbegun reports whether a half was never begun. Its header lies in one sector of
// the disk, which has it whole or not at all.
func unbegun(b []byte) bool {
	return len(b) < headerBytes || string(b[:headerBytes]) == string(make([]byte, headerBytes))
}

// generationOf is the generation of a half; 0 if it has none.
func generationOf(b []byte) int64 {
	if len(b) < headerBytes || string(b[:len(headerMark)]) != headerMark {
		return 0
	}
	generation := int64(binary.LittleEndian.Uint64(b[len(headerMark):]))
	if string(header(generation)) != string(b[:headerBytes]) {
		return 0
	}
	return generation
}

// keptIn reads what is kept in a half up to where it was written, and says where
// that is.
func keptIn(b []byte, generation int64) (k kept, end int64, err error) {
	end = int64(headerBytes)
	for b = b[headerBytes:]; len(b) >= frameHead; {
		length := uint64(binary.LittleEndian.Uint32(b))
		if length > uint64(len(b)-frameHead) {
			break
		}
		frame := b[frameHead : frameHead+length]
		if sum(generation, frame) != binary.LittleEndian.Uint32(b[4:]) {
			break
		}
		b = b[frameHead+length:]
		end += int64(frameHead + length)
		for len(frame) > 0 {
			n, err := k.consume(frame)
			if err != nil {
				return kept{}, end, err
			}
			frame = frame[n:]
		}
	}
	return k, end, nil
}

// kept are entries as they lie in a half, and what finds them.
type kept struct {
	entries []keptEntry
	finds   []find
}

// keptEntry is an entry whose parts lie in what was read.
type keptEntry struct {
	name, salt, commitment, leaf []byte
	time                         int64
}

// find is what finds an entry, the nth of those that are kept, from a record.
type find struct{ record, time, nth int64 }

// errFrame says that what was durable cannot be read again.
var errFrame = errors.New("store: an entry in the journal cannot be read")

// appendEntry writes an entry: its name, its salt, its commitment and its leaf,
// each behind its length. When it was made and what it is about stand in the leaf.
func appendEntry(b []byte, e *entry) []byte {
	b = protowire.AppendString(b, e.name)
	b = protowire.AppendBytes(b, e.salt)
	b = protowire.AppendBytes(b, e.commitment)
	return protowire.AppendBytes(b, e.leaf)
}

// consume reads an entry, and returns how long it is.
func (k *kept) consume(b []byte) (length int, err error) {
	var fields [4][]byte
	for i := range fields {
		field, n := protowire.ConsumeBytes(b[length:])
		if n < 0 {
			return 0, errFrame
		}
		fields[i] = field
		length += n
	}
	e := keptEntry{name: fields[0], salt: fields[1], commitment: fields[2], leaf: fields[3]}
	first := len(k.finds)
	if e.time, k.finds, err = skim(e.leaf, int64(len(k.entries)), k.finds); err != nil {
		return 0, err
	}
	for i := range k.finds[first:] {
		k.finds[first+i].time = e.time // which may stand behind what it is about
	}
	k.entries = append(k.entries, e)
	return length, nil
}

// The fields of a leaf that its rows are made of.
var (
	leafTime     = numberOf(&jisrv1.LogLeaf{}, "time_micros")
	leafSubjects = numberOf(&jisrv1.LogLeaf{}, "subjects")
	leafRecord   = numberOf(&jisrv1.LogSubject{}, "record")
)

func numberOf(m proto.Message, field protoreflect.Name) protowire.Number {
	return m.ProtoReflect().Descriptor().Fields().ByName(field).Number()
}

// skim reads when the nth entry was made, and what it is about, from its leaf,
// without building that: of an entry nothing else is looked at before it is shown.
func skim(leaf []byte, nth int64, finds []find) (time int64, _ []find, err error) {
	err = eachField(leaf, func(number protowire.Number, value uint64, inner []byte) error {
		switch number {
		case leafTime:
			time = int64(value)
		case leafSubjects:
			var record []byte
			err := eachField(inner, func(number protowire.Number, _ uint64, text []byte) error {
				if number == leafRecord {
					record = text
				}
				return nil
			})
			finds = append(finds, find{record: subjectKeyOf(record), nth: nth})
			return err
		}
		return nil
	})
	return time, finds, err
}

// eachField walks an encoded message: value is a number's, inner what a text, bytes or a message hold.
func eachField(b []byte, f func(number protowire.Number, value uint64, inner []byte) error) error {
	for len(b) > 0 {
		number, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return errFrame
		}
		b = b[n:]
		var value uint64
		var inner []byte
		switch kind {
		case protowire.VarintType:
			value, n = protowire.ConsumeVarint(b)
		case protowire.BytesType:
			inner, n = protowire.ConsumeBytes(b)
		default:
			n = protowire.ConsumeFieldValue(number, kind, b)
		}
		if n < 0 {
			return errFrame
		}
		if err := f(number, value, inner); err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}
