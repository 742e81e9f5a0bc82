// Package agreements serves the agreement in force, and what it means for a
// caller: who am I, what does my role see, why would this be withheld.
package agreements

import (
	"context"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/identity"
	"github.com/jisr-exchange/jisr/services/store"
)

// Server says what WhoAmI tells of the server.
type Server struct {
	// Version is the program's version.
	Version string
	// Development says that certificates and data are throw-away.
	Development bool
}

// Service is the AgreementService.
type Service struct {
	jisrv1.UnimplementedAgreementServiceServer
	store  *store.Store
	server Server
	clock  func() time.Time
}

// NewService returns the service over a store.
func NewService(s *store.Store, server Server, clock func() time.Time) *Service {
	return &Service{store: s, server: server, clock: clock}
}

// WhoAmI says who the caller is to the exchange.
func (s *Service) WhoAmI(ctx context.Context, _ *jisrv1.WhoAmIRequest) (*jisrv1.WhoAmIResponse, error) {
	c, err := identity.FromContext(ctx)
	if err != nil {
		return nil, err
	}
	roles := c.Roles
	if c.Role != jisrv1.Role_ROLE_UNSPECIFIED {
		roles = []jisrv1.Role{c.Role}
	}
	var purposes []jisrv1.Purpose
	for n := range len(jisrv1.Purpose_name) {
		for _, r := range roles {
			if p := jisrv1.Purpose(n); c.Law.MayUse(r, p) {
				purposes = append(purposes, p)
				break
			}
		}
	}
	return jisrv1.WhoAmIResponse_builder{
		Agency: "agencies/" + c.Agency, System: c.System, Roles: c.Roles, Role: c.Role, Purposes: purposes,
		CertificateExpireTime: timestamppb.New(c.NotAfter), ServerVersion: s.server.Version,
		Agreement: c.Law.Hash(), Development: s.server.Development,
		ServerTime: timestamppb.New(s.clock()),
	}.Build(), nil
}

// GetAgreement returns the agreement in force, as text.
func (s *Service) GetAgreement(ctx context.Context, _ *jisrv1.GetAgreementRequest) (*jisrv1.GetAgreementResponse, error) {
	c, err := identity.FromContext(ctx)
	if err != nil {
		return nil, err
	}
	return jisrv1.GetAgreementResponse_builder{Text: string(c.Law.Text()), Agreement: c.Law.Hash()}.Build(), nil
}

// GetDisclosureMatrix returns who may see and tell which class, for one role or all.
func (s *Service) GetDisclosureMatrix(ctx context.Context, r *jisrv1.GetDisclosureMatrixRequest) (*jisrv1.GetDisclosureMatrixResponse, error) {
	c, err := identity.FromContext(ctx)
	if err != nil {
		return nil, err
	}
	reply := jisrv1.GetDisclosureMatrixResponse_builder{Agreement: c.Law.Hash()}.Build()
	var rules []*jisrv1.DisclosureRule
	for class := jisrv1.DataClass(1); int(class) < len(jisrv1.DataClass_name); class++ {
		fields := agreement.Fields(class)
		for role := jisrv1.Role(1); int(role) < len(jisrv1.Role_name); role++ {
			if r.GetRole() != jisrv1.Role_ROLE_UNSPECIFIED && r.GetRole() != role {
				continue
			}
			cell := c.Law.Cell(role, class)
			rules = append(rules, jisrv1.DisclosureRule_builder{
				Role: role, DataClass: class, Read: cell.Read.List(), Write: cell.Write.List(),
				Consent: cell.Consent, Reasons: cell.Reasons, Fields: fields,
			}.Build())
		}
	}
	reply.SetRules(rules)
	return reply, nil
}
