// Package agencies serves the directory: who takes part in the exchange, as the
// agreement names them.
package agencies

import (
	"context"
	"strconv"
	"strings"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/identity"
)

// pageDefault is the size of a page that names none.
const pageDefault = 50

// Service is the DirectoryService.
type Service struct {
	jisrv1.UnimplementedDirectoryServiceServer
}

// NewService returns the service; it reads the agreement that the door pinned to the call.
func NewService() *Service { return &Service{} }

// ListAgencies lists the agencies by name. The directory is the same for
// everyone, so its token is a plain position.
func (s *Service) ListAgencies(ctx context.Context, r *jisrv1.ListAgenciesRequest) (*jisrv1.ListAgenciesResponse, error) {
	c, err := identity.FromContext(ctx)
	if err != nil {
		return nil, err
	}
	all := c.Law.Agencies()
	from := 0
	if r.GetPageToken() != "" {
		from, err = strconv.Atoi(r.GetPageToken())
		if err != nil || from < 0 || from > len(all) {
			return nil, fault.Invalid(fault.Violation{Field: "page_token", Rule: "must be the unchanged next_page_token of this list"})
		}
	}
	size := int(r.GetPageSize())
	if size == 0 {
		size = pageDefault
	}
	reply := &jisrv1.ListAgenciesResponse{}
	to := min(from+size, len(all))
	for _, a := range all[from:to] {
		reply.SetAgencies(append(reply.GetAgencies(), show(a)))
	}
	if to < len(all) {
		reply.SetNextPageToken(strconv.Itoa(to))
	}
	return reply, nil
}

// GetAgency reads one agency.
func (s *Service) GetAgency(ctx context.Context, r *jisrv1.GetAgencyRequest) (*jisrv1.Agency, error) {
	c, err := identity.FromContext(ctx)
	if err != nil {
		return nil, err
	}
	a, ok := c.Law.Agency(strings.TrimPrefix(r.GetName(), "agencies/"))
	if !ok {
		return nil, fault.New(fault.NotFound)
	}
	return show(a), nil
}

func show(a *agreement.Agency) *jisrv1.Agency {
	return jisrv1.Agency_builder{
		Name:           "agencies/" + a.Slug,
		DisplayName:    a.DisplayName,
		DisplayNameAr:  a.DisplayNameAr,
		DisplayNameCkb: a.DisplayNameCkb,
		Jurisdiction:   a.Jurisdiction,
		Roles:          a.Roles,
	}.Build()
}
