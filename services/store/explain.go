package store

import (
	"context"
	"slices"

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
	err := s.read(ctx, func(conn querier) error {
		r, _, err := loadRow(conn, name)
		if err != nil {
			return unavailable(ctx, err)
		}
		l, _, err := s.standing(conn, asker, c.Law, n.Type, name, r)
		if err != nil {
			return unavailable(ctx, err)
		}
		allowed := c.Law.Shelf(asker.Role, n.Type.Name)
		secret, err := s.mayNameAnother(conn, c, asker, n, r)
		if err != nil {
			return unavailable(ctx, err)
		}
		for _, link := range l.Standing.Links {
			known, err := asker.Agency == c.Agency, error(nil)
			if !known {
				known, err = s.knows(conn, c, link)
			}
			if err != nil {
				return unavailable(ctx, err)
			}
			if !known || secret && letIn.Has(link.Link) {
				continue
			}
			st.Links = append(st.Links, link)
			onShelf = onShelf || allowed.Has(link.Link)
		}
		// Who wrote what is nobody else's to know: it tells who cares for a person.
		if asker.Agency == c.Agency {
			st.Own, st.Consented = l.Standing.Own, l.Standing.Consented
		} else if st.Consented, err = s.knownConsents(conn, c, asker, r.subject); err != nil {
			return unavailable(ctx, err)
		}
		if len(st.Links) == 0 {
			st = agreement.Standing{}
		}
		return nil
	})
	return st, onShelf, err
}

// mayNameAnother reports whether a record is a consent to the role of another
// agency, of which the caller may not read whom it names: on whose shelf of that
// role it stands would tell.
func (s *Store) mayNameAnother(conn querier, c, asker *identity.Caller, n record.Name, r row) (bool, error) {
	if n.Type.Name != "Consent" || asker.Agency == c.Agency || len(r.header) == 0 {
		return false, nil
	}
	consent := &jisrv1.Consent{}
	if err := unmarshalHeader(r.header, consent); err != nil || !slices.Contains(asker.Roles, consent.GetRecipientRole()) {
		return false, err
	}
	known, err := s.reads(conn, c, n.Full, jisrv1.DataClass_DATA_CLASS_CASE_PERSONS)
	return !known, err
}

// partyClass is the class by which a record that makes links names whom it links.
var partyClass = map[string]record.Class{
	"Referral":     jisrv1.DataClass_DATA_CLASS_REFERRAL_PARTIES,
	"Share":        jisrv1.DataClass_DATA_CLASS_SHARE_TERMS,
	"Notification": jisrv1.DataClass_DATA_CLASS_NOTIFICATION_RECEIPTS,
	"Order":        jisrv1.DataClass_DATA_CLASS_CASE_PERSONS,
}

// knownConsents returns what a person's consents open to another agency, as far
// as the caller may read them: one that names its recipient only where the
// caller may read whom it names, since that may be the shelter.
func (s *Store) knownConsents(conn querier, c, asker *identity.Caller, subject string) (classes record.ClassSet, err error) {
	err = s.consents(conn, asker, []string{subject}, func(f consentInForce) error {
		class := jisrv1.DataClass_DATA_CLASS_CONSENT_SCOPE
		if f.named {
			class = jisrv1.DataClass_DATA_CLASS_CASE_PERSONS
		}
		known, err := s.reads(conn, c, f.name, class)
		if known {
			classes |= f.classes
		}
		return err
	})
	return classes, err
}

// knows reports whether a caller may know of another's link: it must be able to
// read, in the record that made the link, whom that record names.
func (s *Store) knows(conn querier, c *identity.Caller, link agreement.InForce) (bool, error) {
	if evident.Has(link.Link) {
		return true, nil
	}
	n, ok := record.ParseName(link.Via)
	if !ok {
		return false, nil
	}
	return s.reads(conn, c, n.Full, partyClass[n.Type.Name])
}

// reads reports whether a caller may read a class of a record.
func (s *Store) reads(conn querier, c *identity.Caller, name string, class record.Class) (bool, error) {
	n, ok := record.ParseName(name)
	if !ok {
		return false, nil
	}
	r, _, err := loadRow(conn, name)
	if err != nil {
		return false, err
	}
	l, known, err := s.standing(conn, c, c.Law, n.Type, name, r)
	if err != nil || !known {
		return false, err
	}
	return c.Law.Read(c.Role, c.Purpose, l.Standing).Has(class), nil
}
