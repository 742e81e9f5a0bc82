package agreement

import (
	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/record"
)

// Standing is what links the asking agency to one record now. The store loads
// it with the record; the law turns it into a lens.
type Standing struct {
	// Links are the links in force.
	Links []InForce
	// Own are the classes whose current revision on this record the agency wrote.
	Own record.ClassSet
	// Consented are the classes for which the person's consent to this role,
	// agency and purpose is in force.
	Consented record.ClassSet
	// Shut are classes that this one record does not show to the caller, whatever
	// links it has: the agency behind a log entry, where what linked that agency to
	// the matter is not evident.
	Shut record.ClassSet
}

// InForce is one link in force.
type InForce struct {
	// Link is its kind.
	Link jisrv1.Link
	// Scope is how far it reaches: record.EveryClass, a referral's or share's
	// scope, or the classes that a disclosing order opens.
	Scope record.ClassSet
	// Via is the name of the record that made the link (a referral, share,
	// order, notification); empty for ownership, territory and oversight.
	Via string
}

// LinkSet is a set of link kinds.
type LinkSet uint32

// Links returns the set of the given links.
func Links(links ...jisrv1.Link) LinkSet {
	var s LinkSet
	for _, l := range links {
		s |= 1 << uint(l)
	}
	return s
}

// Has reports whether l is in the set. The unspecified link never is.
func (s LinkSet) Has(l jisrv1.Link) bool { return l > 0 && s&(1<<uint(l)) != 0 }
