package record

import (
	"io"
	"strings"
	"sync"
)

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
	var id ID
	if _, err := io.ReadFull(random, id[:]); err != nil {
		return "", err
	}
	return NameOf(t, parent, id), nil
}

// NameOf is the name of the record of type t under parent ("" at the top) with that id.
func NameOf(t *Type, parent string, id ID) string {
	var room [128]byte // names are shorter, so that only their text takes memory
	name := room[:0]
	if parent != "" {
		name = append(append(name, parent...), '/')
	}
	name = append(append(name, t.Collection...), '/')
	return string(IDs.Append(name, id))
}

// MapIDs rewrites every record id in a resource name by f, from one spelling into
// another, and leaves agencies and anything that is no id alone.
func MapIDs(name string, from, to *Spelling, f func(*ID)) string {
	if len(name) <= idLength {
		return name
	}
	r := rewritings.Get().(*rewriting)
	defer rewritings.Put(r)
	r.name = r.name[:0]
	collection, in := "", true
	for at := 0; at < len(name); in = !in {
		end := len(name)
		if slash := strings.IndexByte(name[at:], '/'); slash >= 0 {
			end = at + slash
		}
		part := name[at:end]
		if in {
			collection = part
		} else if id, ok := from.Read(part); ok && collection != "agencies" {
			if len(r.name) == 0 {
				r.name = append(r.name, name...)
			}
			r.id = id
			f(&r.id)
			to.Append(r.name[:at], r.id)
		}
		at = end + 1
	}
	if len(r.name) == 0 {
		return name
	}
	return string(r.name)
}

// rewriting is the room in which a name is rewritten.
type rewriting struct {
	name []byte
	id   ID
}

var rewritings = sync.Pool{New: func() any { return &rewriting{} }}
