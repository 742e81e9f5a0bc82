package store

import (
	"context"

	"zombiezen.com/go/sqlite"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/identity"
	"github.com/jisr-exchange/jisr/services/record"
)

// StandingOf returns what links another agency to a record, from facts that the
// caller may know: a link whose cause the caller may not know of is left out,
// and so is a consent. It says so much about another agency that only a
// record's owner, judge and monitor may ask; the caller of StandingOf sees to that.
func (s *Store) StandingOf(ctx context.Context, c, asker *identity.Caller, name string) (agreement.Standing, bool, error) {
	var st agreement.Standing
	onShelf := false
	n, ok := record.ParseName(name)
	if !ok {
		return st, false, fault.New(fault.NotFound)
	}
	err := s.read(ctx, func(conn *sqlite.Conn) error {
		r, _, err := loadRow(conn, name)
		if err != nil {
			return unavailable(ctx, err)
		}
		l, _, err := s.standing(conn, asker, c.Law, n.Type, name, r)
		if err != nil {
			return unavailable(ctx, err)
		}
		allowed := c.Law.Shelf(asker.Role, n.Type.Name)
		for _, link := range l.Standing.Links {
			known, err := asker.Agency == c.Agency, error(nil)
			if !known {
				known, err = s.knows(conn, c, link)
			}
			if err != nil {
				return unavailable(ctx, err)
			}
			if !known {
				continue
			}
			st.Links = append(st.Links, link)
			onShelf = onShelf || allowed.Has(link.Link)
		}
		// Which consents are in force shows to all who may ask here.
		// Who wrote what is nobody else's to know: it tells who cares for a person.
		st.Consented = l.Standing.Consented
		if asker.Agency == c.Agency {
			st.Own = l.Standing.Own
		}
		if len(st.Links) == 0 {
			st = agreement.Standing{}
		}
		return nil
	})
	return st, onShelf, err
}

// partyClass is the class by which a record that makes links names whom it links.
var partyClass = map[string]record.Class{
	"Referral":     jisrv1.DataClass_DATA_CLASS_REFERRAL_PARTIES,
	"Share":        jisrv1.DataClass_DATA_CLASS_SHARE_TERMS,
	"Notification": jisrv1.DataClass_DATA_CLASS_NOTIFICATION_RECEIPTS,
	"Order":        jisrv1.DataClass_DATA_CLASS_CASE_PERSONS,
}

// knows reports whether a caller may know of another's link: it must be able to
// read, in the record that made the link, whom that record names.
func (s *Store) knows(conn *sqlite.Conn, c *identity.Caller, link agreement.InForce) (bool, error) {
	if evident.Has(link.Link) {
		return true, nil
	}
	n, ok := record.ParseName(link.Via)
	if !ok {
		return false, nil
	}
	r, _, err := loadRow(conn, link.Via)
	if err != nil {
		return false, err
	}
	l, known, err := s.standing(conn, c, c.Law, n.Type, link.Via, r)
	if err != nil || !known {
		return false, err
	}
	return c.Law.Read(c.Role, c.Purpose, l.Standing).Has(partyClass[n.Type.Name]), nil
}
