package store

import (
	"encoding/binary"
	"errors"
	"hash/crc32"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/jisr-exchange/jisr/services/audit"
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
	finds   []find   // their numbers count from 0
	names   [][]byte // room for those that the last entry is about
}

// keptEntry is an entry whose parts lie in what was read.
type keptEntry struct {
	name, salt, commitment, leaf []byte
	time                         int64
}

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
	if e.time, k.names, err = audit.Find(e.leaf, k.names[:0]); err != nil {
		return 0, errors.Join(errFrame, err)
	}
	for _, name := range k.names {
		k.finds = append(k.finds, find{ownBox(name), e.time, int64(len(k.entries))})
	}
	k.entries = append(k.entries, e)
	return length, nil
}
