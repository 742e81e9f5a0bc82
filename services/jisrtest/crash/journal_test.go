package crash_test

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io/fs"
	"math/bits"
	"os"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
)

// journalled is an entry in the file beside the database.
type journalled struct {
	name                   string
	salt, commitment, leaf []byte
}

// journal reads what stands in the journal beside a database, without the program
// that wrote it: two halves of 4 MiB, each a mark, a generation and their sum, and
// behind them what was written at once, each time with its length and a sum over the
// generation and the entries. It is read before the database, so that an entry that
// is posted meanwhile is met in one of them.
func journal(database string) (entries []journalled, err error) {
	const half, mark = 4 << 20, "jisrlog1"
	file, err := os.ReadFile(database + "-entries")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	table := crc32.MakeTable(crc32.Castagnoli)
	for start := 0; start < len(file); start += half {
		b := file[start:min(len(file), start+half)]
		if len(b) < len(mark)+12 || string(b[:len(mark)]) != mark {
			continue
		}
		generation := b[len(mark) : len(mark)+8]
		if crc32.Checksum(b[:len(mark)+8], table) != binary.LittleEndian.Uint32(b[len(mark)+8:]) {
			continue
		}
		for b = b[len(mark)+12:]; len(b) >= 8; {
			length, sum := int(binary.LittleEndian.Uint32(b)), binary.LittleEndian.Uint32(b[4:])
			if length > len(b)-8 || crc32.Update(crc32.Checksum(generation, table), table, b[8:8+length]) != sum {
				break
			}
			for group := b[8 : 8+length]; len(group) > 0; {
				var field [4][]byte
				for i := range field {
					value, n := protowire.ConsumeBytes(group)
					if n < 0 {
						return nil, protowire.ParseError(n)
					}
					field[i], group = value, group[n:]
				}
				entries = append(entries, journalled{string(field[0]), field[1], field[2], field[3]})
			}
			b = b[8+length:]
		}
	}
	return entries, err
}

// findsIn reads a row of what finds entries, without the program that wrote it: the
// least time and number, then for each record the way from the one before it, how many
// finds it has, and the way from each to the next. A box's number begins with 1, and
// goes on with as many of the first bits of the keys that lie in it.
func findsIn(box uint64, row []byte, found func(key uint64, seq, time int64)) error {
	broken := false
	signed := func() int64 {
		v, n := binary.Varint(row)
		row, broken = row[max(n, 0):], broken || n <= 0
		return v
	}
	unsigned := func() uint64 {
		v, n := binary.Uvarint(row)
		row, broken = row[max(n, 0):], broken || n <= 0
		return v
	}
	firstTime, firstSeq, record := signed(), signed(), uint64(0)
	for len(row) > 0 && !broken {
		record += unsigned()
		if inner := bits.Len64(record) - bits.Len64(box); inner < 0 || record>>inner != box {
			return errors.New("a find lies in a box in which nobody looks for it")
		}
		time, seq := firstTime, firstSeq
		for range unsigned() {
			time, seq = time+int64(unsigned()), seq+signed()
			if broken {
				break
			}
			found(record<<4, seq, time)
		}
	}
	if broken {
		return errors.New("a row of finds is cut off")
	}
	return nil
}

// enter takes what is in the journal and not in the database yet.
func (l *ledger) enter(entries []journalled) error {
	for _, e := range entries {
		if _, posted := l.entries[e.name]; posted {
			continue
		}
		leaf := &jisrv1.LogLeaf{}
		if err := proto.Unmarshal(e.leaf, leaf); err != nil {
			return err
		}
		l.add(e.name, e.salt, e.leaf, e.commitment, leaf)
		for _, s := range leaf.GetSubjects() {
			l.listed[listing(s.GetRecord(), e.name)] = true
		}
	}
	return nil
}
