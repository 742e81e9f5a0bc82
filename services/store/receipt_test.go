package store_test

import (
	"reflect"
	"testing"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/record"
	"github.com/jisr-exchange/jisr/services/store"
)

// A receipt is shown by how its caller stands when the change is made, whether the
// call knows of that by itself or asks for it: by no link that it has ended, and by
// every one that it has made.
func TestAReceiptIsShownByTheLinksThatTheChangeLeaves(t *testing.T) {
	onEach(t, func(t *testing.T, n *node) {
		about := n.aCase()
		share := n.share(about)
		for _, c := range []struct {
			what, agency, name string
			f                  func(tx *store.Tx) error
		}{
			{"what it has made", police, "", func(tx *store.Tx) error {
				return tx.Child(&jisrv1.Case{}, about, &jisrv1.Victim{}, about)
			}},
			{"what it has changed", police, about, func(tx *store.Tx) error {
				m := &jisrv1.Case{}
				if err := tx.View(about, m); err != nil {
					return err
				}
				m.SetProgress(jisrv1.Case_PROGRESS_CLOSED)
				return tx.Save(m)
			}},
			{"what it has let itself in to", erbil, about, func(tx *store.Tx) error {
				m := &jisrv1.Case{}
				if err := tx.View(about, m); err != nil {
					return err
				}
				if err := tx.LinkOnly(about, store.Grant{Agency: erbil, Link: jisrv1.Link_LINK_ASSIGNED, Via: about, Scope: 1}); err != nil {
					return err
				}
				return tx.Save(m)
			}},
			{"what it has left", erbil, share, func(tx *store.Tx) error {
				m := &jisrv1.Share{}
				if err := tx.View(share, m); err != nil {
					return err
				}
				if err := tx.Save(m); err != nil {
					return err
				}
				return tx.Unlink(about, share)
			}},
		} {
			ctx, caller := n.as(c.agency)
			_, err := store.Change(ctx, n.Store, caller, store.Call{RPC: "CaseService/UpdateCase"}, &jisrv1.AcknowledgeDeliveriesResponse{}, func(tx *store.Tx) (*jisrv1.AcknowledgeDeliveriesResponse, error) {
				return &jisrv1.AcknowledgeDeliveriesResponse{}, c.f(tx)
			})
			must(t, err)
			names := []string{c.name}
			if c.name == "" {
				if names, err = n.Names(ctx, caller, about); err != nil {
					t.Fatal(err)
				}
			}
			for _, name := range names {
				got, there := agreement.DocketFrom(ctx).Loaded(name)
				if !there {
					continue // it was not touched
				}
				afresh, again := n.as(c.agency)
				parsed, _ := record.ParseName(name)
				must(t, n.View(afresh, again, name, parsed.Type.New()))
				want, _ := agreement.DocketFrom(afresh).Loaded(name)
				if !reflect.DeepEqual(got.Standing, want.Standing) || !got.Until.Equal(want.Until) {
					t.Errorf("%s is shown by %v, and read by %v", c.what, got.Standing, want.Standing)
				}
			}
		}
	})
}
