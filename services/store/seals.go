package store

import (
	"strings"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/record"
)

// Seal closes a matter, or one person in it, for everyone but the named
// agencies: to all others it does not exist. Agencies that are named keep what
// their territory gave them.
func (tx *Tx) Seal(caseName, subject, order string, named []string) error {
	c, err := tx.row(caseName)
	if err != nil {
		return err
	}
	head := &jisrv1.Case{}
	if err := unmarshalHeader(c.header, head); err != nil {
		return err
	}
	tx.sealed[caseName] = true
	for _, agency := range named {
		if err := exec(tx.conn, "INSERT INTO seals(name, case_name, subject, agency) VALUES(?,?,?,?) ON CONFLICT DO NOTHING", order, caseName, subject, agency); err != nil {
			return err
		}
		if err := tx.Link(caseName, Grant{Agency: agency, Link: jisrv1.Link_LINK_NAMED, Via: order, Subject: subject, Scope: record.EveryClass}); err != nil {
			return err
		}
		if tx.actsThere(agency, head) {
			if err := tx.Link(caseName, Grant{Agency: agency, Link: jisrv1.Link_LINK_TERRITORY, Via: order, Subject: subject, Scope: record.EveryClass}); err != nil {
				return err
			}
		}
	}
	return tx.relinked(caseName)
}

// NamedBySeals fails unless the seals in force of a matter, and of those persons
// in it, name an agency: what is sent to another would reach nobody, and its
// sender would not know. Whoever asks is named, else it would not see the matter.
func (tx *Tx) NamedBySeals(caseName string, persons []string, agency string) error {
	if sealed, err := tx.anySeal(caseName); err != nil || !sealed {
		return err
	}
	args := []any{caseName, agency}
	for _, p := range persons {
		args = append(args, p)
	}
	closed, err := number(tx.conn, `SELECT EXISTS (SELECT 1 FROM seals l WHERE l.case_name = ? AND
		(SELECT COUNT(*) FROM seals n WHERE n.name = l.name AND n.agency = ?) = 0 AND l.subject IN (''`+strings.Repeat(",?", len(persons))+`))`, args...)
	if err != nil || closed == 0 {
		return err
	}
	return fault.New(fault.TransitionNotAllowed).With("next_states", "the matter is sealed: name the agency in a new SEAL order first, which takes the place of the one in force")
}

// Sealed reports whether a seal of a person closes a record to anybody.
func (tx *Tx) Sealed(name string) (bool, error) {
	r, found, err := tx.find(name)
	if err != nil || !found {
		return false, err
	}
	if sealed, err := tx.anySeal(r.caseName); err != nil || !sealed {
		return false, err
	}
	sealed, err := number(tx.conn, `SELECT CASE WHEN EXISTS (SELECT 1 FROM seals
		WHERE case_name = ? AND subject <> '' AND subject IN (?, ?)) THEN 1 ELSE 0 END`, r.caseName, r.subject, name)
	return sealed != 0, err
}

func (tx *Tx) actsThere(agency string, c *jisrv1.Case) bool {
	a, ok := tx.law.Agency(agency)
	if !ok || a.Jurisdiction != c.GetAdministeringAuthority() {
		return false
	}
	for _, t := range a.Territories {
		if t == c.GetGovernorate() {
			return true
		}
	}
	return false
}

// Unseal lifts the seals of a matter or person and returns the orders that had
// made them; the links of before hold again.
func (tx *Tx) Unseal(caseName, subject string) (orders []string, err error) {
	err = each(tx.conn, "SELECT DISTINCT name FROM seals WHERE case_name = ? AND subject = ?", func(s result) error {
		orders = append(orders, s.ColumnText(0))
		return nil
	}, caseName, subject)
	if err != nil {
		return nil, err
	}
	tx.unlinked(caseName)
	for _, o := range orders {
		if err := exec(tx.conn, "DELETE FROM seals WHERE name = ?", o); err != nil {
			return nil, err
		}
		// The order itself stays known to those it named.
		if err := exec(tx.conn, "DELETE FROM sight WHERE via = ? AND via <> '' AND name <> ?", o, o); err != nil {
			return nil, err
		}
	}
	delete(tx.sealed, caseName) // another may be in force
	tx.conn.closing[caseName] = true
	tx.move(caseName)
	return orders, nil
}

// closeSealed makes rows visible or not as the seals in force say. It is called
// after every change of links, so that no link made under a seal opens the matter,
// and is done when the links are written.
func (tx *Tx) closeSealed(caseName string) error {
	sealed, err := tx.anySeal(caseName)
	if sealed {
		tx.conn.closing[caseName] = true
	}
	return err
}

// anySeal reports whether any seal is in force in a case.
func (tx *Tx) anySeal(caseName string) (bool, error) {
	if caseName == "" {
		return false, nil
	}
	if sealed, known := tx.sealed[caseName]; known {
		return sealed, nil
	}
	if err := tx.hold(caseName); err != nil {
		return false, err
	}
	found, err := number(tx.conn, "SELECT CASE WHEN EXISTS (SELECT 1 FROM seals WHERE case_name = ?) THEN 1 ELSE 0 END", caseName)
	if err == nil {
		tx.sealed[caseName] = found != 0
	}
	return found != 0, err
}

// showUnsealed makes exactly those rows of a case visible that no seal in force
// closes. A seal of a person closes what is about the person, and every link that
// somebody has through the person: a case that stayed behind would tell of it.
func (tx *Tx) showUnsealed(caseName string) error {
	return exec(tx.conn.transaction, `UPDATE sight SET visible = CASE WHEN EXISTS (
			SELECT 1 FROM seals l JOIN records r ON r.name = sight.name
			WHERE l.case_name = ?1
			  AND (l.subject = '' OR l.subject IN (r.subject, r.name, sight.subject))
			  AND NOT EXISTS (SELECT 1 FROM seals n WHERE n.name = l.name AND 'a:' || n.agency = sight.holder)) THEN 0 ELSE 1 END
		WHERE name IN (SELECT name FROM records WHERE case_name = ?1)`, caseName)
}
