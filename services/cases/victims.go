package cases

import (
	"context"
	"strings"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/identity"
	"github.com/jisr-exchange/jisr/services/record"
	"github.com/jisr-exchange/jisr/services/store"
)

// CreateVictim adds a person to a case, as a possible victim: the investigating
// judge alone identifies, and support never waits for it.
func (s *Service) CreateVictim(ctx context.Context, r *jisrv1.CreateVictimRequest) (*jisrv1.Victim, error) {
	c, err := identity.FromContext(ctx)
	if err != nil {
		return nil, err
	}
	call := store.Call{RPC: "CaseService/CreateVictim", RequestID: r.GetRequestId(), Request: r}
	return store.Change(ctx, s.store, c, call, &jisrv1.Victim{}, func(tx *store.Tx) (*jisrv1.Victim, error) {
		m := record.Clone(r.GetVictim())
		m.SetState(jisrv1.Victim_STATE_POSSIBLE)
		return m, tx.Child(&jisrv1.Case{}, r.GetParent(), m, r.GetParent())
	})
}

// GetVictim reads a victim's record.
func (s *Service) GetVictim(ctx context.Context, r *jisrv1.GetVictimRequest) (*jisrv1.Victim, error) {
	return store.Get(ctx, s.store, r.GetName(), &jisrv1.Victim{})
}

// ListVictims lists the victims that the caller may know of.
func (s *Service) ListVictims(ctx context.Context, r *jisrv1.ListVictimsRequest) (*jisrv1.ListVictimsResponse, error) {
	c, err := identity.FromContext(ctx)
	if err != nil {
		return nil, err
	}
	q := store.Query{Type: record.ByName("Victim"), Parent: across(r.GetParent()), Size: int(r.GetPageSize()), Token: r.GetPageToken()}
	page, next, err := store.List(ctx, s.store, c, q, func() *jisrv1.Victim { return &jisrv1.Victim{} })
	if err != nil {
		return nil, err
	}
	return jisrv1.ListVictimsResponse_builder{Victims: page, NextPageToken: next}.Build(), nil
}

// UpdateVictim changes the named fields of a victim's record.
func (s *Service) UpdateVictim(ctx context.Context, r *jisrv1.UpdateVictimRequest) (*jisrv1.Victim, error) {
	call := store.Call{RPC: "CaseService/UpdateVictim", RequestID: r.GetRequestId(), Request: r}
	return store.Update(ctx, s.store, call, r.GetVictim(), r.GetUpdateMask(), &jisrv1.Victim{}, nil)
}

// across turns the wildcard parent `cases/-` (AIP-159) into no parent.
func across(parent string) string {
	if strings.HasSuffix(parent, "/-") {
		return ""
	}
	return parent
}
