package store_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/record"
	"github.com/jisr-exchange/jisr/services/store"
)

const requestID = "6f1c7a52-6d9e-4b8e-9f55-0d3c2a9b7e10"

func TestARepetitionHasOneEffectAndTheSameAnswerForThirtyDays(t *testing.T) {
	onEach(t, func(t *testing.T, n *node) {
		first, err := n.newCase(requestID)
		must(t, err)
		again, err := n.newCase(requestID)
		must(t, err)
		if again != first || n.entries(first) != 1 {
			t.Errorf("repeated, %s became %s with %d entries", first, again, n.entries(first))
		}
		ctx, c := n.as(police)
		call := store.Call{RPC: "CaseService/CreateCase", RequestID: requestID, Request: &jisrv1.CreateCaseRequest{}}
		var made *jisrv1.Victim
		_, err = store.Change(ctx, n.Store, c, call, &jisrv1.Victim{}, func(tx *store.Tx) (*jisrv1.Victim, error) {
			made = &jisrv1.Victim{}
			return made, tx.Child(&jisrv1.Case{}, first, made, first)
		})
		wantFault(t, err, fault.RequestIDReused)
		if made != nil && n.View(ctx, c, made.GetName(), &jisrv1.Victim{}) == nil {
			t.Error("another body has an effect")
		}
		n.now.Add((30*24*time.Hour + time.Second).Microseconds())
		later, err := n.newCase(requestID)
		must(t, err)
		if later == first {
			t.Error("an answer is kept for longer than was said")
		}
		must(t, n.Forget(t.Context()))
		if once, err := n.newCase(requestID); err != nil || once != later {
			t.Errorf("what is kept was forgotten: %s, %v", once, err)
		}
	})
}

func TestACallThatFailsAmongOthersFailsAlone(t *testing.T) {
	onEach(t, func(t *testing.T, n *node) {
		about := n.aCase()
		const calls = 120
		errs := make([]error, calls)
		var all sync.WaitGroup
		for i := range calls {
			all.Go(func() {
				ctx, c := n.as(police)
				_, errs[i] = store.Change(ctx, n.Store, c, store.Call{RPC: "CaseService/UpdateCase"}, &jisrv1.Case{}, func(tx *store.Tx) (*jisrv1.Case, error) {
					m := &jisrv1.Case{}
					if err := tx.View(about, m); err != nil {
						return m, err
					}
					m.SetProgress(jisrv1.Case_Progress(1 + i%3))
					if err := tx.Save(m); err != nil {
						return m, err
					}
					switch i % 4 {
					case 1:
						return m, fault.New(fault.TransitionNotAllowed)
					case 2:
						panic("a value of a record")
					case 3: // a fault of this program that the database refuses
						return m, tx.PutOrder(jisrv1.Order_builder{Name: about + "/orders/one", Kind: 1}.Build())
					}
					return m, nil
				})
			})
		}
		all.Wait()
		kept := 0
		for i, err := range errs {
			var f *fault.Fault
			switch i % 4 {
			case 0:
				must(t, err)
				kept++
			case 1:
				wantFault(t, err, fault.TransitionNotAllowed)
			case 2:
				if err == nil || errors.As(err, &f) {
					t.Errorf("a panic is answered %v", err)
				}
			case 3: // the first of them is kept, and each later one finds its key taken
				if err == nil {
					kept++
				}
			}
			if secret(err) {
				t.Errorf("the error tells of what was asked: %v", err)
			}
		}
		if got := n.entries(about); got != 1+kept || kept != calls/4+1 {
			t.Errorf("%d entries for %d changes that were kept, of %d", got, 1+kept, calls)
		}
	})
}

