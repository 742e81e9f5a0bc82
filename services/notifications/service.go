// Package notifications serves notifications and their delivery. A notification
// is a knock with a reason; the story is shown to each receiver when it is
// delivered, with the agreement, consents and orders of that moment.
package notifications

import (
	"context"
	"errors"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/cases"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/identity"
	"github.com/jisr-exchange/jisr/services/record"
	"github.com/jisr-exchange/jisr/services/store"
)

const (
	pullDefault  = 10
	leaseDefault = 5 * time.Minute
	// pullBytes is how much of cases and victims a pull shows, by what the caller may
	// read of them. A notice of many persons would else be more than a client takes in
	// one message, and whoever sent it would have stopped the receiver's queue.
	pullBytes = 512 << 10
)

// Service is the NotificationService.
type Service struct {
	jisrv1.UnimplementedNotificationServiceServer
	store *store.Store
}

// NewService returns the service over a store.
func NewService(s *store.Store) *Service { return &Service{store: s} }

// SendNotification notifies agencies of a case or of persons in it.
func (s *Service) SendNotification(ctx context.Context, r *jisrv1.SendNotificationRequest) (*jisrv1.Notification, error) {
	c, err := identity.FromContext(ctx)
	if err != nil {
		return nil, err
	}
	call := store.Call{RPC: "NotificationService/SendNotification", RequestID: r.GetRequestId(), Request: r}
	return store.Change(ctx, s.store, c, call, &jisrv1.Notification{}, func(tx *store.Tx) (*jisrv1.Notification, error) {
		m := record.Clone(r.GetNotification())
		about := &jisrv1.Case{}
		if err := tx.View(m.GetCase(), about); err != nil {
			return m, err
		}
		if err := maySend(tx, m.GetCase()); err != nil {
			return m, err
		}
		if err := check(tx, m); err != nil {
			return m, err
		}
		for _, a := range m.GetReceivers() {
			if err := tx.NamedBySeals(m.GetCase(), m.GetVictims(), strings.TrimPrefix(a, "agencies/")); err != nil {
				return m, err
			}
		}
		m.SetSender("agencies/" + c.Agency)
		var receipts []*jisrv1.Receipt
		for _, a := range m.GetReceivers() {
			receipts = append(receipts, jisrv1.Receipt_builder{Agency: a, State: jisrv1.Delivery_STATE_PENDING}.Build())
		}
		m.SetReceipts(receipts)
		n := store.New{Case: m.GetCase(), Subjects: m.GetVictims(), Standing: tx.Standing(m.GetCase())}
		if err := tx.Create(m, n); err != nil {
			return m, err
		}
		if err := deliver(tx, m); err != nil {
			return m, err
		}
		// What is told of a sealed person does not move the case that others see.
		if sealed, err := tx.Sealed(m.GetName()); err != nil || sealed {
			return m, err
		}
		if cases.Notified(about) {
			return m, tx.Save(about)
		}
		return m, nil
	})
}

// deliver gives each receiver its link and queues its delivery.
func deliver(tx *store.Tx, m *jisrv1.Notification) error {
	subjects := m.GetVictims()
	if len(subjects) == 0 {
		subjects = []string{""}
	}
	for _, name := range m.GetReceivers() {
		g := store.Grant{Agency: strings.TrimPrefix(name, "agencies/"), Link: jisrv1.Link_LINK_NOTIFIED, Via: m.GetName()}
		g.Scope = told(tx.Law(), m.GetSubject(), g.Agency)
		for _, g.Subject = range subjects {
			if err := tx.Link(m.GetCase(), g, m.GetName()); err != nil {
				return err
			}
		}
		if err := tx.Deliver(m, g.Agency); err != nil {
			return err
		}
	}
	return nil
}

// told is how far a notification opens the file to an agency, in any of its roles.
func told(law *agreement.Law, subject jisrv1.Notification_Subject, agency string) (scope record.ClassSet) {
	a, ok := law.Agency(agency)
	if !ok {
		return 0
	}
	for i, r := range a.Roles {
		if i == 0 {
			scope = law.Notified(subject, r)
			continue
		}
		// What one of its roles needs consent for, another must not read without.
		scope &= law.Notified(subject, r)
	}
	return scope
}

