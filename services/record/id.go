package record

import (
	"encoding/binary"
	"io"
)

// ID is what tells a record from others of its kind: 128 random bits, which carry no
// order, date or identity, so that nothing can be learned from a name.
type ID [16]byte

// idLength is how many letters an id has, whatever its spelling.
const idLength = 26

// IDs is the spelling of ids in names: lower-case base32 (RFC 4648, section 6)
// without padding.
var IDs = NewSpelling("abcdefghijklmnopqrstuvwxyz234567")

// Spelling writes ids in base32 without padding: 26 letters of five bits each, the
// last of which holds three. Every id has exactly one spelling.
type Spelling struct {
	letters string
	values  [256]byte // one more than the letter's; 0 for what is no letter
}

// NewSpelling is a spelling by 32 letters, in the order of their values.
func NewSpelling(letters string) *Spelling {
	s := &Spelling{letters: letters[:32]}
	for i, c := range []byte(s.letters) {
		s.values[c] = byte(i + 1)
	}
	return s
}

// Append writes an id behind what is there.
func (s *Spelling) Append(to []byte, id ID) []byte {
	high, low := binary.BigEndian.Uint64(id[:8]), binary.BigEndian.Uint64(id[8:])
	for range idLength {
		to = append(to, s.letters[high>>59])
		high, low = high<<5|low>>59, low<<5
	}
	return to
}

// Read reads what Append writes, and nothing else.
func (s *Spelling) Read(text string) (id ID, ok bool) {
	if len(text) != idLength {
		return id, false
	}
	const whole = idLength - 1 // letters that are all of the id
	var high, low uint64
	for i := range whole {
		value := s.values[text[i]]
		if value == 0 {
			return id, false
		}
		high, low = high<<5|low>>59, low<<5|uint64(value-1)
	}
	last := s.values[text[whole]] - 1 // of what is no letter all bits
	if last&3 != 0 {
		return id, false
	}
	high, low = high<<3|low>>61, low<<3|uint64(last>>2)
	binary.BigEndian.PutUint64(id[:8], high)
	binary.BigEndian.PutUint64(id[8:], low)
	return id, true
}

// NewID makes a random id.
func NewID(random io.Reader) (string, error) {
	var id ID
	if _, err := io.ReadFull(random, id[:]); err != nil {
		return "", err
	}
	return EncodeID(id), nil
}

// EncodeID spells an id as names have it.
func EncodeID(id ID) string { return string(IDs.Append(make([]byte, 0, idLength), id)) }

// ValidID reports whether id is well formed: whether IDs.Read reads it.
func ValidID(id string) bool {
	_, ok := IDs.Read(id)
	return ok
}
