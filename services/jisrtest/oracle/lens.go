package oracle

import (
	"slices"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
)

// Link is one tie between the asking agency and a record.
type Link struct {
	// Kind is what ties them. On a referral, SENDER and RECEIVER are its parties.
	Kind jisrv1.Link
	// Scope holds the classes that the link reaches; nil reaches all. Shares,
	// notifications and what a receiver is sent have one.
	Scope map[jisrv1.DataClass]bool
}

// Standing is all that a test says about an agency and a record.
type Standing struct {
	// Links are what ties the agency to the record; none: the record is not on its shelf.
	Links []Link
	// Own holds the classes of the sections whose current revision the agency wrote.
	Own map[jisrv1.DataClass]bool
	// Consented holds the classes for which a consent to this agency is in force, or a record that stands for one.
	Consented map[jisrv1.DataClass]bool
	// Ordered holds the classes that a judge's order in force discloses to the agency.
	Ordered map[jisrv1.DataClass]bool
	// ActorSeen says of a log entry that the link of whoever acted is evident to the agency.
	ActorSeen bool
}

// working links are those of somebody who does something in the case now.
var working = []jisrv1.Link{
	jisrv1.Link_LINK_OWNER,
	jisrv1.Link_LINK_PARTICIPANT,
	jisrv1.Link_LINK_ASSIGNED,
	jisrv1.Link_LINK_SENDER,
	jisrv1.Link_LINK_RECEIVER,
	jisrv1.Link_LINK_NOTIFIED,
}

// parties are the links of the two sides of an active referral.
var parties = []jisrv1.Link{
	jisrv1.Link_LINK_SENDER,
	jisrv1.Link_LINK_RECEIVER,
}

// lookers keep sight of their own dealings and sections and gain nothing else:
// what they did has ended, or an order merely names or addresses them.
var lookers = []jisrv1.Link{
	jisrv1.Link_LINK_PAST,
	jisrv1.Link_LINK_AUTHOR,
	jisrv1.Link_LINK_NAMED,
	jisrv1.Link_LINK_ADDRESSED,
}

// dealings are a party's own: no scope narrows them, and their end does not hide them.
var dealings = set(
	jisrv1.DataClass_DATA_CLASS_EXCHANGE,
	jisrv1.DataClass_DATA_CLASS_REFERENCE,
	jisrv1.DataClass_DATA_CLASS_PROGRESS,
	jisrv1.DataClass_DATA_CLASS_REFERRAL_STATUS,
	jisrv1.DataClass_DATA_CLASS_REFERRAL_PARTIES,
	jisrv1.DataClass_DATA_CLASS_REFERRAL_OUTCOME,
	jisrv1.DataClass_DATA_CLASS_SHARE_TERMS,
	jisrv1.DataClass_DATA_CLASS_NOTIFICATION,
	jisrv1.DataClass_DATA_CLASS_DELIVERY,
)

// shelved are open to whoever the shelf lets in.
var shelved = set(
	jisrv1.DataClass_DATA_CLASS_REFERENCE,
	jisrv1.DataClass_DATA_CLASS_SHARE_TERMS,
	jisrv1.DataClass_DATA_CLASS_NOTIFICATION,
	jisrv1.DataClass_DATA_CLASS_DELIVERY,
)

// statistical is all that counting needs.
var statistical = set(
	jisrv1.DataClass_DATA_CLASS_EXCHANGE,
	jisrv1.DataClass_DATA_CLASS_REFERENCE,
	jisrv1.DataClass_DATA_CLASS_CASE_STATUS,
	jisrv1.DataClass_DATA_CLASS_CASE_CORE,
	jisrv1.DataClass_DATA_CLASS_REFERRAL_STATUS,
)

// consular is what consular help needs, besides one's dealings.
var consular = set(
	jisrv1.DataClass_DATA_CLASS_CASE_STATUS,
	jisrv1.DataClass_DATA_CLASS_CASE_CORE,
	jisrv1.DataClass_DATA_CLASS_CASE_PARTIES,
	jisrv1.DataClass_DATA_CLASS_VICTIM_NATIONALITY,
	jisrv1.DataClass_DATA_CLASS_VICTIM_IDENTITY,
	jisrv1.DataClass_DATA_CLASS_VICTIM_DOCUMENTS,
	jisrv1.DataClass_DATA_CLASS_VICTIM_CONSULAR,
	jisrv1.DataClass_DATA_CLASS_RETURN_RISK,
	jisrv1.DataClass_DATA_CLASS_CONSENT_SCOPE,
	jisrv1.DataClass_DATA_CLASS_REFERRAL_STATUS,
	jisrv1.DataClass_DATA_CLASS_REFERRAL_PARTIES,
	jisrv1.DataClass_DATA_CLASS_REFERRAL_REQUEST,
	jisrv1.DataClass_DATA_CLASS_REFERRAL_LOGISTICS,
	jisrv1.DataClass_DATA_CLASS_REFERRAL_OUTCOME,
	jisrv1.DataClass_DATA_CLASS_HEARINGS,
	jisrv1.DataClass_DATA_CLASS_COURT_ORDERS,
	jisrv1.DataClass_DATA_CLASS_SUSPECT_NOTICE,
	jisrv1.DataClass_DATA_CLASS_NOTIFICATION_RECEIPTS,
	jisrv1.DataClass_DATA_CLASS_CASE_PERSONS,
)

