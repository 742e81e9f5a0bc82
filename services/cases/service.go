// Package cases serves cases, the persons in them, and with whom they are
// shared. Its handlers pass sealed records: what a caller sees of them is the
// page gate's matter.
package cases

import (
	"context"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/identity"
	"github.com/jisr-exchange/jisr/services/record"
	"github.com/jisr-exchange/jisr/services/store"
)

// Service is the CaseService.
type Service struct {
	jisrv1.UnimplementedCaseServiceServer
	store *store.Store
}

// NewService returns the service over a store.
func NewService(s *store.Store) *Service { return &Service{store: s} }

// CreateCase opens a case in state DRAFT, owned by the caller.
func (s *Service) CreateCase(ctx context.Context, r *jisrv1.CreateCaseRequest) (*jisrv1.Case, error) {
	c, err := identity.FromContext(ctx)
	if err != nil {
		return nil, err
	}
	call := store.Call{RPC: "CaseService/CreateCase", RequestID: r.GetRequestId(), Request: r}
	return store.Change(ctx, s.store, c, call, &jisrv1.Case{}, func(tx *store.Tx) (*jisrv1.Case, error) {
		m := record.Clone(r.GetCase())
		m.SetState(jisrv1.Case_STATE_DRAFT)
		m.SetProgress(progressOf(m.GetState()))
		m.SetOwner("agencies/" + c.Agency)
		return m, tx.Create(m, store.New{Standing: owning})
	})
}

// GetCase reads a case.
func (s *Service) GetCase(ctx context.Context, r *jisrv1.GetCaseRequest) (*jisrv1.Case, error) {
	return store.Get(ctx, s.store, r.GetName(), &jisrv1.Case{})
}

// ListCases lists the cases that the caller may know of.
func (s *Service) ListCases(ctx context.Context, r *jisrv1.ListCasesRequest) (*jisrv1.ListCasesResponse, error) {
	c, err := identity.FromContext(ctx)
	if err != nil {
		return nil, err
	}
	q := store.Query{
		Type: record.ByName("Case"), Size: int(r.GetPageSize()), Token: r.GetPageToken(),
		State: int32(r.GetState()), StateClass: jisrv1.DataClass_DATA_CLASS_CASE_STATUS,
	}
	page, next, err := store.List(ctx, s.store, c, q, func() *jisrv1.Case { return &jisrv1.Case{} })
	if err != nil {
		return nil, err
	}
	return jisrv1.ListCasesResponse_builder{Cases: page, NextPageToken: next}.Build(), nil
}

// UpdateCase changes the named fields of a case.
func (s *Service) UpdateCase(ctx context.Context, r *jisrv1.UpdateCaseRequest) (*jisrv1.Case, error) {
	call := store.Call{RPC: "CaseService/UpdateCase", RequestID: r.GetRequestId(), Request: r}
	return store.Update(ctx, s.store, call, r.GetCase(), r.GetUpdateMask(), &jisrv1.Case{}, nil)
}

// AdvanceCase moves a case along its life cycle.
func (s *Service) AdvanceCase(ctx context.Context, r *jisrv1.AdvanceCaseRequest) (*jisrv1.Case, error) {
	c, err := identity.FromContext(ctx)
	if err != nil {
		return nil, err
	}
	call := store.Call{RPC: "CaseService/AdvanceCase", RequestID: r.GetRequestId(), Request: r}
	return store.Change(ctx, s.store, c, call, &jisrv1.Case{}, func(tx *store.Tx) (*jisrv1.Case, error) {
		m := &jisrv1.Case{}
		if err := tx.View(r.GetName(), m); err != nil {
			return m, err
		}
		if err := tx.Match(m, r.GetEtag()); err != nil {
			return m, err
		}
		to := r.GetState()
		visible := tx.Sees(m.GetName(), jisrv1.DataClass_DATA_CLASS_CASE_STATUS)
		next, err := Lifecycle.Go(m.GetState(), "Advance", parties(c, tx.Standing(m.GetName())), &to, visible)
		if err != nil {
			return m, err
		}
		m.SetState(next)
		m.SetProgress(progressOf(next))
		return m, tx.Save(m)
	})
}

// GetCaseFile streams everything in a case that the caller may know of.
func (s *Service) GetCaseFile(r *jisrv1.GetCaseFileRequest, stream jisrv1.CaseService_GetCaseFileServer) error {
	ctx := stream.Context()
	c, err := identity.FromContext(ctx)
	if err != nil {
		return err
	}
	names, err := s.store.Names(ctx, c, r.GetName())
	if err != nil {
		return err
	}
	for _, name := range names {
		part, err := s.filePart(ctx, c, name)
		if gone(err) {
			continue // its link ended since the names were read
		}
		if err != nil {
			return err
		}
		if err := stream.Send(part); err != nil {
			return err
		}
	}
	return nil
}