// GetNotification reads a notification.
func (s *Service) GetNotification(ctx context.Context, r *jisrv1.GetNotificationRequest) (*jisrv1.Notification, error) {
	return store.Get(ctx, s.store, r.GetName(), &jisrv1.Notification{})
}

// ListNotifications lists the notifications that the caller sent or received.
func (s *Service) ListNotifications(ctx context.Context, r *jisrv1.ListNotificationsRequest) (*jisrv1.ListNotificationsResponse, error) {
	c, err := identity.FromContext(ctx)
	if err != nil {
		return nil, err
	}
	q := store.Query{Type: record.ByName("Notification"), Size: int(r.GetPageSize()), Token: r.GetPageToken()}
	page, next, err := store.List(ctx, s.store, c, q, func() *jisrv1.Notification { return &jisrv1.Notification{} })
	if err != nil {
		return nil, err
	}
	return jisrv1.ListNotificationsResponse_builder{Notifications: page, NextPageToken: next}.Build(), nil
}

// PullDeliveries leases waiting deliveries and shows each with what the caller
// may see of its matter at this moment.
func (s *Service) PullDeliveries(ctx context.Context, r *jisrv1.PullDeliveriesRequest) (*jisrv1.PullDeliveriesResponse, error) {
	c, err := own(ctx, r.GetParent())
	if err != nil {
		return nil, err
	}
	docket := agreement.DocketFrom(ctx)
	names, leased := docket.Kept()
	if !leased {
		if names, err = s.lease(ctx, c, r); err != nil {
			return nil, err
		}
		docket.Keep(names)
	}
	reply := &jisrv1.PullDeliveriesResponse{}
	room := pullBytes
	for _, name := range names {
		pulled, err := s.show(ctx, c, name, &room)
		if errors.Is(err, fault.New(fault.NotFound)) {
			continue // its link ended since; the next pull closes it
		}
		if err != nil {
			return nil, err
		}
		reply.SetDeliveries(append(reply.GetDeliveries(), pulled))
	}
	return reply, nil
}

// lease takes waiting deliveries for a time.
func (s *Service) lease(ctx context.Context, c *identity.Caller, r *jisrv1.PullDeliveriesRequest) ([]string, error) {
	most := int(r.GetMaxDeliveries())
	if most == 0 {
		most = pullDefault
	}
	lease := leaseDefault
	if r.HasLeaseDuration() {
		lease = r.GetLeaseDuration().AsDuration()
	}
	call := store.Call{RPC: "NotificationService/PullDeliveries", Request: r}
	var names []string
	_, err := store.Change(ctx, s.store, c, call, &jisrv1.AcknowledgeDeliveriesResponse{}, func(tx *store.Tx) (*jisrv1.AcknowledgeDeliveriesResponse, error) {
		ds, err := tx.Lease(most, lease)
		// The reply of a change is rendered for the wire, so the names are noted here.
		names = names[:0]
		for _, d := range ds {
			names = append(names, d.GetName())
		}
		return jisrv1.AcknowledgeDeliveriesResponse_builder{Deliveries: ds}.Build(), err
	})
	return names, err
}

// show reads a delivery with its notification, and as far as there is room its case
// and victims, each as the caller may know of it now.
func (s *Service) show(ctx context.Context, c *identity.Caller, name string, room *int) (*jisrv1.PulledDelivery, error) {
	d, n := &jisrv1.Delivery{}, &jisrv1.Notification{}
	if err := s.store.View(ctx, c, name, d); err != nil {
		return nil, err
	}
	if err := s.store.View(ctx, c, d.GetNotification(), n); err != nil {
		return nil, err
	}
	pulled := jisrv1.PulledDelivery_builder{Delivery: d, Notification: n}.Build()
	about := &jisrv1.Case{}
	switch known, err := has(ctx, s.store, n.GetCase(), about); {
	case err != nil:
		return nil, err
	case known && *room <= 0:
		pulled.SetMore(true)
		return pulled, nil
	case known:
		pulled.SetCase(about)
		*room -= readable(ctx, n.GetCase())
	}
	for _, victim := range n.GetVictims() {
		v := &jisrv1.Victim{}
		switch known, err := has(ctx, s.store, victim, v); {
		case err != nil:
			return nil, err
		case known && *room <= 0:
			pulled.SetMore(true)
			return pulled, nil
		case known:
			pulled.SetVictims(append(pulled.GetVictims(), v))
			*room -= readable(ctx, victim)
		}
	}
	return pulled, nil
}

