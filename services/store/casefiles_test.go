package store_test

import (
	"errors"
	"math/rand/v2"
	"path"
	"testing"

	"github.com/jackc/pgx/v5"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/store"
)

// Whatever is done to cases in company, what is kept of them is what is there.
func TestWhatIsKeptOfCasesIsWhatIsThere(t *testing.T) {
	onEach(t, func(t *testing.T, n *node) {
		const seed, rounds, calls = 1, 6, 24
		files := make([]string, 6)
		persons := make([]string, len(files))
		for i := range files {
			files[i], persons[i] = n.withVictim()
		}
		acts := []func(i int) error{
			func(i int) error { return n.notify(files[i]) },
			func(i int) error { return n.notifyOf(files[i], persons[i]) },
			func(i int) error {
				ctx, _ := n.as(police)
				_, err := n.cases.CreateVictim(ctx, jisrv1.CreateVictimRequest_builder{Parent: files[i], Victim: &jisrv1.Victim{}}.Build())
				return err
			},
			func(i int) error { return n.close(files[i], "") },
			func(i int) error {
				ctx, _ := n.as(police)
				reply, err := n.cases.ShareCase(ctx, jisrv1.ShareCaseRequest_builder{
					Parent: files[i], Share: jisrv1.Share_builder{Agency: "agencies/" + erbil}.Build(),
				}.Build())
				if err != nil {
					return err
				}
				return n.endShare(shown(t, reply).GetName())
			},
			func(i int) error {
				order := files[i] + "/orders/" + path.Base(persons[i])
				if err := n.Act(t.Context(), func(tx *store.Tx) error { return tx.Seal(files[i], persons[i], order, []string{police}) }); err != nil {
					return err
				}
				return n.Act(t.Context(), func(tx *store.Tx) error { _, err := tx.Unseal(files[i], persons[i]); return err })
			},
		}
		random := rand.New(rand.NewPCG(seed, rounds))
		compared := 0
		for range rounds {
			which := random.Perm(calls)
			for _, err := range atOnce(calls, func(i int) error { return acts[which[i]%len(acts)](which[i] / len(acts) % len(files)) }) {
				var refused *fault.Fault // under a seal some are
				if err != nil && !errors.As(err, &refused) {
					t.Error(err)
				}
			}
			compared += n.KeptAgrees(t)
		}
		if compared == 0 {
			t.Error("nothing was kept, and so nothing compared")
		}
		t.Logf("seed %d, %d cases compared", seed, compared)
	})
}

// A change may rest on what is kept of a case, and does not once the case has moved,
// whoever moved it and whether or not this node was told.
func TestAChangeRestsOnWhatIsKeptUntilTheCaseMoves(t *testing.T) {
	n, other := two(t)
	db, err := pgx.Connect(t.Context(), n.at)
	must(t, err)
	defer db.Close(t.Context())
	run := func(statement, name string) {
		t.Helper()
		_, err := db.Exec(t.Context(), statement, n.Mark(name))
		must(t, err)
	}
	const (
		noLinks = "DELETE FROM sight WHERE name = $1"
		moves   = "UPDATE epochs SET epoch = epoch + 1 WHERE case_name = $1"
	)
	// Control: without its epoch nothing tells that the links are gone; so it did rest on
	// what is kept. A node that begins to listen gives up everything once.
	about := ""
	until(t, "a change rests on what is kept", func() bool {
		about = n.aCase()
		run(noLinks, about)
		return n.notify(about) == nil
	})
	run(moves, about)
	wantFault(t, n.notify(about), fault.NotFound)
	if n.KeepsFile(about) {
		t.Error("a case that has moved is still kept")
	}
	// The other node, which keeps nothing of it, asks.
	untouched := n.aCase()
	run(noLinks, untouched)
	wantFault(t, other.notify(untouched), fault.NotFound)
}

// What is kept is nobody's: who knows of no such case is answered as before.
func TestWhatIsKeptOfACaseIsToldToNobodyElse(t *testing.T) {
	onEach(t, func(t *testing.T, n *node) {
		until(t, "the case is kept while others ask for it", func() bool {
			about := n.aCase()
			for i, err := range atOnce(16, func(i int) error {
				if i%2 == 0 {
					return n.notifyAs(erbil, about)
				}
				return n.notifyAs(erbil, "cases/"+path.Base(about)[1:]+"a")
			}) {
				if err == nil {
					t.Errorf("call %d of an agency that knows of no such case is done", i)
				}
				wantFault(t, err, fault.NotFound)
			}
			return n.KeepsFile(about)
		})
	})
}

// Who has no link to what is kept is not shown it by a change that only looks, either.
func TestWhoKnowsOfNoSuchCaseIsShownNothingOfOneThatIsKept(t *testing.T) {
	onEach(t, func(t *testing.T, n *node) {
		about, person := n.withVictim()
		until(t, "something is kept that could be shown", func() bool {
			must(t, n.notifyOf(about, person))
			return n.KeepsFile(about)
		})
		look := func(agency string, victim bool) error {
			ctx, c := n.as(agency)
			call := store.Call{RPC: "CaseService/UpdateCase"}
			if victim {
				_, err := store.Change(ctx, n.Store, c, call, &jisrv1.Victim{}, func(tx *store.Tx) (*jisrv1.Victim, error) {
					m := &jisrv1.Victim{}
					return m, tx.View(person, m)
				})
				return err
			}
			_, err := store.Change(ctx, n.Store, c, call, &jisrv1.Case{}, func(tx *store.Tx) (*jisrv1.Case, error) {
				m := &jisrv1.Case{}
				return m, tx.View(about, m)
			})
			return err
		}
		for _, err := range atOnce(16, func(i int) error { return look(erbil, i%2 == 0) }) {
			wantFault(t, err, fault.NotFound)
		}
		for _, err := range atOnce(16, func(i int) error { return look(police, i%2 == 0) }) {
			must(t, err) // control
		}
	})
}

// notifyOf is notify about a person in the case.
func (n *node) notifyOf(about, person string) error {
	ctx, _ := n.as(police)
	_, err := n.notifications.SendNotification(ctx, jisrv1.SendNotificationRequest_builder{Notification: jisrv1.Notification_builder{
		Case: about, Victims: []string{person}, Receivers: []string{"agencies/" + shelter}, Subject: jisrv1.Notification_SUBJECT_NEW_CASE,
	}.Build()}.Build())
	return err
}
