// Package consents serves consents to share. A consent opens classes to one kind
// of body for one purpose, and what rests on it ends with it.
package consents

import (
	"context"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/identity"
	"github.com/jisr-exchange/jisr/services/record"
	"github.com/jisr-exchange/jisr/services/referrals"
	"github.com/jisr-exchange/jisr/services/store"
)

// Service is the ConsentService.
type Service struct {
	jisrv1.UnimplementedConsentServiceServer
	store *store.Store
}

// NewService returns the service over a store.
func NewService(s *store.Store) *Service { return &Service{store: s} }

// RequestConsent records that consent was asked for.
func (s *Service) RequestConsent(ctx context.Context, r *jisrv1.RequestConsentRequest) (*jisrv1.Consent, error) {
	c, err := identity.FromContext(ctx)
	if err != nil {
		return nil, err
	}
	call := store.Call{RPC: "ConsentService/RequestConsent", RequestID: r.GetRequestId(), Request: r}
	return store.Change(ctx, s.store, c, call, &jisrv1.Consent{}, func(tx *store.Tx) (*jisrv1.Consent, error) {
		return create(tx, r.GetParent(), r.GetConsent(), requested)
	})
}

func create(tx *store.Tx, victim string, told *jisrv1.Consent, at state) (*jisrv1.Consent, error) {
	m := record.Clone(told)
	if err := tx.View(victim, &jisrv1.Victim{}); err != nil {
		return m, err
	}
	if err := mayCollect(tx, victim); err != nil {
		return m, err
	}
	if err := check(tx, m, at); err != nil {
		return m, err
	}
	m.SetState(at)
	n, _ := record.ParseName(victim)
	return m, tx.Child(&jisrv1.Victim{}, victim, m, n.Case, victim)
}

// RecordConsent records the answer, on a consent that was requested or at once.
func (s *Service) RecordConsent(ctx context.Context, r *jisrv1.RecordConsentRequest) (*jisrv1.Consent, error) {
	c, err := identity.FromContext(ctx)
	if err != nil {
		return nil, err
	}
	call := store.Call{RPC: "ConsentService/RecordConsent", RequestID: r.GetRequestId(), Request: r}
	return store.Change(ctx, s.store, c, call, &jisrv1.Consent{}, func(tx *store.Tx) (*jisrv1.Consent, error) {
		var m *jisrv1.Consent
		var err error
		if r.GetConsent().GetName() == "" {
			m, err = create(tx, r.GetParent(), r.GetConsent(), r.GetAnswer())
		} else {
			m, err = answer(tx, r)
		}
		if err != nil {
			return m, err
		}
		if m.GetState() == given || m.GetState() == notRequired {
			return m, tx.PutConsent(m)
		}
		return m, nil
	})
}

// answer records the answer to a consent that was requested; its scope stands as it was asked.
func answer(tx *store.Tx, r *jisrv1.RecordConsentRequest) (*jisrv1.Consent, error) {
	m := &jisrv1.Consent{}
	if err := childOf(r.GetParent(), r.GetConsent().GetName()); err != nil {
		return m, err
	}
	if err := tx.View(r.GetConsent().GetName(), m); err != nil {
		return m, err
	}
	if err := mayCollect(tx, m.GetName()); err != nil {
		return m, err
	}
	to := r.GetAnswer()
	next, err := Lifecycle.Go(m.GetState(), "Record", []string{byCollector}, &to, tx.Sees(m.GetName(), jisrv1.DataClass_DATA_CLASS_CONSENT_SCOPE))
	if err != nil {
		return m, err
	}
	asked := record.Clone(m)
	asked.SetLegalBasis(r.GetConsent().GetLegalBasis())
	asked.SetRecord(r.GetConsent().GetRecord())
	if err := check(tx, asked, next); err != nil {
		return m, err
	}
	mask := []string{"legal_basis"}
	if r.GetConsent().HasRecord() {
		mask = append(mask, "record")
	}
	if err := tx.Tell(m, r.GetConsent(), mask, r.GetConsent().GetEtag()); err != nil {
		return m, err
	}
	m.SetState(next)
	return m, tx.Save(m)
}

