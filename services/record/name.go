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

// collections says which type lies under which pattern of collections.
var collections = map[string]string{
	"cases":                  "Case",
	"cases/victims":          "Victim",
	"cases/suspects":         "Suspect",
	"cases/referrals":        "Referral",
	"cases/orders":           "Order",
	"cases/shares":           "Share",
	"cases/victims/consents": "Consent",
	"notifications":          "Notification",
	"agencies/deliveries":    "Delivery",
	"logEntries":             "LogEntry",
}

// ParseName parses the name of a record. It accepts only names that this
// exchange could have given out; anything else is no name at all.
func ParseName(full string) (Name, bool) {
	parts := strings.Split(full, "/")
	if len(parts) < 2 || len(parts) > 6 || len(parts)%2 != 0 {
		return Name{}, false
	}
	var pattern []string
	for i := 0; i < len(parts); i += 2 {
		pattern = append(pattern, parts[i])
		if parts[i] == "agencies" && !isSlug(parts[i+1]) || parts[i] != "agencies" && !ValidID(parts[i+1]) {
			return Name{}, false
		}
	}
	t := ByName(collections[strings.Join(pattern, "/")])
	if t == nil {
		return Name{}, false
	}
	n := Name{Type: t, Full: full, Parent: strings.Join(parts[:len(parts)-2], "/")}
	if parts[0] == "cases" {
		n.Case = parts[0] + "/" + parts[1]
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
	id, err := NewID(random)
	if err != nil {
		return "", err
	}
	name := t.Collection + "/" + id
	if parent != "" {
		name = parent + "/" + name
	}
	return name, nil
}

// NewID makes a random id.
func NewID(random io.Reader) (string, error) {
	var b [idBytes]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return "", err
	}
	return EncodeID(b), nil
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

// ValidID reports whether id is well formed.
func ValidID(id string) bool {
	_, ok := DecodeID(id)
	return ok
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
