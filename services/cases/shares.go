package cases

import (
	"context"
	"fmt"
	"strings"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/identity"
	"github.com/jisr-exchange/jisr/services/record"
	"github.com/jisr-exchange/jisr/services/store"
)

// owning is the standing of whoever opens a case.
var owning = agreement.Standing{Links: []agreement.InForce{{Link: jisrv1.Link_LINK_OWNER, Scope: record.EveryClass}}}

// ShareCase shares a case, or persons in it, with another agency. Only the owner shares.
func (s *Service) ShareCase(ctx context.Context, r *jisrv1.ShareCaseRequest) (*jisrv1.Share, error) {
	c, err := identity.FromContext(ctx)
	if err != nil {
		return nil, err
	}
	call := store.Call{RPC: "CaseService/ShareCase", RequestID: r.GetRequestId(), Request: r}
	return store.Change(ctx, s.store, c, call, &jisrv1.Share{}, func(tx *store.Tx) (*jisrv1.Share, error) {
		m := record.Clone(r.GetShare())
		if err := owned(tx, r.GetParent()); err != nil {
			return m, err
		}
		if err := checkShare(tx, r.GetParent(), m); err != nil {
			return m, err
		}
		if err := tx.NamedBySeals(r.GetParent(), m.GetVictims(), strings.TrimPrefix(m.GetAgency(), "agencies/")); err != nil {
			return m, err
		}
		m.SetState(jisrv1.Share_STATE_ACTIVE)
		err := tx.Create(m, store.New{Parent: r.GetParent(), Case: r.GetParent(), Subjects: m.GetVictims(), Standing: tx.Standing(r.GetParent())})
		if err != nil {
			return m, err
		}
		return m, link(tx, r.GetParent(), m)
	})
}

// link makes the participant's links: to the share itself, and to the case or the persons named.
func link(tx *store.Tx, caseName string, m *jisrv1.Share) error {
	g := store.Grant{
		Agency: strings.TrimPrefix(m.GetAgency(), "agencies/"), Link: jisrv1.Link_LINK_PARTICIPANT,
		Via: m.GetName(), Scope: record.Classes(m.GetScope()...),
	}
	// The share itself stays known to its participant past its term.
	if err := tx.LinkOnly(m.GetName(), g); err != nil {
		return err
	}
	if m.HasExpireTime() {
		g.Until = m.GetExpireTime().AsTime()
	}
	if len(m.GetVictims()) == 0 {
		return tx.Link(caseName, g)
	}
	for _, v := range m.GetVictims() {
		g.Subject = v
		if err := tx.Link(caseName, g); err != nil {
			return err
		}
	}
	return nil
}

// owned views a case and fails unless the caller owns it.
func owned(tx *store.Tx, name string) error {
	if err := tx.View(name, &jisrv1.Case{}); err != nil {
		return err
	}
	for _, l := range tx.Standing(name).Links {
		if l.Link == jisrv1.Link_LINK_OWNER {
			return nil
		}
	}
	return fault.New(fault.TransitionNotAllowed).With("next_states", "only the owner of a case shares it")
}

// readable is what the owner of a case may read in it, its own words among it and
// what a person's consent would open: the receiver's own consents are asked of the receiver.
func readable(tx *store.Tx, caseName string) record.ClassSet {
	c, st := tx.Caller(), tx.Standing(caseName)
	st.Own, st.Consented = record.EveryClass, record.EveryClass
	return tx.Law().Read(c.Role, c.Purpose, st)
}

func checkShare(tx *store.Tx, caseName string, m *jisrv1.Share) error {
	var wrong []fault.Violation
	violate := func(field, rule string) {
		wrong = append(wrong, fault.Violation{Field: field, Rule: rule})
	}
	// A share has no kind that would say how far it goes, so nobody gives what it
	// has not: where a person is, is opened by who reads it and by a referral to care.
	if most := readable(tx, caseName); len(m.GetScope()) == 0 {
		m.SetScope(most.List())
	} else if record.Classes(m.GetScope()...)&^most != 0 {
		violate("share.scope", "must not hold a class that your agency may not read itself")
	}
	slug := strings.TrimPrefix(m.GetAgency(), "agencies/")
	if _, ok := tx.Law().Agency(slug); !ok {
		violate("share.agency", "must be an agency of the agreement")
	} else if slug == tx.Caller().Agency {
		violate("share.agency", "must be another agency than the owner")
	}
	for i, v := range m.GetVictims() {
		if !strings.HasPrefix(v, caseName+"/") || tx.View(v, &jisrv1.Victim{}) != nil {
			violate(fmt.Sprintf("share.victims[%d]", i), "must name a victim of this case that your agency knows of")
		}
	}
	if m.HasExpireTime() && !m.GetExpireTime().AsTime().After(tx.Now()) {
		violate("share.expire_time", "must lie in the future")
	}
	if len(wrong) > 0 {
		return fault.Invalid(wrong...)
	}
	return nil
}

// EndShare ends a share; it acts on the next read.
func (s *Service) EndShare(ctx context.Context, r *jisrv1.EndShareRequest) (*jisrv1.Share, error) {
	c, err := identity.FromContext(ctx)
	if err != nil {
		return nil, err
	}
	call := store.Call{RPC: "CaseService/EndShare", RequestID: r.GetRequestId(), Request: r}
	return store.Change(ctx, s.store, c, call, &jisrv1.Share{}, func(tx *store.Tx) (*jisrv1.Share, error) {
		m := &jisrv1.Share{}
		if err := tx.View(r.GetName(), m); err != nil {
			return m, err
		}
		n, _ := record.ParseName(r.GetName())
		if err := owned(tx, n.Case); err != nil {
			return m, err
		}
		if err := tx.Match(m, r.GetEtag()); err != nil {
			return m, err
		}
		next, err := ShareLifecycle.Go(m.GetState(), "End", []string{byOwner}, nil, tx.Sees(m.GetName(), jisrv1.DataClass_DATA_CLASS_SHARE_TERMS))
		if err != nil {
			return m, err
		}
		m.SetState(next)
		if err := tx.Save(m); err != nil {
			return m, err
		}
		return m, tx.Unlink(n.Case, m.GetName())
	})
}

// Expire ends a share whose term has passed: the exchange's own act.
func Expire(tx *store.Tx, name string) error {
	m := &jisrv1.Share{}
	if err := tx.Load(name, m); err != nil {
		return err
	}
	next, err := ShareLifecycle.Go(m.GetState(), "(term passed)", []string{byServer}, nil, false)
	if err != nil || !tx.Passed(m.GetExpireTime()) {
		return err
	}
	m.SetState(next)
	if err := tx.SaveDerived(m); err != nil {
		return err
	}
	n, _ := record.ParseName(name)
	return tx.Unlink(n.Case, name)
}

// ListShares lists the shares of a case that the caller may know of.
func (s *Service) ListShares(ctx context.Context, r *jisrv1.ListSharesRequest) (*jisrv1.ListSharesResponse, error) {
	c, err := identity.FromContext(ctx)
	if err != nil {
		return nil, err
	}
	q := store.Query{Type: record.ByName("Share"), Parent: r.GetParent(), Size: int(r.GetPageSize()), Token: r.GetPageToken()}
	page, next, err := store.List(ctx, s.store, c, q, func() *jisrv1.Share { return &jisrv1.Share{} })
	if err != nil {
		return nil, err
	}
	return jisrv1.ListSharesResponse_builder{Shares: page, NextPageToken: next}.Build(), nil
}
