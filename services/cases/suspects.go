package cases

import (
	"context"
	"fmt"
	"slices"
	"strings"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/identity"
	"github.com/jisr-exchange/jisr/services/record"
	"github.com/jisr-exchange/jisr/services/store"
)

// CreateSuspect adds a suspect to a case.
func (s *Service) CreateSuspect(ctx context.Context, r *jisrv1.CreateSuspectRequest) (*jisrv1.Suspect, error) {
	c, err := identity.FromContext(ctx)
	if err != nil {
		return nil, err
	}
	call := store.Call{RPC: "CaseService/CreateSuspect", RequestID: r.GetRequestId(), Request: r}
	return store.Change(ctx, s.store, c, call, &jisrv1.Suspect{}, func(tx *store.Tx) (*jisrv1.Suspect, error) {
		m := record.Clone(r.GetSuspect())
		if err := knownVictims(tx, r.GetParent(), m.GetEndangers()); err != nil {
			return m, err
		}
		if err := tx.Child(&jisrv1.Case{}, r.GetParent(), m, r.GetParent()); err != nil {
			return m, err
		}
		return m, tx.SetEndangered(m)
	})
}

// knownVictims refuses victims of another case, and those the caller has no link to, alike.
func knownVictims(tx *store.Tx, caseName string, victims []string) error {
	var wrong []fault.Violation
	for i, v := range victims {
		if !strings.HasPrefix(v, caseName+"/") || tx.View(v, &jisrv1.Victim{}) != nil {
			wrong = append(wrong, fault.Violation{Field: fmt.Sprintf("suspect.endangers[%d]", i), Rule: "must name a victim of this case that your agency knows of"})
		}
	}
	if len(wrong) > 0 {
		return fault.Invalid(wrong...)
	}
	return nil
}

// GetSuspect reads a suspect's record.
func (s *Service) GetSuspect(ctx context.Context, r *jisrv1.GetSuspectRequest) (*jisrv1.Suspect, error) {
	return store.Get(ctx, s.store, r.GetName(), &jisrv1.Suspect{})
}

// ListSuspects lists the suspects that the caller may know of.
func (s *Service) ListSuspects(ctx context.Context, r *jisrv1.ListSuspectsRequest) (*jisrv1.ListSuspectsResponse, error) {
	c, err := identity.FromContext(ctx)
	if err != nil {
		return nil, err
	}
	q := store.Query{Type: record.ByName("Suspect"), Parent: across(r.GetParent()), Size: int(r.GetPageSize()), Token: r.GetPageToken()}
	page, next, err := store.List(ctx, s.store, c, q, func() *jisrv1.Suspect { return &jisrv1.Suspect{} })
	if err != nil {
		return nil, err
	}
	return jisrv1.ListSuspectsResponse_builder{Suspects: page, NextPageToken: next}.Build(), nil
}

// UpdateSuspect changes the named fields of a suspect's record.
func (s *Service) UpdateSuspect(ctx context.Context, r *jisrv1.UpdateSuspectRequest) (*jisrv1.Suspect, error) {
	call := store.Call{RPC: "CaseService/UpdateSuspect", RequestID: r.GetRequestId(), Request: r}
	return store.Update(ctx, s.store, call, r.GetSuspect(), r.GetUpdateMask(), &jisrv1.Suspect{}, func(tx *store.Tx, m *jisrv1.Suspect) error {
		if !slices.Contains(r.GetUpdateMask().GetPaths(), "endangers") {
			return nil
		}
		n, _ := record.ParseName(m.GetName())
		if err := knownVictims(tx, n.Case, r.GetSuspect().GetEndangers()); err != nil {
			return err
		}
		return tx.SetEndangered(m)
	})
}
