package store_test

import (
	"errors"
	"fmt"
	"testing"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/store"
)

// Calls that come together are drafted beside each other and written with each
// other. What each does, is answered and leaves behind is what it would be alone.
func TestCallsInCompanyDoWhatEachDoesAlone(t *testing.T) {
	onEach(t, func(t *testing.T, n *node) {
		const files, each = 6, 8
		about := make([]string, files)
		for i := range about {
			about[i] = n.aCase()
		}
		// The yardstick: a file that is told of time after time, with nobody beside.
		alone := n.aCase()
		for range each {
			must(t, n.notify(alone))
		}
		n.waiting() // and takes it
		refused := 0
		for i, err := range atOnce(2*files*each, func(i int) error {
			if i%2 == 1 {
				return n.notifyAs(erbil, about[i/2%files]) // which knows of none
			}
			return n.notify(about[i/2%files])
		}) {
			switch {
			case i%2 == 0:
				must(t, err)
			case errors.Is(err, fault.New(fault.NotFound)):
				refused++
			default:
				t.Errorf("who knows of no such case is answered %v", err)
			}
		}
		if refused != files*each {
			t.Errorf("%d of %d calls were refused", refused, files*each)
		}
		for _, name := range about {
			if got, want := n.entries(name), n.entries(alone); got != want {
				t.Errorf("%d entries about a case in company, and %d alone", got, want)
			}
			if got, want := n.sees(shelter, name), n.sees(shelter, alone); got != want {
				t.Errorf("in company the shelter sees %s, and alone %s", got, want)
			}
			if got, want := n.sees(police, name), n.sees(police, alone); got != want {
				t.Errorf("in company the police sees %s, and alone %s", got, want)
			}
		}
		if got := n.waiting(); got != files {
			t.Errorf("of %d files %d have a delivery that can be had", files, got)
		}
	})
}

// An etag guards a case in company, too: of all who have read the same, one writes.
func TestOfChangesAtOnceThatRestOnTheSameOneIsMade(t *testing.T) {
	onEach(t, func(t *testing.T, n *node) {
		files := []string{n.aCase(), n.aCase(), n.aCase(), n.aCase()}
		etags := make(map[string]string)
		for _, name := range files {
			etags[name] = n.etag(name)
		}
		made := make(map[string]int)
		for i, err := range atOnce(40, func(i int) error {
			name := files[i%len(files)]
			return n.close(name, etags[name])
		}) {
			if err == nil {
				made[files[i%len(files)]]++
			} else {
				wantFault(t, err, fault.Conflict)
			}
		}
		for _, name := range files {
			if made[name] != 1 || n.entries(name) != 2 {
				t.Errorf("of ten changes of a case that rest on the same %d were made, with %d entries", made[name], n.entries(name)-1)
			}
		}
	})
}

func TestEqualCallsInCompanyHaveOneEffect(t *testing.T) {
	onEach(t, func(t *testing.T, n *node) {
		const kinds = 4
		names := make([]string, 40)
		for _, err := range atOnce(len(names), func(i int) (err error) {
			names[i], err = n.newCase(requestID[:35] + fmt.Sprint(i%kinds))
			return err
		}) {
			must(t, err)
		}
		for i, name := range names {
			if name != names[i%kinds] {
				t.Errorf("one request made %s and %s", names[i%kinds], name)
			}
		}
		if got := n.files(); got != kinds {
			t.Errorf("%d requests made %d cases", kinds, got)
		}
	})
}

// A change that was drafted under an agreement is not written under another.
func TestNoChangeInCompanyIsDecidedByAnAgreementOfBefore(t *testing.T) {
	onEach(t, func(t *testing.T, n *node) {
		about := make([]string, 24)
		for i := range about {
			about[i] = n.aCase()
		}
		next := n.another("next")
		for i, err := range atOnce(len(about)+1, func(i int) error {
			if i == len(about) {
				return n.Adopt(t.Context(), next, n.law.Store)
			}
			return n.notify(about[i])
		}) {
			if i == len(about) {
				must(t, err)
				continue
			}
			told := n.entries(about[i]) - 1
			if err == nil && told != 1 || err != nil && told != 0 {
				t.Errorf("a call that is answered %v has left %d entries", err, told)
			}
			if err != nil {
				wantMoved(t, err)
			}
		}
	})
}

// notifyAs is notify by another agency.
func (n *node) notifyAs(agency, about string) error {
	ctx, _ := n.as(agency)
	_, err := n.notifications.SendNotification(ctx, jisrv1.SendNotificationRequest_builder{Notification: jisrv1.Notification_builder{
		Case: about, Subject: jisrv1.Notification_SUBJECT_NEW_CASE, Receivers: []string{"agencies/" + shelter},
	}.Build()}.Build())
	return err
}

// close closes a case that is as an etag says.
func (n *node) close(name, etag string) error {
	ctx, c := n.as(police)
	_, err := store.Change(ctx, n.Store, c, store.Call{RPC: "CaseService/UpdateCase"}, &jisrv1.Case{}, func(tx *store.Tx) (*jisrv1.Case, error) {
		m := &jisrv1.Case{}
		if err := tx.View(name, m); err != nil {
			return m, err
		}
		if err := tx.Match(m, etag); err != nil {
			return m, err
		}
		m.SetProgress(jisrv1.Case_PROGRESS_CLOSED)
		return m, tx.Save(m)
	})
	return err
}

// waiting is how many deliveries the shelter can have at this moment: one of each case.
func (n *node) waiting() int {
	n.t.Helper()
	ctx, _ := n.as(shelter)
	reply, err := n.notifications.PullDeliveries(ctx, jisrv1.PullDeliveriesRequest_builder{Parent: "agencies/" + shelter, MaxDeliveries: 100}.Build())
	must(n.t, err)
	return len(reply.GetDeliveries())
}

// sees is how an agency stands to a case: the links by which it knows of it, in order.
func (n *node) sees(agency, name string) string {
	n.t.Helper()
	ctx, c := n.as(agency)
	names, err := n.Names(ctx, c, name)
	must(n.t, err)
	standing, _, err := n.StandingOf(ctx, c, c, name)
	must(n.t, err)
	var links []jisrv1.Link
	for _, l := range standing.Links {
		links = append(links, l.Link)
	}
	return fmt.Sprint(len(names), links, standing.Own)
}
