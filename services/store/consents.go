package store

import (
	"slices"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/identity"
	"github.com/jisr-exchange/jisr/services/record"
)

// Consents in force stand in a table of their own, so that a standing is one
// lookup; the record of a consent stays the truth about how it was obtained.

// PutConsent puts a consent in force; who may see what moves with it.
func (tx *Tx) PutConsent(c *jisrv1.Consent) error {
	n, _ := record.ParseName(c.GetName())
	until := int64(0)
	if c.HasExpireTime() {
		until = c.GetExpireTime().AsTime().UnixMicro()
	}
	err := exec(tx.conn, `INSERT INTO consents(name, subject, role, agency, purpose, classes, until_time) VALUES(?,?,?,?,?,?,?)
		ON CONFLICT (name) DO UPDATE SET until_time = excluded.until_time`,
		c.GetName(), n.Parent, int(c.GetRecipientRole()), c.GetRecipient(), int(c.GetPurpose()),
		int64(record.Classes(c.GetDataClasses()...)), until)
	if err != nil {
		return err
	}
	tx.move(n.Case)
	return nil
}

// DropConsent takes a consent out of force.
func (tx *Tx) DropConsent(name string) error {
	n, _ := record.ParseName(name)
	if err := exec(tx.conn, "DELETE FROM consents WHERE name = ?", name); err != nil {
		return err
	}
	tx.move(n.Case)
	return nil
}

// consentInForce is one consent in force as it opens classes to a caller.
type consentInForce struct {
	name    string
	subject string
	named   bool // it names the caller's agency and no other
	classes record.ClassSet
	until   int64
}

// consents calls f with each consent of those persons in force that opens classes
// to a caller in its role and for its purpose.
func (s *Store) consents(conn querier, c *identity.Caller, subjects []string, f func(consentInForce) error) error {
	for some := range slices.Chunk(subjects, pageMax) {
		room, args := inRoom(some)
		args = append(args, int(c.Role), int(c.Purpose), "agencies/"+c.Agency, s.Clock().UnixMicro())
		if err := each(conn, consentQuery(room), func(st result) error {
			return f(consentInForce{st.ColumnText(0), st.ColumnText(1), st.ColumnText(2) != "", record.ClassSet(st.ColumnInt64(3)), st.ColumnInt64(4)})
		}, args...); err != nil {
			return err
		}
	}
	return nil
}

func consentQuery(subjects int) string {
	return "SELECT name, subject, agency, classes, until_time FROM consents WHERE subject IN (" + placeholders(subjects) + `)
		AND role = ? AND purpose = ? AND (agency = '' OR agency = ?) AND (until_time = 0 OR until_time > ?)`
}

// ConsentInForce reports whether a victim's consents for one of the purposes, or
// a legal basis in their place, let those classes be shared with an agency of
// that role. Consents for several purposes do not add up, and where no class is
// needed there must be one nevertheless.
func (tx *Tx) ConsentInForce(victim string, role jisrv1.Role, agency string, purposes []jisrv1.Purpose, need record.ClassSet) (bool, error) {
	covered := make(map[jisrv1.Purpose]record.ClassSet)
	err := each(tx.conn, `SELECT purpose, classes, until_time FROM consents WHERE subject = ? AND role = ?
		AND (agency = '' OR agency = ?) AND (until_time = 0 OR until_time > ?)`,
		func(s result) error {
			covered[jisrv1.Purpose(s.ColumnInt(0))] |= record.ClassSet(s.ColumnInt64(1))
			tx.drafting.ends(term(s.ColumnInt64(2)))
			return nil
		}, victim, int(role), agency, tx.now.UnixMicro())
	for _, purpose := range purposes {
		if classes, ok := covered[purpose]; ok && need&^classes == 0 {
			return true, err
		}
	}
	return false, err
}

// OpenReferrals returns the names of a victim's referrals that have not ended,
// for the server's own act when the consent they rest on ends.
func (tx *Tx) OpenReferrals(victim string, open []jisrv1.Referral_State) (names []string, err error) {
	n, _ := record.ParseName(victim)
	args := []any{n.Case, victim}
	for _, s := range open {
		args = append(args, int(s))
	}
	err = each(tx.conn, "SELECT name FROM records WHERE case_name = ? AND type = 'Referral' AND subject = ? AND state IN ("+
		placeholders(len(open))+") ORDER BY create_time, name",
		func(s result) error {
			names = append(names, s.ColumnText(0))
			return nil
		}, args...)
	return names, err
}
