package agreement

import (
	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/record"
)

// Cell is what the agreement says about one role and one class. Callers must not change it.
type Cell struct {
	// Read are the conditions of which any opens the class for reading.
	Read ConditionSet
	// Write are the conditions of which any lets the role tell the class.
	Write ConditionSet
	// Consent says that reading further needs the person's consent in force.
	Consent bool
	// Reasons say why.
	Reasons []int32
}

// ReadBy returns the links that open the class for reading by this cell, as far
// as the shelf accepts them; own words and a judge's disclosure come beside.
func (c Cell) ReadBy(class record.Class) LinkSet { return openedBy(c.Read, class, true) }

// ToldBy returns the links that let the role tell the class by this cell.
func (c Cell) ToldBy(class record.Class) LinkSet { return openedBy(c.Write, class, false) }

// Answers are the classes that whoever was merely notified may tell, where the cell lets it.
func (l *Law) Answers() record.ClassSet { return l.answers }

func openedBy(conditions ConditionSet, class record.Class, reading bool) LinkSet {
	var links LinkSet
	for _, s := range satisfies {
		if s.within.Has(class) && conditions&s.conditions != 0 && (reading || !s.readingOnly) {
			links |= Links(s.link)
		}
	}
	return links
}

// dealings are the classes of an agency's own traffic with others. Whoever was
// party to it keeps sight of it: no scope narrows them, because a receiver who
// could not read what it was asked, or that it has ended, could not answer.
// Which agency is party is the shelf's matter, not the scope's.
var dealings = record.Classes(
	jisrv1.DataClass_DATA_CLASS_EXCHANGE,
	jisrv1.DataClass_DATA_CLASS_REFERENCE,
	jisrv1.DataClass_DATA_CLASS_PROGRESS,
	jisrv1.DataClass_DATA_CLASS_REFERRAL_STATUS,
	jisrv1.DataClass_DATA_CLASS_REFERRAL_PARTIES,
	jisrv1.DataClass_DATA_CLASS_REFERRAL_REQUEST,
	jisrv1.DataClass_DATA_CLASS_REFERRAL_LOGISTICS,
	jisrv1.DataClass_DATA_CLASS_REFERRAL_OUTCOME,
	jisrv1.DataClass_DATA_CLASS_SHARE_TERMS,
	jisrv1.DataClass_DATA_CLASS_NOTIFICATION,
	jisrv1.DataClass_DATA_CLASS_DELIVERY,
)

// satisfies says which conditions a link meets, and of which classes. A link
// that is not here opens nothing. Rows for reading only put no word in the
// agency's mouth: they come from a judge's order, which shows and does not
// make the agency an author.
var satisfies = [...]struct {
	link        jisrv1.Link
	conditions  ConditionSet
	within      record.ClassSet
	readingOnly bool
}{
	{jisrv1.Link_LINK_OWNER, working | Conditions(jisrv1.Condition_CONDITION_OWNER), record.EveryClass, false},
	{jisrv1.Link_LINK_PARTICIPANT, working, record.EveryClass, false},
	{jisrv1.Link_LINK_ASSIGNED, working, record.EveryClass, false},
	{jisrv1.Link_LINK_SENDER, working | party, record.EveryClass, false},
	{jisrv1.Link_LINK_RECEIVER, working | party, record.EveryClass, false},
	{jisrv1.Link_LINK_NOTIFIED, working, record.EveryClass, false},
	{jisrv1.Link_LINK_TERRITORY, present | Conditions(jisrv1.Condition_CONDITION_TERRITORY), record.EveryClass, false},
	{jisrv1.Link_LINK_OVERSIGHT, present, record.EveryClass, false},
	// These say that the agency was or may be there, not that it works there now.
	{jisrv1.Link_LINK_NAMED, present, dealings, false},
	{jisrv1.Link_LINK_AUTHOR, present, dealings, false},
	// What an ended referral asked for is no longer its receiver's to read.
	{jisrv1.Link_LINK_PAST, present | party, dealings &^ record.Classes(
		jisrv1.DataClass_DATA_CLASS_REFERRAL_REQUEST, jisrv1.DataClass_DATA_CLASS_REFERRAL_LOGISTICS), false},
	{jisrv1.Link_LINK_ADDRESSED, present, dealings, false},
	// An order addressed to an agency must be readable to it, whatever else it may not know:
	// being addressed is itself a link and a judge's word.
	{jisrv1.Link_LINK_ADDRESSED, working | Conditions(jisrv1.Condition_CONDITION_ORDER), record.Classes(jisrv1.DataClass_DATA_CLASS_COURT_ORDERS), true},
	// What a disclosing order opens beyond this is in its scope; see Read.
	{jisrv1.Link_LINK_DISCLOSED, present, record.Classes(jisrv1.DataClass_DATA_CLASS_REFERENCE), true},
}

// present is met by any link, working also by one under which the agency works
// on the record now, and party by having sent or received the referral.
var (
	present = Conditions(jisrv1.Condition_CONDITION_ALWAYS)
	working = present | Conditions(jisrv1.Condition_CONDITION_LINKED)
	party   = Conditions(jisrv1.Condition_CONDITION_PARTY)
)

// narrowed are the links by which somebody else let the agency in, and only so
// far: a referral, a share, a notification, a judge's disclosure. The other
// links carry no scope of their own.
var narrowed = Links(
	jisrv1.Link_LINK_PARTICIPANT,
	jisrv1.Link_LINK_RECEIVER,
	jisrv1.Link_LINK_NOTIFIED,
	jisrv1.Link_LINK_DISCLOSED,
)