// GetConsent reads a consent.
func (s *Service) GetConsent(ctx context.Context, r *jisrv1.GetConsentRequest) (*jisrv1.Consent, error) {
	return store.Get(ctx, s.store, r.GetName(), &jisrv1.Consent{})
}

// ListConsents lists the consents of a victim that the caller may know of.
func (s *Service) ListConsents(ctx context.Context, r *jisrv1.ListConsentsRequest) (*jisrv1.ListConsentsResponse, error) {
	c, err := identity.FromContext(ctx)
	if err != nil {
		return nil, err
	}
	q := store.Query{Type: record.ByName("Consent"), Parent: r.GetParent(), Size: int(r.GetPageSize()), Token: r.GetPageToken()}
	page, next, err := store.List(ctx, s.store, c, q, func() *jisrv1.Consent { return &jisrv1.Consent{} })
	if err != nil {
		return nil, err
	}
	return jisrv1.ListConsentsResponse_builder{Consents: page, NextPageToken: next}.Build(), nil
}

// WithdrawConsent withdraws a consent, and ends the referrals that rest on it.
func (s *Service) WithdrawConsent(ctx context.Context, r *jisrv1.WithdrawConsentRequest) (*jisrv1.Consent, error) {
	c, err := identity.FromContext(ctx)
	if err != nil {
		return nil, err
	}
	call := store.Call{RPC: "ConsentService/WithdrawConsent", RequestID: r.GetRequestId(), Request: r}
	return store.Change(ctx, s.store, c, call, &jisrv1.Consent{}, func(tx *store.Tx) (*jisrv1.Consent, error) {
		m := &jisrv1.Consent{}
		if err := tx.View(r.GetName(), m); err != nil {
			return m, err
		}
		if err := tx.Match(m, r.GetEtag()); err != nil {
			return m, err
		}
		if err := mayCollect(tx, m.GetName()); err != nil {
			return m, err
		}
		next, err := Lifecycle.Go(m.GetState(), "Withdraw", []string{byCollector}, nil, tx.Sees(m.GetName(), jisrv1.DataClass_DATA_CLASS_CONSENT_SCOPE))
		if err != nil {
			return m, err
		}
		m.SetState(next)
		if err := tx.Save(m); err != nil {
			return m, err
		}
		if err := tx.DropConsent(m.GetName()); err != nil {
			return m, err
		}
		return m, endReferrals(tx, m)
	})
}

// Expire ends a consent whose term has passed, and the referrals that rest on
// it: the exchange's own act.
func Expire(tx *store.Tx, name string) error {
	m := &jisrv1.Consent{}
	if err := tx.Load(name, m); err != nil {
		return err
	}
	next, err := Lifecycle.Go(m.GetState(), "(term passed)", []string{byServer}, nil, false)
	if err != nil || !tx.Passed(m.GetExpireTime()) {
		return err
	}
	m.SetState(next)
	if err := tx.SaveDerived(m); err != nil {
		return err
	}
	if err := tx.DropConsent(name); err != nil {
		return err
	}
	return endReferrals(tx, m)
}

// endReferrals ends the open referrals that needed this consent and have no other.
func endReferrals(tx *store.Tx, c *jisrv1.Consent) error {
	n, _ := record.ParseName(c.GetName())
	names, err := tx.OpenReferrals(n.Parent, referrals.Open)
	if err != nil {
		return err
	}
	for _, name := range names {
		m := &jisrv1.Referral{}
		if err := tx.Load(name, m); err != nil {
			return err
		}
		terms, _ := tx.Law().Referral(m.GetKind())
		if !terms.Consent || !terms.Receivers.Has(c.GetRecipientRole()) {
			continue
		}
		if still, err := referrals.ConsentHolds(tx, m); err != nil || still {
			if err != nil {
				return err
			}
			continue
		}
		if err := referrals.ConsentEnded(tx, m); err != nil {
			return err
		}
	}
	return nil
}
