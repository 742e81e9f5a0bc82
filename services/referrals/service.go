// Package referrals serves referrals: one agency asks one other to do something
// for one victim, and both follow it to its end.
package referrals

import (
	"context"
	"errors"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/identity"
	"github.com/jisr-exchange/jisr/services/record"
	"github.com/jisr-exchange/jisr/services/store"
)

// Service is the ReferralService.
type Service struct {
	jisrv1.UnimplementedReferralServiceServer
	store *store.Store
}

// NewService returns the service over a store.
func NewService(s *store.Store) *Service { return &Service{store: s} }

// CreateReferral drafts a referral; the receiver knows nothing of it yet.
func (s *Service) CreateReferral(ctx context.Context, r *jisrv1.CreateReferralRequest) (*jisrv1.Referral, error) {
	c, err := identity.FromContext(ctx)
	if err != nil {
		return nil, err
	}
	call := store.Call{RPC: "ReferralService/CreateReferral", RequestID: r.GetRequestId(), Request: r}
	return store.Change(ctx, s.store, c, call, &jisrv1.Referral{}, func(tx *store.Tx) (*jisrv1.Referral, error) {
		m := record.Clone(r.GetReferral())
		if err := tx.View(r.GetParent(), &jisrv1.Case{}); err != nil {
			return m, err
		}
		most, err := knownTo(tx, r.GetParent(), m)
		if err != nil {
			return m, err
		}
		if err := checkNew(tx, r.GetParent(), m, most); err != nil {
			return m, err
		}
		m.SetState(draft)
		m.SetSender("agencies/" + c.Agency)
		// The write lens is that of the person's record: who may tell something about this person.
		n := store.New{Parent: r.GetParent(), Case: r.GetParent(), Subjects: []string{m.GetVictim()}, Standing: tx.Standing(m.GetVictim())}
		if err := tx.Create(m, n); err != nil {
			return m, err
		}
		return m, tx.LinkOnly(m.GetName(), store.Grant{
			Agency: c.Agency, Link: jisrv1.Link_LINK_SENDER, Via: m.GetName(), Subject: m.GetVictim(), Scope: record.EveryClass,
		})
	})
}

// knownTo returns the most that the caller's referral of a person can open. A
// person of another case, one that the caller has no link to and none at all are
// refused alike.
func knownTo(tx *store.Tx, caseName string, m *jisrv1.Referral) (record.ClassSet, error) {
	unknown := fault.Invalid(fault.Violation{Field: "referral.victim", Rule: "must name a victim of this case that your agency knows of"})
	if !strings.HasPrefix(m.GetVictim(), caseName+"/") {
		return 0, unknown
	}
	most, err := mayRefer(tx, m.GetVictim())
	if errors.Is(err, fault.New(fault.NotFound)) {
		return 0, unknown
	}
	return most, err
}

// GetReferral reads a referral.
func (s *Service) GetReferral(ctx context.Context, r *jisrv1.GetReferralRequest) (*jisrv1.Referral, error) {
	return store.Get(ctx, s.store, r.GetName(), &jisrv1.Referral{})
}

// ListReferrals lists the referrals that the caller may know of.
func (s *Service) ListReferrals(ctx context.Context, r *jisrv1.ListReferralsRequest) (*jisrv1.ListReferralsResponse, error) {
	c, err := identity.FromContext(ctx)
	if err != nil {
		return nil, err
	}
	q := store.Query{Type: record.ByName("Referral"), Parent: strings.TrimSuffix(r.GetParent(), "cases/-"), Size: int(r.GetPageSize()), Token: r.GetPageToken()}
	page, next, err := store.List(ctx, s.store, c, q, func() *jisrv1.Referral { return &jisrv1.Referral{} })
	if err != nil {
		return nil, err
	}
	return jisrv1.ListReferralsResponse_builder{Referrals: page, NextPageToken: next}.Build(), nil
}