func TestWhatIsShownRestsOnWhatIsInForceWhenItsEntryIsWritten(t *testing.T) {
	onEach(t, func(t *testing.T, n *node) {
		about := n.aCase()
		s := n.share(about)
		read, other := n.begun(erbil, about), n.begun(police, n.aCase())
		must(t, n.begun(erbil, about)()) // control
		before := n.entries(about)
		must(t, n.endShare(s))
		wantMoved(t, read())
		must(t, other()) // of another case
		if got := n.entries(about); got != before {
			t.Errorf("%d entries of what was not shown", got-before)
		}
		if _, err := n.read(erbil, about); !errors.Is(err, fault.New(fault.NotFound)) {
			t.Errorf("after the share's end the case is answered %v", err)
		}
	})
}

func TestWhatIsShownRestsOnNoTermThatHasPassed(t *testing.T) {
	onEach(t, func(t *testing.T, n *node) {
		about := n.aCase()
		ctx, c := n.as(police)
		_, err := store.Change(ctx, n.Store, c, store.Call{RPC: "CaseService/ShareCase"}, &jisrv1.Case{}, func(tx *store.Tx) (*jisrv1.Case, error) {
			m := &jisrv1.Case{}
			if err := tx.View(about, m); err != nil {
				return m, err
			}
			g := store.Grant{Agency: erbil, Link: jisrv1.Link_LINK_PARTICIPANT, Via: about, Scope: record.EveryClass, Until: n.clock().Add(time.Hour)}
			return m, tx.Link(about, g)
		})
		must(t, err)
		read := n.begun(erbil, about)
		n.now.Add(time.Hour.Microseconds())
		wantMoved(t, read())
	})
}

func TestManyEntriesAtOnceAreEachWrittenOnceAndTheMovedAreNot(t *testing.T) {
	onEach(t, func(t *testing.T, n *node) {
		kept, moved := n.aCase(), n.aCase()
		const reads = 100
		var releases []func() error
		for i := range reads {
			releases = append(releases, n.begun(police, []string{kept, moved}[i%2]))
		}
		n.share(moved)
		before := n.entries(kept)
		errs := make([]error, reads)
		var all sync.WaitGroup
		for i, release := range releases {
			all.Go(func() { errs[i] = release() })
		}
		all.Wait()
		for i, err := range errs {
			if i%2 == 0 {
				must(t, err)
			} else {
				wantMoved(t, err)
			}
		}
		if got := n.entries(kept) - before; got != reads/2 {
			t.Errorf("%d entries of %d reads", got, reads/2)
		}
	})
}

func TestAnAgreementThatIsNoLongerInForceDecidesNothing(t *testing.T) {
	onEach(t, func(t *testing.T, n *node) {
		about := n.aCase()
		read := n.begun(police, about)
		ctx, c := n.as(police)
		next := n.another("later")
		must(t, n.Adopt(t.Context(), next, n.law.Store))
		wantMoved(t, read())
		_, err := store.Change(ctx, n.Store, c, store.Call{RPC: "CaseService/UpdateCase"}, &jisrv1.Case{}, func(*store.Tx) (*jisrv1.Case, error) {
			t.Error("a change runs under the agreement of before")
			return &jisrv1.Case{}, nil
		})
		wantMoved(t, err)
		must(t, n.begun(police, about)())
		must(t, n.endShare(n.share(about)))
		// Adopting it again changes nothing; the one of before is adopted as any other.
		must(t, n.Adopt(t.Context(), next, n.law.Store))
		must(t, n.Adopt(t.Context(), parsed(t, n.text), n.law.Store))
		must(t, n.begun(police, about)())
	})
}

func TestTheDatabaseNamesTheAgreementInForce(t *testing.T) {
	for name, database := range databases {
		t.Run(name, func(t *testing.T) {
			at := database(t)
			if text, err := store.InForce(t.Context(), at, forgetful); err != nil || text != nil {
				t.Errorf("an empty database names %d bytes, %v", len(text), err)
			}
			n := newHouse(t).open(at)
			must(t, n.Adopt(t.Context(), n.another("later"), n.law.Store))
			text, err := store.InForce(t.Context(), at, forgetful)
			if err != nil || string(text) != string(n.law.Load().Text()) {
				t.Errorf("the database names another agreement: %v", err)
			}
		})
	}
}

