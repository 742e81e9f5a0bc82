package store

import (
	"slices"
	"strconv"
	"strings"
	"time"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/identity"
	"github.com/jisr-exchange/jisr/services/record"
)

// Grant is a link to be made: it lets an agency know of a matter, or of one
// person in it, as far as the agreement lets that link reach.
type Grant struct {
	// Agency is the holder's slug.
	Agency string
	// Link is its kind.
	Link jisrv1.Link
	// Via is the record that makes the link; ending that record ends the link.
	Via string
	// Subject is the victim or suspect it is about; empty: the whole case.
	Subject string
	// Scope narrows it; record.EveryClass narrows nothing.
	Scope record.ClassSet
	// Until is when it runs out; zero: it has no term.
	Until time.Time
}

// follows says which links reach, beside the case and its persons, the dealings
// other agencies have about them. A referral's receiver does not see another
// referral of the same person: that would show where else the person is in care.
var followsDealings = agreement.Links(
	jisrv1.Link_LINK_OWNER, jisrv1.Link_LINK_ASSIGNED, jisrv1.Link_LINK_TERRITORY, jisrv1.Link_LINK_OVERSIGHT)

// reaches reports whether a link reaches records of a type, beyond the record
// that made it and the case itself.
func reaches(link jisrv1.Link, typeName string) bool {
	switch typeName {
	case "Referral", "Order", "Share", "Notification", "Delivery":
		return followsDealings.Has(link)
	case "Suspect", "Consent":
		// A disclosing order opens the record it names and nothing beside it.
		return link != jisrv1.Link_LINK_DISCLOSED && link != jisrv1.Link_LINK_AUTHOR
	}
	return link != jisrv1.Link_LINK_AUTHOR
}

// letIn are the links by which somebody else let an agency in to a person or a matter.
var letIn = agreement.Links(jisrv1.Link_LINK_PARTICIPANT, jisrv1.Link_LINK_RECEIVER, jisrv1.Link_LINK_NOTIFIED)

// namesAnother reports whether a record is a consent to one agency that a link
// would show to another of the same role: that would learn that somebody else of
// its kind is to come. Who took the consent knows of it anyway.
func (tx *Tx) namesAnother(r sightRow, typeName, name string) (bool, error) {
	slug, ok := strings.CutPrefix(r.holder, agencyHolder(""))
	if typeName != "Consent" || !ok || !letIn.Has(r.link) {
		return false, nil
	}
	c := &jisrv1.Consent{}
	if err := tx.Load(name, c); err != nil {
		return false, err
	}
	if c.GetRecipient() == "" || c.GetRecipient() == "agencies/"+slug {
		return false, nil
	}
	if a, known := tx.law.Agency(slug); !known || !slices.Contains(a.Roles, c.GetRecipientRole()) {
		return false, nil
	}
	if tx.born[name] {
		return slug != tx.caller.Agency, nil
	}
	took, err := number(tx.conn, "SELECT CASE WHEN EXISTS (SELECT 1 FROM sight WHERE name = ? AND holder = ? AND link = ?) THEN 1 ELSE 0 END",
		name, r.holder, int(jisrv1.Link_LINK_AUTHOR))
	return took == 0, err
}

func agencyHolder(slug string) string { return "a:" + slug }

func territoryHolder(j jisrv1.Jurisdiction, governorate string) string {
	return "t:" + strconv.Itoa(int(j)) + ":" + governorate
}

// holders are the keys under which a caller's links stand.
func holders(c *identity.Caller) []any {
	hs := []any{agencyHolder(c.Agency)}
	for _, t := range c.Territories {
		hs = append(hs, territoryHolder(c.Jurisdiction, t))
	}
	return hs
}

// sightRow is one row of sight on a case, from which its children's rows follow.
type sightRow struct {
	holder, via, subject string
	link                 jisrv1.Link
	scope                record.ClassSet
	until                int64
}

// placeCase makes the links that a new case has from birth: its owner, whoever
// acts in its territory, and the monitors of its jurisdiction.
func (tx *Tx) placeCase(c *jisrv1.Case, created time.Time) error {
	rows := []sightRow{
		{holder: agencyHolder(strings.TrimPrefix(c.GetOwner(), "agencies/")), link: jisrv1.Link_LINK_OWNER, scope: record.EveryClass},
		{holder: territoryHolder(c.GetAdministeringAuthority(), c.GetGovernorate()), link: jisrv1.Link_LINK_TERRITORY, scope: record.EveryClass},
	}
	for _, r := range rows {
		tx.insertSight(r, "Case", c.GetName(), created)
	}
	return tx.oversee(c.GetName(), tx.law.Agencies()...)
}

// oversee gives those of some agencies that are monitors of a case's jurisdiction
// their sight of it and of everything in it.
func (tx *Tx) oversee(caseName string, agencies ...*agreement.Agency) error {
	c := &jisrv1.Case{}
	if err := tx.Load(caseName, c); err != nil {
		return err
	}
	for _, a := range agencies {
		if a.Jurisdiction != c.GetAdministeringAuthority() || !overseer(tx.law, a) {
			continue
		}
		if err := tx.Link(caseName, Grant{Agency: a.Slug, Link: jisrv1.Link_LINK_OVERSIGHT, Scope: record.EveryClass}); err != nil {
			return err
		}
	}
	return nil
}

