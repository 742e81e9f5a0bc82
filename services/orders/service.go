// Package orders serves judges' orders: what widens the agreement's ceiling, for
// named agencies, named classes and a term, and what seals a matter.
package orders

import (
	"context"
	"strings"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/identity"
	"github.com/jisr-exchange/jisr/services/record"
	"github.com/jisr-exchange/jisr/services/store"
)

// Service is the OrderService.
type Service struct {
	jisrv1.UnimplementedOrderServiceServer
	store *store.Store
}

// NewService returns the service over a store.
func NewService(s *store.Store) *Service { return &Service{store: s} }

// IssueOrder records a judge's decision and puts it in force at once.
func (s *Service) IssueOrder(ctx context.Context, r *jisrv1.IssueOrderRequest) (*jisrv1.Order, error) {
	c, err := identity.FromContext(ctx)
	if err != nil {
		return nil, err
	}
	call := store.Call{RPC: "OrderService/IssueOrder", RequestID: r.GetRequestId(), Request: r}
	return store.Change(ctx, s.store, c, call, &jisrv1.Order{}, func(tx *store.Tx) (*jisrv1.Order, error) {
		m := record.Clone(r.GetOrder())
		if err := mayDecide(tx, r.GetParent()); err != nil {
			return m, err
		}
		if err := check(tx, r.GetParent(), m); err != nil {
			return m, err
		}
		if err := reaches(tx, r.GetParent(), m); err != nil {
			return m, err
		}
		m.SetState(inForce)
		n := store.New{Parent: r.GetParent(), Case: r.GetParent(), Standing: tx.Standing(r.GetParent())}
		if person := personOf(m); person != "" {
			n.Subjects = []string{person}
		}
		if err := tx.Create(m, n); err != nil {
			return m, err
		}
		if err := tx.PutOrder(m); err != nil {
			return m, err
		}
		return m, effect(tx, r.GetParent(), m)
	})
}

// personOf is the person an order is about; empty for the whole case.
func personOf(m *jisrv1.Order) string {
	if strings.Count(m.GetTarget(), "/") > 1 {
		return m.GetTarget()
	}
	return ""
}

// effect does what an order orders: it tells its addressees, opens, assigns, seals.
func effect(tx *store.Tx, caseName string, m *jisrv1.Order) error {
	agencies := make([]string, len(m.GetAddressees()))
	for i, a := range m.GetAddressees() {
		agencies[i] = strings.TrimPrefix(a, "agencies/")
	}
	for _, a := range agencies {
		g := store.Grant{Agency: a, Link: jisrv1.Link_LINK_ADDRESSED, Via: m.GetName(), Subject: personOf(m), Scope: record.EveryClass}
		if err := tx.LinkOnly(m.GetName(), g); err != nil {
			return err
		}
		if m.HasUntilTime() && m.GetKind() != jisrv1.Order_KIND_SEAL {
			g.Until = m.GetUntilTime().AsTime()
		}
		switch m.GetKind() {
		case jisrv1.Order_KIND_DISCLOSE:
			g.Link, g.Scope = jisrv1.Link_LINK_DISCLOSED, record.Classes(m.GetDataClasses()...)
		case jisrv1.Order_KIND_ASSIGN:
			g.Link = jisrv1.Link_LINK_ASSIGNED
		default:
			continue
		}
		if err := tx.Link(caseName, g); err != nil {
			return err
		}
	}
	switch m.GetKind() {
	case jisrv1.Order_KIND_SEAL:
		// One seal for each matter or person, so that its names are all there are.
		if err := lift(tx, caseName, personOf(m), "(seal replaced)"); err != nil {
			return err
		}
		return tx.Seal(caseName, personOf(m), m.GetName(), append(agencies, tx.Caller().Agency))
	case jisrv1.Order_KIND_UNSEAL:
		return lift(tx, caseName, personOf(m), "(seal lifted)")
	}
	return nil
}