func TestEveryDeliveryIsPulledOnceInOrderUnderADenseNumber(t *testing.T) {
	onEach(t, func(t *testing.T, n *node) {
		const notices = 12
		first, second := n.aCase(), n.aCase()
		for i := range notices {
			must(t, n.notify([]string{first, second}[i%2]))
		}
		var numbers []int64
		for range notices {
			got := n.pull(t, 5)
			if len(got) == 0 {
				break
			}
			for _, d := range got {
				numbers = append(numbers, d.GetNumber())
				n.acknowledge(t, d.GetName())
			}
		}
		slices.Sort(numbers)
		for i, number := range numbers {
			if number != int64(i+1) {
				t.Fatalf("the numbers are %v", numbers)
			}
		}
		if waiting, err := n.Waiting(t.Context(), shelter, jisrv1.Delivery_STATE_ACKNOWLEDGED); len(numbers) != notices || waiting != notices || err != nil {
			t.Errorf("%d deliveries pulled and %d acknowledged of %d: %v", len(numbers), waiting, notices, err)
		}
	})
}

// pull leases what waits for the shelter, at most so many.
func (n *node) pull(t testing.TB, most int) (leased []*jisrv1.Delivery) {
	t.Helper()
	ctx, c := n.as(shelter)
	_, err := store.Change(ctx, n.Store, c, store.Call{RPC: "NotificationService/PullDeliveries"}, &jisrv1.AcknowledgeDeliveriesResponse{},
		func(tx *store.Tx) (*jisrv1.AcknowledgeDeliveriesResponse, error) {
			var err error
			leased, err = tx.Lease(most, time.Hour)
			return jisrv1.AcknowledgeDeliveriesResponse_builder{Deliveries: leased}.Build(), err
		})
	if err != nil {
		t.Errorf("a pull is answered %v", err)
		return nil
	}
	return leased
}

func (n *node) acknowledge(t testing.TB, name string) {
	t.Helper()
	ctx, _ := n.as(shelter)
	if _, err := n.notifications.AcknowledgeDeliveries(ctx, jisrv1.AcknowledgeDeliveriesRequest_builder{
		Parent: "agencies/" + shelter, Names: []string{name},
	}.Build()); err != nil {
		t.Errorf("an acknowledgement is answered %v", err)
	}
}

func TestAStoreThatIsWellSaysSoAndLeavesNothingBehind(t *testing.T) {
	onEach(t, func(t *testing.T, n *node) {
		must(t, n.Probe(t.Context(), false))
		must(t, n.Probe(t.Context(), true))
		must(t, n.ProbeLog(t.Context()))
		if database, _, _ := n.Sizes(); database == 0 {
			t.Error("the database has no size")
		}
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		_, c := n.as(police)
		if err := n.View(ended, c, "cases/x", &jisrv1.Case{}); err == nil {
			t.Error("a call that has ended is answered")
		}
	})
}

func TestWhatHasPassedItsTermIsFound(t *testing.T) {
	onEach(t, func(t *testing.T, n *node) {
		about := n.aCase()
		must(t, n.Act(t.Context(), func(tx *store.Tx) error {
			for i := range 3 {
				name := fmt.Sprintf("%s/victims/%s/consents/%s", about, id(i), id(i))
				c := jisrv1.Consent_builder{Name: name, RecipientRole: jisrv1.Role_ROLE_SOCIAL_AFFAIRS, Purpose: jisrv1.Purpose_PURPOSE_PROTECTION}.Build()
				c.SetExpireTime(timestamppb.New(n.clock().Add(time.Duration(i) * time.Hour)))
				if err := tx.PutConsent(c); err != nil {
					return err
				}
			}
			return nil
		}))
		n.now.Add(time.Hour.Microseconds())
		due, err := n.Overdue(t.Context())
		if err != nil || len(due.Consents) != 2 || len(due.Orders) != 0 || len(due.Shares) != 0 {
			t.Errorf("overdue are %v, %v", due, err)
		}
	})
}

// id is an id as records have it.
func id(i int) string { return record.EncodeID([16]byte{byte(i + 1)}) }