// UpdateReferral changes the named fields of a referral.
func (s *Service) UpdateReferral(ctx context.Context, r *jisrv1.UpdateReferralRequest) (*jisrv1.Referral, error) {
	call := store.Call{RPC: "ReferralService/UpdateReferral", RequestID: r.GetRequestId(), Request: r}
	return store.Update(ctx, s.store, call, r.GetReferral(), r.GetUpdateMask(), &jisrv1.Referral{}, nil)
}

// verb is one step of a referral's life cycle.
type verb struct {
	name      string
	referral  string
	etag      string
	requestID string
	request   proto.Message
	reason    jisrv1.Referral_EndReason
	outcome   *jisrv1.ReferralOutcome
}

// step takes a referral one step along its life cycle.
func (s *Service) step(ctx context.Context, v verb) (*jisrv1.Referral, error) {
	c, err := identity.FromContext(ctx)
	if err != nil {
		return nil, err
	}
	call := store.Call{RPC: "ReferralService/" + v.name + "Referral", RequestID: v.requestID, Request: v.request}
	return store.Change(ctx, s.store, c, call, &jisrv1.Referral{}, func(tx *store.Tx) (*jisrv1.Referral, error) {
		m := &jisrv1.Referral{}
		if err := tx.View(v.referral, m); err != nil {
			return m, err
		}
		if err := tx.Match(m, v.etag); err != nil {
			return m, err
		}
		visible := tx.Sees(m.GetName(), jisrv1.DataClass_DATA_CLASS_REFERRAL_STATUS)
		next, err := Lifecycle.Go(m.GetState(), v.name, parties(c, m), nil, visible)
		if err != nil {
			return m, err
		}
		if v.name == "Send" {
			if err := checkSend(tx, m); err != nil {
				return m, err
			}
		}
		if v.outcome != nil {
			told := jisrv1.Referral_builder{Outcome: v.outcome}.Build()
			if err := tx.Tell(m, told, []string{"outcome"}, ""); err != nil {
				return m, err
			}
		}
		return m, move(tx, m, next, v.reason, tx.Save)
	})
}

// move sets a referral's next state with what follows from it: times, the
// receiver's sight, and its end.
func move(tx *store.Tx, m *jisrv1.Referral, next jisrv1.Referral_State, reason jisrv1.Referral_EndReason, save func(proto.Message) error) error {
	now := timestamppb.New(tx.Now())
	m.SetState(next)
	switch next {
	case sent:
		m.SetSendTime(now)
	case received:
		m.SetReceiveTime(now)
	case accepted:
		m.SetAcceptTime(now)
	}
	// Whatever the receiver does with it, it has received it.
	if (next == accepted || next == rejected || next == returned) && !m.HasReceiveTime() {
		m.SetReceiveTime(now)
	}
	if reason != jisrv1.Referral_END_REASON_UNSPECIFIED {
		m.SetEndReason(reason)
	}
	if ended(next) {
		m.SetEndTime(now)
	}
	if err := save(m); err != nil {
		return err
	}
	n, _ := record.ParseName(m.GetName())
	switch {
	case next == sent:
		return letIn(tx, m, n.Case)
	case ended(next):
		return tx.Unlink(n.Case, m.GetName())
	}
	return nil
}

// letIn gives the receiver sight of the person within the referral's scope, and
// a notification of it.
func letIn(tx *store.Tx, m *jisrv1.Referral, caseName string) error {
	err := tx.Link(caseName, store.Grant{
		Agency: strings.TrimPrefix(m.GetReceiver(), "agencies/"), Link: jisrv1.Link_LINK_RECEIVER,
		Via: m.GetName(), Subject: m.GetVictim(), Scope: record.Classes(m.GetScope()...),
	}, m.GetName())
	if err != nil {
		return err
	}
	return tx.Announce(jisrv1.Notification_builder{
		Case: caseName, Victims: []string{m.GetVictim()}, Subject: jisrv1.Notification_SUBJECT_REFERRAL,
		Receivers: []string{m.GetReceiver()},
	}.Build(), m.GetName())
}
