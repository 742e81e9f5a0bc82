package keyring

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"io"
	"strings"
	"time"

	"github.com/jisr-exchange/jisr/services/record"
)

// Shelfmarks say where a record lies. A name tells nothing to whoever is given it,
// not even which of two was made first; for a database that is the worst order there
// is, since what is written of new records is spread over all pages of every index.
// So each record lies under a mark, whose id begins with the millisecond in which it
// was made (as in RFC 9562, version 7): what is written together lies together. The
// id of its name is the mark's under a permutation of 128 bits that has a key, as a
// monitor's pseudonyms are. Whoever has the keyring tells one from the other; for
// everybody else a name is 128 random bits.
//
// A mark is written as the name is, but for its ids, which are spelt in letters that
// sort as the ids do. No name is a mark and no mark a name, so that one that is taken
// for the other finds nothing.
//
// Entries of the log have no marks, since they lie by their numbers.
type Shelfmarks struct{ block cipher.Block }

// marked is the spelling of marks: base32 by the alphabet that sorts (RFC 4648, section 7).
var marked = record.NewSpelling("0123456789ABCDEFGHIJKLMNOPQRSTUV")

// entries is how the names of what has no marks begin.
const entries = "logEntries/"

// Shelfmarks returns the exchange's shelfmarks.
func (r *Ring) Shelfmarks() *Shelfmarks {
	block, err := aes.NewCipher(r.Secret("shelfmark"))
	if err != nil {
		panic("keyring: " + err.Error()) // only for a key length that is a constant here
	}
	return &Shelfmarks{block}
}

// NewName makes a name for a record of type t under parent ("" at the top), whose
// mark lies behind those of what was made before.
func (s *Shelfmarks) NewName(t *record.Type, parent string, now time.Time, random io.Reader) (string, error) {
	var id record.ID
	binary.BigEndian.PutUint64(id[:], uint64(now.UnixMilli())<<16)
	if _, err := io.ReadFull(random, id[6:]); err != nil {
		return "", err
	}
	s.block.Encrypt(id[:], id[:])
	return record.NameOf(t, parent, id), nil
}

// Of is the mark of what has a name; what is no name of a record stays as it is.
func (s *Shelfmarks) Of(name string) string {
	if strings.HasPrefix(name, entries) {
		return name
	}
	return record.MapIDs(name, record.IDs, marked, func(id *record.ID) { s.block.Decrypt(id[:], id[:]) })
}

// Name is the name of what lies under a mark; what is no mark stays as it is.
func (s *Shelfmarks) Name(mark string) string {
	return record.MapIDs(mark, marked, record.IDs, func(id *record.ID) { s.block.Encrypt(id[:], id[:]) })
}
