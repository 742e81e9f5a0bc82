package store

import (
	"errors"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/record"
)

// Deliver queues a notification for one receiver, in the transaction of what it
// is about: there is no broker between a change and its notice.
func (tx *Tx) Deliver(n *jisrv1.Notification, agency string) error {
	d := &jisrv1.Delivery{}
	d.SetState(jisrv1.Delivery_STATE_PENDING)
	d.SetNotification(n.GetName())
	name, err := tx.newName(record.TypeOf(d), "agencies/"+agency)
	if err != nil {
		return err
	}
	d.SetName(name)
	setCreateTime(d, tx.now)
	e := &record.Envelope{}
	t := record.TypeOf(d)
	tx.mark(t, nil, d, e, agency)
	subject := ""
	if len(n.GetVictims()) == 1 {
		subject = n.GetVictims()[0] // a seal of the person closes the delivery too
	}
	if err := tx.insert(row{typ: t, name: name, caseName: n.GetCase(), subject: subject, created: tx.now.UnixMicro()}, d, e); err != nil {
		return err
	}
	// A row for each person, so that the delivery closes when all of them are sealed.
	for _, person := range personsOf(n) {
		link := sightRow{holder: agencyHolder(agency), link: jisrv1.Link_LINK_NOTIFIED, via: n.GetName(), subject: person, scope: record.EveryClass}
		tx.insertSight(link, t.Name, name, tx.now)
	}
	tx.conn.deliveries.put(name, name, agency, n.GetCase(), n.GetName(), int(jisrv1.Delivery_STATE_PENDING), 0)
	return nil
}

// personsOf are the persons a notification is about; one that is empty stands for the whole case.
func personsOf(n *jisrv1.Notification) []string {
	if len(n.GetVictims()) == 0 {
		return []string{""}
	}
	return n.GetVictims()
}

// Announce makes and queues a notification that follows from somebody's act,
// such as a referral that was sent: the exchange's own, so that no write lens is
// asked. via is the record that it is about; with that record's end the receiver
// loses sight of it, and what still waits closes. It opens nothing of the case.
func (tx *Tx) Announce(n *jisrv1.Notification, via string) error {
	t := record.TypeOf(n)
	name, err := tx.newName(t, "")
	if err != nil {
		return err
	}
	n.SetName(name)
	setCreateTime(n, tx.now)
	n.SetSender("agencies/" + tx.caller.Agency)
	subject := ""
	if len(n.GetVictims()) == 1 {
		subject = n.GetVictims()[0]
	}
	e := &record.Envelope{}
	if e.KeyID, err = tx.keyFor(t, n.GetCase(), subject); err != nil {
		return err
	}
	var receipts []*jisrv1.Receipt
	for _, r := range n.GetReceivers() {
		receipts = append(receipts, jisrv1.Receipt_builder{Agency: r, State: jisrv1.Delivery_STATE_PENDING}.Build())
	}
	n.SetReceipts(receipts)
	tx.mark(t, nil, n, e, tx.caller.Agency)
	r := row{typ: t, name: name, caseName: n.GetCase(), subject: subject, created: tx.now.UnixMicro()}
	if err := tx.insert(r, n, e); err != nil {
		return err
	}
	tx.author(r)
	tx.touch(name, record.Classes(jisrv1.DataClass_DATA_CLASS_NOTIFICATION), nil)
	for _, r := range n.GetReceivers() {
		agency := strings.TrimPrefix(r, "agencies/")
		g := Grant{Agency: agency, Link: jisrv1.Link_LINK_NOTIFIED, Via: via, Scope: record.EveryClass}
		if err := tx.LinkOnly(name, g); err != nil {
			return err
		}
		if err := tx.Deliver(n, agency); err != nil {
			return err
		}
	}
	return nil
}

// count returns the next number of a counter, without gaps.
func (tx *Tx) count(name string) (int64, error) {
	return number(tx.conn, `INSERT INTO counters(name, value) VALUES(?, 1)
		ON CONFLICT (name) DO UPDATE SET value = counters.value + 1 RETURNING value`, name)
}

// Lease hands out waiting deliveries of the caller's agency: at most one
// unacknowledged for each case, in order of arrival. A delivery of which the
// caller may no longer see anything closes unnumbered and blocks nothing, not
// even for this pull: one that came back short would tell of it.
func (tx *Tx) Lease(most int, lease time.Duration) (leased []*jisrv1.Delivery, err error) {
	for closed := true; closed; {
		waiting, err := tx.waiting(most - len(leased))
		if err != nil {
			return nil, err
		}
		closed = false
		for _, name := range waiting {
			d := &jisrv1.Delivery{}
			if err := tx.Load(name, d); err != nil {
				return nil, err
			}
			if taken := d.GetState() != jisrv1.Delivery_STATE_PENDING &&
				(d.GetState() != jisrv1.Delivery_STATE_LEASED || d.GetLeaseExpireTime().AsTime().After(tx.now)); taken {
				continue // by another pull, before this one held the case
			}
			open, err := tx.deliverable(d)
			if err != nil {
				return nil, err
			}
			if !open {
				closed = true
				if err := tx.closeDelivery(d); err != nil {
					return nil, err
				}
				continue
			}
			if err := tx.lease(d, tx.now.Add(lease)); err != nil {
				return nil, err
			}
			leased = append(leased, d)
		}
	}
	return leased, nil
}