// has reads a record and reports whether the caller may know of it.
func has[M proto.Message](ctx context.Context, s *store.Store, name string, m M) (bool, error) {
	_, err := store.Get(ctx, s, name, m)
	if errors.Is(err, fault.New(fault.NotFound)) {
		return false, nil
	}
	return err == nil, err
}

// readable is how many bytes of a record that was read the caller may read: what is
// hidden takes no room, or the room would tell of it.
func readable(ctx context.Context, name string) int {
	l, _ := agreement.DocketFrom(ctx).Loaded(name)
	if l.Outline == nil {
		return 0
	}
	return l.Outline.Readable()
}

// AcknowledgeDeliveries confirms receipt, of all that are named or of none.
func (s *Service) AcknowledgeDeliveries(ctx context.Context, r *jisrv1.AcknowledgeDeliveriesRequest) (*jisrv1.AcknowledgeDeliveriesResponse, error) {
	c, err := own(ctx, r.GetParent())
	if err != nil {
		return nil, err
	}
	call := store.Call{RPC: "NotificationService/AcknowledgeDeliveries", RequestID: r.GetRequestId(), Request: r}
	return store.Change(ctx, s.store, c, call, &jisrv1.AcknowledgeDeliveriesResponse{}, func(tx *store.Tx) (*jisrv1.AcknowledgeDeliveriesResponse, error) {
		reply := &jisrv1.AcknowledgeDeliveriesResponse{}
		for _, name := range r.GetNames() {
			d, err := acknowledge(tx, c, r.GetParent(), name)
			if err != nil {
				return reply, err
			}
			reply.SetDeliveries(append(reply.GetDeliveries(), d))
		}
		return reply, nil
	})
}

func acknowledge(tx *store.Tx, c *identity.Caller, parent, name string) (*jisrv1.Delivery, error) {
	d := &jisrv1.Delivery{}
	if !strings.HasPrefix(name, parent+"/") {
		return d, fault.New(fault.NotFound)
	}
	if err := tx.View(name, d); err != nil {
		return d, err
	}
	if d.GetState() == jisrv1.Delivery_STATE_ACKNOWLEDGED {
		return d, nil // received is received, however often it is said
	}
	if _, err := Lifecycle.Go(d.GetState(), "Acknowledge", []string{byReceiver}, nil, tx.Sees(name, jisrv1.DataClass_DATA_CLASS_DELIVERY)); err != nil {
		return d, err
	}
	if err := tx.Acknowledge(d); err != nil {
		return d, err
	}
	if !cases.MustAct(c.Role) {
		return d, nil
	}
	return d, acknowledgeCase(tx, d)
}

// acknowledgeCase moves the case on when a body that must act has received it.
func acknowledgeCase(tx *store.Tx, d *jisrv1.Delivery) error {
	if sealed, err := tx.Sealed(d.GetNotification()); err != nil || sealed {
		return err
	}
	n, about := &jisrv1.Notification{}, &jisrv1.Case{}
	if err := tx.Load(d.GetNotification(), n); err != nil {
		return err
	}
	if err := tx.Load(n.GetCase(), about); err != nil {
		return err
	}
	if !cases.Acknowledged(about) {
		return nil
	}
	return tx.Save(about)
}

// own returns the caller if parent is its own agency: another's deliveries are as absent as none.
func own(ctx context.Context, parent string) (*identity.Caller, error) {
	c, err := identity.FromContext(ctx)
	if err != nil {
		return nil, err
	}
	if parent != "agencies/"+c.Agency {
		return nil, fault.New(fault.NotFound)
	}
	return c, nil
}
