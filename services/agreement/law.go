// Package agreement is the law of the exchange: the data-sharing agreement
// that the agencies signed, read from text, checked to be total and turned
// into bit sets. It alone decides who may call what, who may know that a
// record exists, and who may see or tell which data class. Nothing here knows
// a record's content, and no other package decides any of this.
package agreement

import (
	"maps"
	"slices"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/record"
)

// Bounds of the tables below. The contract's enums stay under them, and a
// value beyond them is answered as one that nothing was granted to.
const (
	maxRoles         = 32 // a RoleSet is one word
	maxPurposes      = 32
	maxLinks         = 32 // a LinkSet is one word
	maxClasses       = 64 // a record.ClassSet is one word
	maxJurisdictions = 4
)

// Law is an agreement in force. It never changes once parsed, so any number of
// goroutines may ask it; a new agreement is a new Law.
type Law struct {
	text           []byte
	hash           string
	title, edition string

	agencies map[string]*Agency
	sorted   []*Agency
	reasons  map[int32]reason
	rpcs     map[string]RoleSet
	shelves  map[string]*[maxRoles]LinkSet

	purposes     [maxRoles]uint32
	pseudonymous RoleSet
	oversight    RoleSet

	ceilings [maxPurposes]record.ClassSet // what a purpose can open at the most
	cells    [maxRoles][maxClasses]Cell
	lenses   [maxRoles]lens
	asks     [maxClasses][maxJurisdictions]string

	referrals     map[jisrv1.Referral_Kind]Referral
	notifications map[jisrv1.Notification_Subject]Notification
	answers       record.ClassSet // what whoever was merely notified may tell at the most
}

// Agency is a body that takes part in the exchange. Callers must not change it.
type Agency struct {
	// Slug is the name in `agencies/{agency}` and in the agency's certificates.
	Slug string
	// DisplayName, DisplayNameAr and DisplayNameCkb name it in English, Arabic and Sorani.
	DisplayName, DisplayNameAr, DisplayNameCkb string
	// Jurisdiction is the authority under which it acts.
	Jurisdiction jisrv1.Jurisdiction
	// Roles are what its certificates may hold.
	Roles []jisrv1.Role
	// Territories are the governorates in which it acts, by p-code. A case
	// lies in them only if the agency's own jurisdiction administers it: Aqra
	// is in Ninewa and under the Kurdistan Region.
	Territories []string
}

// Referral is what the agreement asks of a kind of referral, and how far such a referral opens the file.
type Referral struct {
	// Kind is the kind.
	Kind jisrv1.Referral_Kind
	// Receivers are the roles that may receive it.
	Receivers RoleSet
	// Order is the judge's order that must be in force for the victim; unspecified: none.
	Order jisrv1.Order_Kind
	// Consent says that it needs the victim's consent or another legal basis in a consent.
	Consent bool
	// Purposes are those of which the consent must name one; none where none is needed.
	Purposes []jisrv1.Purpose
	// Scope is what it can open to its receiver at the most.
	Scope record.ClassSet
	// Protection kinds escalate and never expire.
	Protection bool
}

// Notification is how far a notification opens the file to whoever is told.
type Notification struct {
	// Scope is what it can open at the most.
	Scope record.ClassSet
	// WithConsent is what it can open besides, to roles of which the agreement asks consent for it.
	WithConsent record.ClassSet
}

type reason struct{ text, source string }

// Hash returns the SHA-256 of the agreement's text, in lower-case hex. It
// stands in every reply and every log entry, so that a decision can be
// followed back to the words that made it.
func (l *Law) Hash() string { return l.hash }

// Text returns the agreement as it was written. Callers must not change it.
func (l *Law) Text() []byte { return l.text }

// Title returns the agreement's title.
func (l *Law) Title() string { return l.title }

// Edition returns the agreement's edition, a date.
func (l *Law) Edition() string { return l.edition }

