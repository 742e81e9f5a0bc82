package agreements

import (
	"context"
	"slices"
	"strings"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/identity"
	"github.com/jisr-exchange/jisr/services/record"
)

// explainers are the links by which a caller may ask about another agency.
var explainers = agreement.Links(jisrv1.Link_LINK_OWNER, jisrv1.Link_LINK_OVERSIGHT)

// ExplainAccess explains, class by class and without a value, what a role would
// see of a record for a purpose.
func (s *Service) ExplainAccess(ctx context.Context, r *jisrv1.ExplainAccessRequest) (*jisrv1.ExplainAccessResponse, error) {
	c, err := identity.FromContext(ctx)
	if err != nil {
		return nil, err
	}
	n, ok := record.ParseName(r.GetName())
	if !ok {
		return nil, fault.New(fault.NotFound)
	}
	if err := s.store.View(ctx, c, n.Full, n.Type.New()); err != nil {
		return nil, err
	}
	asker, err := asker(c, r)
	if err != nil {
		return nil, err
	}
	mine, _ := agreement.DocketFrom(ctx).Loaded(n.Full)
	if asker.Agency != c.Agency && !mayAskAbout(c, mine.Standing) {
		return nil, fault.New(fault.NotFound)
	}
	st, onShelf, err := s.store.StandingOf(ctx, c, asker, n.Full)
	if err != nil {
		return nil, err
	}
	return explain(asker, n.Type, st, onShelf), nil
}

// asker is who would ask: the caller in this or another of its roles, or another agency.
func asker(c *identity.Caller, r *jisrv1.ExplainAccessRequest) (*identity.Caller, error) {
	asker := *c
	other := r.GetAgency() != "" && r.GetAgency() != "agencies/"+c.Agency
	if other {
		a, ok := c.Law.Agency(strings.TrimPrefix(r.GetAgency(), "agencies/"))
		if !ok {
			return nil, fault.New(fault.NotFound)
		}
		asker = identity.Caller{
			Agency: a.Slug, Roles: a.Roles, Jurisdiction: a.Jurisdiction, Territories: a.Territories, Law: c.Law,
		}
		if len(a.Roles) == 1 {
			asker.Role = a.Roles[0]
		}
	}
	if r.GetRole() != jisrv1.Role_ROLE_UNSPECIFIED {
		asker.Role = r.GetRole()
	}
	if !slices.Contains(asker.Roles, asker.Role) {
		return nil, fault.Invalid(fault.Violation{Field: "role", Rule: "must be a role of that agency"})
	}
	if r.GetPurpose() != jisrv1.Purpose_PURPOSE_UNSPECIFIED {
		asker.Purpose = r.GetPurpose()
	} else if purposes := c.Law.Purposes(asker.Role); other && len(purposes) > 0 {
		asker.Purpose = purposes[0]
	}
	if !c.Law.MayUse(asker.Role, asker.Purpose) {
		return nil, fault.Invalid(fault.Violation{Field: "purpose", Rule: "must be a purpose that the agreement grants to the role"})
	}
	return &asker, nil
}

// mayAskAbout reports whether a caller may ask about another: the record's
// owner, its judge, the monitor.
func mayAskAbout(c *identity.Caller, st agreement.Standing) bool {
	if c.Law.Pseudonymous(c.Role) {
		return false // a monitor reads no parties, and by asking around would learn them
	}
	judge := c.Role == jisrv1.Role_ROLE_INVESTIGATING_JUDGE
	return slices.ContainsFunc(st.Links, func(l agreement.InForce) bool {
		return explainers.Has(l.Link) ||
			judge && (l.Link == jisrv1.Link_LINK_TERRITORY || l.Link == jisrv1.Link_LINK_ASSIGNED)
	})
}

func explain(asker *identity.Caller, t *record.Type, st agreement.Standing, onShelf bool) *jisrv1.ExplainAccessResponse {
	law := asker.Law
	var read, write record.ClassSet
	if onShelf {
		read = law.Read(asker.Role, asker.Purpose, st)
		write = law.Write(asker.Role, asker.Purpose, st)
	}
	why := make(map[jisrv1.DataClass]*jisrv1.Withholding)
	for _, w := range law.Withheld(asker.Role, asker.Purpose, asker.Jurisdiction, st, read, t.Classes) {
		why[w.GetDataClass()] = w
	}
	reply := jisrv1.ExplainAccessResponse_builder{Agreement: law.Hash(), OnShelf: onShelf}.Build()
	var decisions []*jisrv1.AccessDecision
	for class := range t.Classes.All() {
		d := jisrv1.AccessDecision_builder{
			DataClass: class, Readable: read.Has(class), Writable: write.Has(class),
			Reason: why[class].GetReason(), AskAgency: why[class].GetAskAgency(), Reasons: law.Cell(asker.Role, class).Reasons,
		}.Build()
		var fields []string
		for _, f := range t.FieldsOf(class) {
			fields = append(fields, t.Path(f))
		}
		d.SetFields(fields)
		decisions = append(decisions, d)
	}
	reply.SetDecisions(decisions)
	return reply
}