func overseer(l *agreement.Law, a *agreement.Agency) bool {
	return slices.ContainsFunc(a.Roles, l.Oversight)
}

// placeChild gives a new record the links of its case that reach it. subjects
// are the persons it is about; none: the whole case.
func (tx *Tx) placeChild(typeName, name, caseName string, subjects []string, created time.Time) error {
	rows, err := tx.caseLinks(caseName)
	if err != nil {
		return err
	}
	for _, r := range rows {
		if !reaches(r.link, typeName) || !about(r.subject, subjects) {
			continue
		}
		if closed, err := tx.namesAnother(r, typeName, name); closed || err != nil {
			if err != nil {
				return err
			}
			continue
		}
		tx.insertSight(r, typeName, name, created)
	}
	return tx.closeSealed(caseName)
}

// about reports whether a link to subject covers a record about those persons.
func about(subject string, persons []string) bool {
	if subject == "" {
		return true
	}
	for _, p := range persons {
		if p == subject {
			return true
		}
	}
	return false
}

// insertSight makes one row. A monitor's row stands under the monitor's own
// name for the record and under the month, so that not even the order of a list
// tells two agencies which of their pseudonyms are the same record.
func (tx *Tx) insertSight(r sightRow, typeName, name string, created time.Time) {
	sort, at := "", created.UnixMicro()
	if agency, ok := strings.CutPrefix(r.holder, "a:"); ok {
		if a, known := tx.law.Agency(agency); known && slices.ContainsFunc(a.Roles, tx.law.Pseudonymous) {
			sort, at = tx.store.pseudonyms.Hide(agency, name), month(created).UnixMicro()
		}
	}
	key := sightKey{r.holder, name, r.via, r.subject, r.link}
	tx.conn.sight.put(key, r.holder, typeName, at, sort, name, int(r.link), r.via, r.subject, int64(r.scope), r.until, 1)
	tx.made[name] = linked(tx.made[name], r)
	if f := tx.files[name]; f != nil && f.linked {
		before := len(f.links)
		f.links = linked(f.links, r)
		tx.first[key] = tx.first[key] || len(f.links) > before
	} else {
		tx.first[key] = tx.born[name]
	}
}

func month(t time.Time) time.Time {
	t = t.UTC()
	return time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC)
}

// Link makes a link on a case and on everything in it that the link reaches;
// also names records that it reaches besides, such as the referral that makes it.
func (tx *Tx) Link(caseName string, g Grant, also ...string) error {
	row := g.row()
	members, err := tx.members(caseName, g.Subject)
	if err != nil {
		return err
	}
	for _, m := range members {
		if m.name != caseName && m.name != g.Subject && !reaches(g.Link, m.typeName) {
			continue
		}
		if closed, err := tx.namesAnother(row, m.typeName, m.name); closed || err != nil {
			if err != nil {
				return err
			}
			continue
		}
		tx.insertSight(row, m.typeName, m.name, time.UnixMicro(m.created))
	}
	for _, name := range also {
		if err := tx.LinkOnly(name, g); err != nil {
			return err
		}
	}
	return tx.relinked(caseName)
}

// LinkOnly makes a link on one record and nothing beside it.
func (tx *Tx) LinkOnly(name string, g Grant) error {
	r, err := tx.row(name)
	if err != nil {
		return err
	}
	tx.insertSight(g.row(), r.typ.Name, name, time.UnixMicro(r.created))
	return tx.relinked(r.caseName)
}

func (g Grant) row() sightRow {
	return sightRow{holder: agencyHolder(g.Agency), link: g.Link, via: g.Via, subject: g.Subject, scope: g.Scope, until: micros(g.Until)}
}

// Unlink ends every link that a record made. Its parties keep sight of the
// record itself: that it ended, when, and whom to ask.
func (tx *Tx) Unlink(caseName, via string) error {
	tx.unlinked(caseName)
	if err := exec(tx.conn, "DELETE FROM sight WHERE via = ? AND via <> '' AND name <> ?", via, via); err != nil {
		return err
	}
	past := int(jisrv1.Link_LINK_PAST)
	if err := exec(tx.conn, `INSERT INTO sight(holder, type, create_time, sort, name, link, via, subject, scope, until_time, visible)
		SELECT holder, type, create_time, sort, name, CAST(?2 AS INTEGER), via, subject, scope, until_time, visible FROM sight
		WHERE via = ?1 AND via <> '' AND name = ?1 AND link <> ?2 ORDER BY link DESC ON CONFLICT DO NOTHING`, via, past); err != nil {
		return err
	}
	if err := exec(tx.conn, "DELETE FROM sight WHERE via = ?1 AND via <> '' AND name = ?1 AND link <> ?2", via, past); err != nil {
		return err
	}
	return tx.relinked(caseName)
}

// relinked closes anew what a seal of the case closes, after a change of links.
func (tx *Tx) relinked(caseName string) error {
	tx.move(caseName)
	return tx.closeSealed(caseName)
}

func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}