// Lens returns the classes that an agency in that role, for that purpose, may read of a record to which it so stands.
func Lens(role jisrv1.Role, purpose jisrv1.Purpose, s Standing) map[jisrv1.DataClass]bool {
	open := make(map[jisrv1.DataClass]bool)
	for _, class := range Classes() {
		if purposeAllows(purpose, class) && opens(role, class, s) {
			open[class] = true
		}
	}
	return open
}

// purposeAllows reports whether the class is under the purpose's ceiling, which binds one's own sections and orders too.
func purposeAllows(purpose jisrv1.Purpose, class jisrv1.DataClass) bool {
	switch purpose {
	case jisrv1.Purpose_PURPOSE_UNSPECIFIED, jisrv1.Purpose_PURPOSE_OPERATIONS:
		return false
	case jisrv1.Purpose_PURPOSE_STATISTICS:
		return statistical[class]
	case jisrv1.Purpose_PURPOSE_CONSULAR:
		return dealings[class] || consular[class]
	default:
		return true
	}
}

func opens(role jisrv1.Role, class jisrv1.DataClass, s Standing) bool {
	cell := CellOf(role, class)
	switch {
	case cell.None():
		return false
	case class == jisrv1.DataClass_DATA_CLASS_EXCHANGE:
		return true
	case len(s.Links) == 0:
		return false
	case shelved[class]:
		return true
	case class == jisrv1.DataClass_DATA_CLASS_LOG_AGENCY:
		return s.linked(jisrv1.Link_LINK_OWNER) && s.ActorSeen
	case class == jisrv1.DataClass_DATA_CLASS_LOG_ENTRY && cell.Under("w"):
		return s.linked(jisrv1.Link_LINK_OWNER)
	// Choice: one's own section opens where the role has the class in some way,
	// under whatever condition, and not where its cell is shut.
	// Consent that is missing closes one's own words too (design: own sections,
	// less the classes that need a consent that is not there).
	case s.Own[class]:
		return !cell.Under("c") || s.Consented[class]
	case dealings[class] && s.linked(lookers...):
		return true
	// The one part that goes by address: no link and no territory stands in for it.
	case class == jisrv1.DataClass_DATA_CLASS_COURT_ORDERS && s.linked(jisrv1.Link_LINK_ADDRESSED):
		return true
	case class == jisrv1.DataClass_DATA_CLASS_COURT_ORDERS && cell.Of("P") && !cell.Under("j"):
		return false
	// Choice: an order opens the cells that name an order and no others; one that
	// overrides a missing consent is given as a consent.
	case cell.Under("j"):
		return s.Ordered[class]
	case cell.Under("o"):
		return dealings[class] && s.linked(jisrv1.Link_LINK_SENDER)
	case cell.Under("c") && !s.Consented[class]:
		return false
	default:
		return s.reaches(cell, class)
	}
}

// reaches reports whether a link of a kind that the cell asks for is there and has the class in its scope.
func (s Standing) reaches(cell Cell, class jisrv1.DataClass) bool {
	kinds := working
	switch {
	// Who is a party to a referral is as secret as a location, so working on the case is not enough.
	case cell.Row == 13 && cell.Under("w") && cell.Of("FP"):
		kinds = parties
	case cell.Under("t"):
		kinds = append(slices.Clone(working), jisrv1.Link_LINK_TERRITORY)
	case !cell.Under("w"):
		kinds = append(slices.Clone(working), jisrv1.Link_LINK_OVERSIGHT)
	}
	return slices.ContainsFunc(s.Links, func(l Link) bool {
		inScope := dealings[class] || l.Scope == nil || l.Scope[class]
		return slices.Contains(kinds, l.Kind) && inScope
	})
}

// linked reports whether the agency has a link of one of these kinds, whatever its scope.
func (s Standing) linked(kinds ...jisrv1.Link) bool {
	return slices.ContainsFunc(s.Links, func(l Link) bool { return slices.Contains(kinds, l.Kind) })
}

func set(classes ...jisrv1.DataClass) map[jisrv1.DataClass]bool {
	of := make(map[jisrv1.DataClass]bool, len(classes))
	for _, class := range classes {
		of[class] = true
	}
	return of
}