// lift ends the seals of a matter or person, and with them the orders that made them.
func lift(tx *store.Tx, caseName, person, verb string) error {
	lifted, err := tx.Unseal(caseName, person)
	if err != nil {
		return err
	}
	for _, name := range lifted {
		o := &jisrv1.Order{}
		if err := tx.Load(name, o); err != nil {
			return err
		}
		next, err := Lifecycle.Go(o.GetState(), verb, []string{byServer}, nil, false)
		if err != nil {
			return err
		}
		o.SetState(next)
		if err := tx.SaveDerived(o); err != nil {
			return err
		}
		if err := tx.DropOrder(name); err != nil {
			return err
		}
	}
	return nil
}

// Lapse ends an order whose term has passed: the exchange's own act.
func Lapse(tx *store.Tx, name string) error {
	m := &jisrv1.Order{}
	if err := tx.Load(name, m); err != nil {
		return err
	}
	next, err := Lifecycle.Go(m.GetState(), "(term passed)", []string{byServer}, nil, false)
	if err != nil || !tx.Passed(m.GetUntilTime()) {
		return err
	}
	m.SetState(next)
	if err := tx.SaveDerived(m); err != nil {
		return err
	}
	if err := tx.DropOrder(name); err != nil {
		return err
	}
	n, _ := record.ParseName(name)
	return tx.Unlink(n.Case, name)
}

// GetOrder reads an order.
func (s *Service) GetOrder(ctx context.Context, r *jisrv1.GetOrderRequest) (*jisrv1.Order, error) {
	return store.Get(ctx, s.store, r.GetName(), &jisrv1.Order{})
}

// ListOrders lists the orders that the caller may know of.
func (s *Service) ListOrders(ctx context.Context, r *jisrv1.ListOrdersRequest) (*jisrv1.ListOrdersResponse, error) {
	c, err := identity.FromContext(ctx)
	if err != nil {
		return nil, err
	}
	q := store.Query{Type: record.ByName("Order"), Parent: strings.TrimSuffix(r.GetParent(), "cases/-"), Size: int(r.GetPageSize()), Token: r.GetPageToken()}
	page, next, err := store.List(ctx, s.store, c, q, func() *jisrv1.Order { return &jisrv1.Order{} })
	if err != nil {
		return nil, err
	}
	return jisrv1.ListOrdersResponse_builder{Orders: page, NextPageToken: next}.Build(), nil
}

// RevokeOrder revokes an order; what it opened closes on the next read.
func (s *Service) RevokeOrder(ctx context.Context, r *jisrv1.RevokeOrderRequest) (*jisrv1.Order, error) {
	c, err := identity.FromContext(ctx)
	if err != nil {
		return nil, err
	}
	call := store.Call{RPC: "OrderService/RevokeOrder", RequestID: r.GetRequestId(), Request: r}
	return store.Change(ctx, s.store, c, call, &jisrv1.Order{}, func(tx *store.Tx) (*jisrv1.Order, error) {
		m := &jisrv1.Order{}
		if err := tx.View(r.GetName(), m); err != nil {
			return m, err
		}
		n, _ := record.ParseName(r.GetName())
		if err := mayDecide(tx, n.Case); err != nil {
			return m, err
		}
		if err := tx.Match(m, r.GetEtag()); err != nil {
			return m, err
		}
		if err := revocable(m); err != nil {
			return m, err
		}
		next, err := Lifecycle.Go(m.GetState(), "Revoke", []string{byJudge}, nil, tx.Sees(m.GetName(), jisrv1.DataClass_DATA_CLASS_COURT_ORDERS))
		if err != nil {
			return m, err
		}
		m.SetState(next)
		if err := tx.Save(m); err != nil {
			return m, err
		}
		if err := tx.DropOrder(m.GetName()); err != nil {
			return m, err
		}
		return m, tx.Unlink(n.Case, m.GetName())
	})
}