// lens is a role's part of the agreement as bit sets, so that a decision at
// run time is a few ANDs and ORs and no allocation.
type lens struct {
	read, write         [maxLinks]record.ClassSet // what each link opens, before its scope
	readOwn, writeOwn   record.ClassSet           // what having written it opens
	byOrder             record.ClassSet           // what a disclosing order can open
	consent             record.ClassSet           // what needs consent to be read
	everRead, everWrite record.ClassSet           // what something opens
	onlyOrder           record.ClassSet           // what nothing but an order opens
}

func makeLens(cells *[maxClasses]Cell) lens {
	var t lens
	for i := range cells {
		cell, class := &cells[i], record.Classes(record.Class(i))
		for _, s := range satisfies {
			if class&s.within == 0 {
				continue
			}
			if cell.Read&s.conditions != 0 {
				t.read[s.link] |= class
			}
			if cell.Write&s.conditions != 0 && !s.readingOnly {
				t.write[s.link] |= class
			}
		}
		set := func(s *record.ClassSet, when bool) {
			if when {
				*s |= class
			}
		}
		// Whoever wrote a section knows it: it keeps sight of its own words wherever its cell is not shut.
		set(&t.readOwn, !cell.Read.Never())
		set(&t.writeOwn, cell.Write.Has(jisrv1.Condition_CONDITION_OWN))
		set(&t.byOrder, cell.Read.Has(jisrv1.Condition_CONDITION_ORDER))
		set(&t.onlyOrder, cell.Read == Conditions(jisrv1.Condition_CONDITION_ORDER))
		set(&t.consent, cell.Consent)
		set(&t.everRead, !cell.Read.Never())
		set(&t.everWrite, !cell.Write.Never())
	}
	return t
}

// Read returns the lens: the classes that the role may read, for the purpose,
// of a record to which it has this standing. Each link opens what the role's
// cells say, within its scope if it is narrowed; then consent that is missing closes;
// then a judge's order opens; then the purpose is the ceiling, and what the record
// itself shuts is shut. Without any link nothing opens, own words included.
func (l *Law) Read(role jisrv1.Role, purpose jisrv1.Purpose, st Standing) record.ClassSet {
	ceiling := l.ceiling(role, purpose)
	if ceiling == 0 {
		return 0
	}
	t := &l.lenses[role]
	var opened, ordered record.ClassSet
	linked := false
	for i := range st.Links {
		link := &st.Links[i]
		if link.Link <= 0 || int(link.Link) >= maxLinks {
			continue
		}
		linked = true
		reach := record.EveryClass
		if narrowed.Has(link.Link) {
			reach = link.Scope | dealings
		}
		opened |= t.read[link.Link] & reach
		if link.Link == jisrv1.Link_LINK_DISCLOSED {
			ordered |= t.byOrder & link.Scope
		}
	}
	if !linked {
		return 0
	}
	opened |= t.readOwn & st.Own
	opened &^= t.consent &^ st.Consented
	return (opened | ordered) & ceiling &^ st.Shut
}

// Write returns the classes that the role may tell, for the purpose, in a
// record to which it has this standing. A referral's or share's scope narrows
// what is shown, not what may be told; whoever was merely notified tells no more
// than the agreement's answers; and consent is asked of who reads, not of who tells.
func (l *Law) Write(role jisrv1.Role, purpose jisrv1.Purpose, st Standing) record.ClassSet {
	ceiling := l.ceiling(role, purpose)
	if ceiling == 0 {
		return 0
	}
	t := &l.lenses[role]
	var opened record.ClassSet
	linked := false
	for i := range st.Links {
		link := &st.Links[i]
		if link.Link <= 0 || int(link.Link) >= maxLinks {
			continue
		}
		linked = true
		reach := record.EveryClass
		if link.Link == jisrv1.Link_LINK_NOTIFIED {
			reach = link.Scope & l.answers // whoever was merely told answers; the rest is others' to tell
		}
		opened |= t.write[link.Link] & reach
	}
	if !linked {
		return 0
	}
	return (opened | t.writeOwn&st.Own) & ceiling
}

// WriteCeiling returns the classes that some standing could let the role tell
// for the purpose. A call that tells more can be refused before a record is looked for.
func (l *Law) WriteCeiling(role jisrv1.Role, purpose jisrv1.Purpose) record.ClassSet {
	ceiling := l.ceiling(role, purpose)
	if ceiling == 0 {
		return 0
	}
	return l.lenses[role].everWrite & ceiling
}

// OpenableByOrder returns the classes that a judge's order can open to the role.
func (l *Law) OpenableByOrder(role jisrv1.Role) record.ClassSet {
	if !known(role) {
		return 0
	}
	return l.lenses[role].byOrder
}

// ConsentClasses returns the classes that the role reads only with the person's consent.
func (l *Law) ConsentClasses(role jisrv1.Role) record.ClassSet {
	if !known(role) {
		return 0
	}
	return l.lenses[role].consent
}

// Cell returns what the agreement says about a role and a class; an empty cell where it knows neither.
func (l *Law) Cell(role jisrv1.Role, class jisrv1.DataClass) Cell {
	if !known(role) || class <= 0 || int(class) >= maxClasses {
		return Cell{}
	}
	return l.cells[role][class]
}

// ceiling returns what the purpose can open to the role at the most: nothing
// where the role may not call for it, whatever the door has let in.
func (l *Law) ceiling(role jisrv1.Role, purpose jisrv1.Purpose) record.ClassSet {
	if !l.MayUse(role, purpose) {
		return 0
	}
	return l.ceilings[purpose]
}
