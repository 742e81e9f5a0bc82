// Package logentries serves the access log to those who may audit it.
package logentries

import (
	"context"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/identity"
	"github.com/jisr-exchange/jisr/services/store"
)

// Service is the AuditService.
type Service struct {
	jisrv1.UnimplementedAuditServiceServer
	store *store.Store
}

// NewService returns the service over a store.
func NewService(s *store.Store) *Service { return &Service{store: s} }

// ListLogEntries lists the entries about a record, newest first. That the log
// was read is an entry of the log, as for every reply that tells about a record.
func (s *Service) ListLogEntries(ctx context.Context, r *jisrv1.ListLogEntriesRequest) (*jisrv1.ListLogEntriesResponse, error) {
	c, err := identity.FromContext(ctx)
	if err != nil {
		return nil, err
	}
	q := store.Query{Size: int(r.GetPageSize()), Token: r.GetPageToken()}
	page, next, err := s.store.Entries(ctx, c, r.GetRecord(), q)
	if err != nil {
		return nil, err
	}
	return jisrv1.ListLogEntriesResponse_builder{LogEntries: page, NextPageToken: next}.Build(), nil
}
