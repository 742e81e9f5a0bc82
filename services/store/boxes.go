package store

import (
	"cmp"
	"encoding/binary"
	"errors"
	"math/bits"
	"slices"
)

// What finds the entries that were posted in a file lies in boxes, many in a row: a row
// for each would be one page of a tree by random keys for each, a hundred for a page that
// somebody reads. A find has a box of its record's own, in which it ends. That lies in
// a wider one with fifteen others, and so on up to the one in which everything lies.
// A find is put into the widest; a box that is full is emptied into those within it. So
// each find is written few times, always along with many, and lies in one of the
// sixteen boxes around its record, however many there are.

// find is what finds an entry by its number from what it is about.
type find struct{ box, time, seq int64 }

const (
	// widestBox holds all others. Their numbers count like those of a heap: of each the
	// sixteen within it are its own times sixteen and more.
	widestBox = 1
	// boxBits is how many bits of a record's key each step inwards tells.
	boxBits = 4
	// ownBits is how many of them an innermost box tells. What two records of one such
	// box share is told apart by what an entry says of itself.
	ownBits = 60

	// boxBytes is from when on a box is emptied: a row for each within it is as long as a page.
	boxBytes = 64 << 10
	// rowBytes is as how long a row counts that is shorter, so that a box has few of them.
	rowBytes = 2 << 10
	// ownAtOnce is how many finds of one record go into its own box, past those between: a
	// record that is read all day would go along through all of them.
	ownAtOnce = 32
	// ownRow is how many finds a row of an innermost box holds.
	ownRow = 512
	// filedAtOnce is how many finds are filed before a full box is looked for: about as
	// much as one that is full has.
	filedAtOnce = 4 << 10
)

// ownBox is the innermost box around a record.
func ownBox[N string | []byte](name N) int64 {
	return 1<<ownBits | int64(uint64(subjectKey(name))>>(64-ownBits))
}

// boxesAround are those in which a box lies, the widest first.
func boxesAround(own int64) (boxes []int64) {
	for inner := ownBits; inner > 0; inner -= boxBits {
		boxes = append(boxes, own>>inner)
	}
	return boxes
}

// within is by how many bits an innermost box's number is longer than those within a box.
func within(box int64) int {
	return ownBits + 1 - bits.Len64(uint64(box)) - boxBits
}

// before orders finds of one box by when their entries were made.
func before(a, b find) int {
	return cmp.Or(cmp.Compare(a.time, b.time), cmp.Compare(a.seq, b.seq))
}

// byBox orders finds as they lie in a row.
func byBox(a, b find) int {
	if a.box != b.box {
		return cmp.Compare(a.box, b.box)
	}
	return before(a, b)
}

// cut returns how many of the first finds have the same of their box's number.
func cut(finds []find, shift int) int {
	n := 1
	for n < len(finds) && finds[n].box>>shift == finds[0].box>>shift {
		n++
	}
	return n
}

// appendFinds writes finds that are in order: the least of their times and numbers, then box
// by box how many there are in it, and each by what it adds to the one before it.
func appendFinds(b []byte, finds []find) []byte {
	least := finds[0]
	for _, f := range finds {
		least.time, least.seq = min(least.time, f.time), min(least.seq, f.seq)
	}
	b = binary.AppendVarint(b, least.time)
	b = binary.AppendVarint(b, least.seq)
	for box := int64(0); len(finds) > 0; {
		n := cut(finds, 0)
		b = binary.AppendUvarint(b, uint64(finds[0].box-box))
		b = binary.AppendUvarint(b, uint64(n))
		last := least
		for _, f := range finds[:n] {
			b = binary.AppendUvarint(b, uint64(f.time-last.time))
			b = binary.AppendVarint(b, f.seq-last.seq)
			last = f
		}
		box, finds = finds[0].box, finds[n:]
	}
	return b
}

// errFinds says that a row of finds cannot be read.
var errFinds = errors.New("store: finds that cannot be read")

// findsIn reads a row and appends its finds; of one box alone, where one is given.
func findsIn(b []byte, box int64, finds []find) ([]find, error) {
	r := varints{b: b}
	least := find{time: r.signed(), seq: r.signed()}
	for at := int64(0); len(r.b) > 0; {
		if at += int64(r.next()); box != 0 && at > box {
			break // nothing of it follows
		}
		n := r.next()
		if n > uint64(len(r.b)) {
			return nil, errFinds
		}
		last := find{at, least.time, least.seq}
		for range n {
			last.time += int64(r.next())
			last.seq += r.signed()
			if box == 0 || box == at {
				finds = append(finds, last)
			}
		}
	}
	if r.bad {
		return nil, errFinds
	}
	return finds, nil
}

// varints reads numbers; from the first that is none on it reads nothing.
type varints struct {
	b   []byte
	bad bool
}

func (r *varints) next() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.b, r.bad = nil, true
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *varints) signed() int64 {
	v, n := binary.Varint(r.b)
	if n <= 0 {
		r.b, r.bad = nil, true
		return 0
	}
	r.b = r.b[n:]
	return v
}

// inOrderOfBoxes sorts finds, each once.
func inOrderOfBoxes(finds []find) []find {
	slices.SortFunc(finds, byBox)
	return slices.Compact(finds)
}
