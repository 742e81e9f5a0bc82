package record

import (
	"encoding/base32"
	"io"
	"strings"
)

// Ids are 128 random bits in lower-case base32 without padding: they carry no
// order, date or identity, so that nothing can be learned from a name.
const (
	idBytes  = 16
	idLength = 26
)

var idEncoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// Name is a parsed resource name of a record.
type Name struct {
	// Type is the record's type.
	Type *Type
	// Full is the whole name.
	Full string
	// Parent is the name of the record or agency it lies under; empty at the top.
	Parent string
	// Case is the name of the case it lies in; empty outside of cases.
	Case string
}

// under is a collection below a record of a kind; at the top the kind is empty.
type under struct{ kind, collection string }

// kinds says what lies in a collection.
var kinds = map[under]string{
	{"", "cases"}:          "Case",
	{"Case", "victims"}:    "Victim",
	{"Case", "suspects"}:   "Suspect",
	{"Case", "referrals"}:  "Referral",
	{"Case", "orders"}:     "Order",
	{"Case", "shares"}:     "Share",
	{"Victim", "consents"}: "Consent",
	{"", "notifications"}:  "Notification",
	{"", "agencies"}:       agency,
	{agency, "deliveries"}: "Delivery",
	{"", "logEntries"}:     "LogEntry",
}

// agency is what is no record: its id is a slug, and it is in the agreement.
const agency = "an agency"

// ParseName parses the name of a record. It accepts only names that this
// exchange could have given out; anything else is no name at all.
func ParseName(full string) (Name, bool) {
	n := Name{Full: full}
	kind, rest := "", full
	for more := true; more; {
		collection, after, _ := strings.Cut(rest, "/")
		id, next, deeper := strings.Cut(after, "/")
		kind = kinds[under{kind, collection}]
		if kind == "" || kind == agency && !isSlug(id) || kind != agency && !ValidID(id) {
			return Name{}, false
		}
		end := len(full) - len(after) + len(id)
		if kind == "Case" {
			n.Case = full[:end]
		}
		if deeper {
			n.Parent = full[:end]
		}
		rest, more = next, deeper
	}
	if n.Type = ByName(kind); n.Type == nil {
		return Name{}, false
	}
	return n, true
}

// isSlug reports whether s could be an agency's: what is written into the log as
// a name must hold no text of a caller's own.
func isSlug(s string) bool {
	if len(s) < 1 || len(s) > 63 {
		return false
	}
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}

// NewName makes a name for a record of type t under parent ("" at the top).
func NewName(t *Type, parent string, random io.Reader) (string, error) {
	id, err := newID(random)
	if err != nil {
		return "", err
	}
	var room [128]byte // names are shorter, so that only their text takes memory
	name := room[:0]
	if parent != "" {
		name = append(append(name, parent...), '/')
	}
	name = append(append(name, t.Collection...), '/')
	return string(idEncoding.AppendEncode(name, id[:])), nil
}

// NewID makes a random id.
func NewID(random io.Reader) (string, error) {
	id, err := newID(random)
	if err != nil {
		return "", err
	}
	return EncodeID(id), nil
}

func newID(random io.Reader) (id [idBytes]byte, err error) {
	_, err = io.ReadFull(random, id[:])
	return id, err
}

// EncodeID writes 128 bits as an id.
func EncodeID(b [idBytes]byte) string { return idEncoding.EncodeToString(b[:]) }

// DecodeID reads an id. Every id has exactly one spelling.
func DecodeID(id string) (b [idBytes]byte, ok bool) {
	if len(id) != idLength {
		return b, false
	}
	raw, err := idEncoding.DecodeString(id)
	if err != nil || len(raw) != idBytes {
		return b, false
	}
	copy(b[:], raw)
	return b, EncodeID(b) == id
}

// ValidID reports whether id is well formed: whether DecodeID reads it.
func ValidID(id string) bool {
	if len(id) != idLength {
		return false
	}
	for _, c := range []byte(id) {
		if (c < 'a' || c > 'z') && (c < '2' || c > '7') {
			return false
		}
	}
	return strings.IndexByte("aeimquy4", id[idLength-1]) >= 0 // it holds three bits of 128, and two that are zero
}

// MapIDs rewrites every record id in a resource name by f and leaves agencies
// and anything that is no id alone.
func MapIDs(name string, f func(id [idBytes]byte) [idBytes]byte) string {
	parts := strings.Split(name, "/")
	for i := 1; i < len(parts); i += 2 {
		if parts[i-1] == "agencies" {
			continue
		}
		if id, ok := DecodeID(parts[i]); ok {
			parts[i] = EncodeID(f(id))
		}
	}
	return strings.Join(parts, "/")
}