// Agency returns the agency of that slug.
func (l *Law) Agency(slug string) (*Agency, bool) {
	a, ok := l.agencies[slug]
	return a, ok
}

// Agencies returns all agencies by slug.
func (l *Law) Agencies() []*Agency { return slices.Clone(l.sorted) }

// MayCall reports whether the role may call the rpc, named as
// "CaseService/GetCase". What is not written down is denied.
func (l *Law) MayCall(role jisrv1.Role, rpc string) bool { return l.rpcs[rpc].Has(role) }

// RolesFor returns the roles that may call the rpc, ascending.
func (l *Law) RolesFor(rpc string) []jisrv1.Role { return l.rpcs[rpc].List() }

// Purposes returns the purposes for which the role may call, ascending.
func (l *Law) Purposes(role jisrv1.Role) []jisrv1.Purpose {
	var list []jisrv1.Purpose
	for p := jisrv1.Purpose(1); int(p) < maxPurposes; p++ {
		if l.MayUse(role, p) {
			list = append(list, p)
		}
	}
	return list
}

// MayUse reports whether the role may call for the purpose.
func (l *Law) MayUse(role jisrv1.Role, purpose jisrv1.Purpose) bool {
	return known(role) && purpose > 0 && int(purpose) < maxPurposes &&
		l.purposes[role]&(1<<uint(purpose)) != 0
}

// Reach returns the classes that the purpose can open to whoever may call for it.
func (l *Law) Reach(purpose jisrv1.Purpose) record.ClassSet {
	if purpose <= 0 || int(purpose) >= maxPurposes {
		return 0
	}
	return l.ceilings[purpose]
}

// Pseudonymous reports whether records reach the role under pseudonyms.
func (l *Law) Pseudonymous(role jisrv1.Role) bool { return l.pseudonymous.Has(role) }

// Oversight reports whether the role watches over all open matters of its jurisdiction.
func (l *Law) Oversight(role jisrv1.Role) bool { return l.oversight.Has(role) }

// Shelf returns the links by which the role may know that a record of that
// kind ("Victim") exists. Standing that holds none of them is no standing:
// for this caller the record does not exist.
func (l *Law) Shelf(role jisrv1.Role, recordName string) LinkSet {
	shelf, ok := l.shelves[recordName]
	if !ok || !known(role) {
		return 0
	}
	return shelf[role]
}

// Ask returns whom to ask about a class, as `agencies/{agency}`, by the
// jurisdiction of who asks. It never depends on a record: the holder of a
// location is the shelter.
func (l *Law) Ask(class jisrv1.DataClass, asker jisrv1.Jurisdiction) string {
	if class <= 0 || int(class) >= maxClasses || asker <= 0 || int(asker) >= maxJurisdictions {
		return ""
	}
	return l.asks[class][asker]
}

// Referral returns the terms of a kind of referral.
func (l *Law) Referral(kind jisrv1.Referral_Kind) (Referral, bool) {
	r, ok := l.referrals[kind]
	return r, ok
}

// Notified returns how far a notification of that subject opens the file to a role.
func (l *Law) Notified(subject jisrv1.Notification_Subject, role jisrv1.Role) record.ClassSet {
	terms := l.notifications[subject]
	return terms.Scope | terms.WithConsent&l.ConsentClasses(role)
}

// Notification returns how far a notification of that subject opens the file.
func (l *Law) Notification(subject jisrv1.Notification_Subject) Notification {
	return l.notifications[subject]
}

// Reasons returns the codes of all reasons, ascending.
func (l *Law) Reasons() []int32 { return slices.Sorted(maps.Keys(l.reasons)) }

// Reason returns what a reason code says and what it rests on; both empty if there is no such code.
func (l *Law) Reason(code int32) (text, source string) {
	r := l.reasons[code]
	return r.text, r.source
}

// known reports whether the tables hold a row for the role.
func known(role jisrv1.Role) bool { return role > 0 && int(role) < maxRoles }