// waitingQuery asks for what an agency can lease: of what is pending, and of what was
// leased for too long, in order of arrival what has nothing before it in its case. It
// ends where a pull has enough, and costs at the most what waits.
var waitingQuery = leasable("pending", "d.state = ?2") + " UNION ALL " + leasable("late", "d.state = ?3 AND d.lease_until <= ?4") + " ORDER BY q " + mostLeased

// leasable asks for one of the two. What is before a delivery is looked for from it
// back, so that what a seal closes in between is passed by one and not by all behind
// it. Whether an agency sees a delivery is counted, and what is before one is one
// value; neither is a condition on another row: that would be joined with, and planned
// by how many rows an agency has when there is hardly any.
func leasable(name, state string) string {
	return `SELECT q, n FROM (SELECT d.queued AS q, d.name AS n FROM deliveries d WHERE d.agency = ?1 AND ` + state + `
		AND (SELECT COUNT(*) FROM sight s WHERE s.name = d.name AND s.holder = ?6 AND s.visible = 1) > 0
		AND (SELECT b.queued FROM deliveries b WHERE b.agency = ?1 AND b.case_name = d.case_name AND b.queued < d.queued` + notTaken + `
			AND (SELECT COUNT(*) FROM sight s WHERE s.name = b.name AND s.holder = ?6 AND s.visible = 1) > 0
			ORDER BY b.queued DESC LIMIT 1) IS NULL
		ORDER BY d.queued ` + mostLeased + ") " + name
}

const (
	mostLeased = "LIMIT CAST(?5 AS BIGINT)" // no bare parameter: see limit
	// notTaken is in the words of the index of what is pending or leased.
	notTaken = " AND b.state IN (1, 2)"
)

// waiting finds what can be leased now. What a seal closes is passed over as if
// it were not there, and waits until the seal is lifted.
func (tx *Tx) waiting(most int) (names []string, err error) {
	err = each(tx.conn, waitingQuery, func(s result) error {
		names = append(names, s.ColumnText(1))
		return nil
	}, tx.caller.Agency, int(jisrv1.Delivery_STATE_PENDING), int(jisrv1.Delivery_STATE_LEASED), tx.now.UnixMicro(), most, agencyHolder(tx.caller.Agency))
	return names, err
}

// deliverable reports whether the caller may still know of the notification.
func (tx *Tx) deliverable(d *jisrv1.Delivery) (bool, error) {
	err := tx.View(d.GetNotification(), &jisrv1.Notification{})
	if errors.Is(err, fault.New(fault.NotFound)) {
		return false, nil
	}
	return err == nil, err
}

func (tx *Tx) lease(d *jisrv1.Delivery, until time.Time) error {
	if d.GetNumber() == 0 {
		number, err := tx.count("deliveries/" + tx.caller.Agency)
		if err != nil {
			return err
		}
		d.SetNumber(number)
	}
	d.SetState(jisrv1.Delivery_STATE_LEASED)
	d.SetAttempts(d.GetAttempts() + 1)
	d.SetLeaseExpireTime(timestamppb.New(until))
	if err := tx.View(d.GetName(), &jisrv1.Delivery{}); err != nil {
		return err
	}
	if err := tx.Save(d); err != nil {
		return err
	}
	return exec(tx.conn, "UPDATE deliveries SET state = ?, lease_until = ? WHERE name = ?",
		int(jisrv1.Delivery_STATE_LEASED), until.UnixMicro(), d.GetName())
}

func (tx *Tx) closeDelivery(d *jisrv1.Delivery) error {
	d.SetState(jisrv1.Delivery_STATE_RECALLED)
	d.ClearLeaseExpireTime()
	if err := tx.Save(d); err != nil {
		return err
	}
	return exec(tx.conn, "UPDATE deliveries SET state = ? WHERE name = ?", int(jisrv1.Delivery_STATE_RECALLED), d.GetName())
}

// Acknowledge notes that the caller's agency has received a delivery, and tells
// the notification's sender so.
func (tx *Tx) Acknowledge(d *jisrv1.Delivery) error {
	d.SetState(jisrv1.Delivery_STATE_ACKNOWLEDGED)
	d.ClearLeaseExpireTime()
	if err := tx.Save(d); err != nil {
		return err
	}
	if err := exec(tx.conn, "UPDATE deliveries SET state = ?, lease_until = 0 WHERE name = ?",
		int(jisrv1.Delivery_STATE_ACKNOWLEDGED), d.GetName()); err != nil {
		return err
	}
	n := &jisrv1.Notification{}
	if err := tx.Load(d.GetNotification(), n); err != nil {
		return err
	}
	receipts := n.GetReceipts()
	for _, r := range receipts {
		if r.GetAgency() == "agencies/"+tx.caller.Agency {
			r.SetState(jisrv1.Delivery_STATE_ACKNOWLEDGED)
			r.SetTime(timestamppb.New(tx.now))
		}
	}
	n.SetReceipts(receipts)
	return tx.SaveDerived(n)
}
