package store_test

import (
	"context"
	"path"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/postgres/throwaway"
	"github.com/jisr-exchange/jisr/services/record"
	"github.com/jisr-exchange/jisr/services/store"
)

// aFile is a node over a file.
func aFile(t *testing.T) *node { return newHouse(t).open(databases["SQLite"](t)) }

// busy keeps the writer of a file busy until the returned end is called.
func (n *node) busy() (end func()) {
	n.t.Helper()
	begun, all := make(chan struct{}), make(chan struct{})
	var ended sync.WaitGroup
	ended.Go(func() {
		must(n.t, n.Act(n.t.Context(), func(*store.Tx) error {
			close(begun)
			<-all
			return nil
		}))
	})
	<-begun
	return func() {
		close(all)
		ended.Wait()
	}
}

// withVictim is a case with a person in it.
func (n *node) withVictim() (name, victim string) {
	n.t.Helper()
	name = n.aCase()
	victim, err := n.victimIn(name)
	must(n.t, err)
	return name, victim
}

// victimIn tells the police's case of a person.
func (n *node) victimIn(about string) (string, error) {
	ctx, _ := n.as(police)
	reply, err := n.cases.CreateVictim(ctx, jisrv1.CreateVictimRequest_builder{Parent: about, Victim: &jisrv1.Victim{}}.Build())
	if err != nil {
		return "", err
	}
	return shown(n.t, reply).GetName(), nil
}

// A term that runs out between the draft of a change and its turn is one that the
// change may not rest on.
func TestADraftIsNotWrittenOnWhatHasRunOutSince(t *testing.T) {
	const role, purpose = jisrv1.Role_ROLE_SOCIAL_AFFAIRS, jisrv1.Purpose_PURPOSE_PROTECTION
	for what, c := range map[string]struct {
		put func(tx *store.Tx, about, victim string, until time.Time) error
		in  func(tx *store.Tx, victim string) (bool, error)
	}{
		"a consent": {
			func(tx *store.Tx, _, victim string, until time.Time) error {
				return tx.PutConsent(jisrv1.Consent_builder{
					Name: victim + "/consents/" + path.Base(victim), RecipientRole: role, Purpose: purpose, ExpireTime: timestamppb.New(until),
				}.Build())
			},
			func(tx *store.Tx, victim string) (bool, error) {
				return tx.ConsentInForce(victim, role, "agencies/"+shelter, []jisrv1.Purpose{purpose}, 0)
			},
		},
		"an order": {
			func(tx *store.Tx, about, victim string, until time.Time) error {
				return tx.PutOrder(jisrv1.Order_builder{
					Name: about + "/orders/" + path.Base(victim), Target: victim, Kind: jisrv1.Order_KIND_SHELTER, UntilTime: timestamppb.New(until),
				}.Build())
			},
			func(tx *store.Tx, victim string) (bool, error) {
				return tx.OrderInForce(jisrv1.Order_KIND_SHELTER, victim)
			},
		},
	} {
		t.Run(what, func(t *testing.T) {
			n := aFile(t)
			const calls, drafts = 5, 3
			var names, victims []string
			until := n.clock().Add(time.Minute)
			for range calls {
				name, victim := n.withVictim()
				names, victims = append(names, name), append(victims, victim)
				must(t, n.Act(t.Context(), func(tx *store.Tx) error { return c.put(tx, name, victim, until) }))
			}
			end := n.busy()
			drafted := make(chan struct{}, 2*calls)
			var ended sync.WaitGroup
			ended.Go(func() {
				for _, err := range atOnce(calls, func(i int) error {
					ctx, caller := n.as(police)
					_, err := store.Change(ctx, n.Store, caller, store.Call{RPC: "CaseService/UpdateCase"}, &jisrv1.Case{}, func(tx *store.Tx) (*jisrv1.Case, error) {
						m := &jisrv1.Case{}
						if err := tx.View(names[i], m); err != nil {
							return m, err
						}
						in, err := c.in(tx, victims[i])
						if err != nil {
							return m, err
						}
						if !in {
							return m, fault.New(fault.ConsentRequired)
						}
						m.SetProgress(jisrv1.Case_PROGRESS_CLOSED)
						drafted <- struct{}{}
						return m, tx.Save(m)
					})
					return err
				}) {
					wantFault(t, err, fault.ConsentRequired)
				}
			})
			for range drafts {
				<-drafted // while nobody has a turn
			}
			n.now.Store(until.UnixMicro())
			end()
			ended.Wait()
		})
	}
}

// A call that nobody waits for any more takes no keys for a draft.
func TestACallOfWhoHasGoneIsNotDrafted(t *testing.T) {
	n := aFile(t)
	names := []string{n.aCase(), n.aCase(), n.aCase()}
	end := n.busy()
	begun := make(chan struct{}, 2*len(names))
	look := func(ctx context.Context, name string) error {
		_, c := n.as(police)
		_, err := store.Change(ctx, n.Store, c, store.Call{RPC: "CaseService/UpdateCase"}, &jisrv1.Case{}, func(tx *store.Tx) (*jisrv1.Case, error) {
			begun <- struct{}{}
			m := &jisrv1.Case{}
			return m, tx.View(name, m)
		})
		return err
	}
	var ended sync.WaitGroup
	ended.Go(func() {
		for _, err := range atOnce(len(names), func(i int) error {
			ctx, _ := n.as(police)
			return look(ctx, names[i])
		}) {
			must(t, err)
		}
	})
	<-begun // so many are there that the next one is drafted
	ctx, _ := n.as(police)
	gone, leave := context.WithCancel(ctx)
	leave()
	wantFault(t, look(gone, names[0]), fault.Cancelled)
	if len(begun) > 0 {
		t.Error("a call is drafted whose caller has gone")
	}
	end()
	ended.Wait()
}

// otherMonitor is the agreement in which the monitor is one of another jurisdiction.
func (h *house) otherMonitor() *agreement.Law {
	h.t.Helper()
	before, after, _ := strings.Cut(h.text, `agency: "`+monitor+`"`)
	changed := strings.Replace(after, "jurisdiction: JURISDICTION_FEDERAL", "jurisdiction: JURISDICTION_KURDISTAN_REGION", 1)
	return parsed(h.t, before+`agency: "`+monitor+`"`+changed)
}

// Who decides by an agreement finds what it has changed.
func TestNothingIsReadUnderAnAgreementThatIsNotCommittedYet(t *testing.T) {
	n := aFile(t)
	about := n.aCase()
	get := func() error {
		ctx, _ := n.as(monitor)
		_, err := store.Get(ctx, n.Store, about, &jisrv1.Case{})
		return err
	}
	must(t, get())
	begun, read := make(chan struct{}), make(chan error, 1)
	must(t, n.Adopt(t.Context(), n.otherMonitor(), func(l *agreement.Law) {
		n.law.Store(l)
		go func() {
			close(begun)
			read <- get()
		}()
		// The transaction goes on as soon as the read is through, or has come as far as it may.
		<-begun
		for range 1000 {
			if len(read) > 0 {
				return
			}
			runtime.Gosched()
		}
	}))
	wantFault(t, <-read, fault.NotFound)
	wantFault(t, get(), fault.NotFound) // nor is anything of it kept
}

// A draft that begins while an agreement is being adopted waits until it is: what it
// is answered must be of what the agreement has changed.
func TestNothingIsDraftedUnderAnAgreementThatIsNotCommittedYet(t *testing.T) {
	n := aFile(t)
	names := make([]string, 6)
	for i := range names {
		names[i] = n.aCase()
	}
	victims := make([]string, len(names))
	var calls sync.WaitGroup
	must(t, n.Adopt(t.Context(), n.otherMonitor(), func(l *agreement.Law) {
		n.law.Store(l)
		var begun sync.WaitGroup
		begun.Add(len(names))
		for i, name := range names {
			calls.Go(func() {
				begun.Done()
				var err error
				if victims[i], err = n.victimIn(name); err != nil {
					t.Error(err)
				}
			})
		}
		begun.Wait()
		for range 1000 { // as far as they may come
			runtime.Gosched()
		}
	}))
	calls.Wait()
	// Who is no monitor of theirs any more knows of none.
	for _, victim := range victims {
		ctx, c := n.as(monitor)
		wantFault(t, n.View(ctx, c, victim, &jisrv1.Victim{}), fault.NotFound)
	}
}

// What a call makes has one name, whether its draft is written or it has its turn.
func TestACallThatIsDraftedAndHasItsTurnMakesTheSame(t *testing.T) {
	onEach(t, func(t *testing.T, n *node) {
		const calls = 6
		made := make([][]string, calls)
		for _, err := range atOnce(calls, func(i int) error {
			ctx, c := n.as(police)
			_, err := store.Change(ctx, n.Store, c, store.Call{RPC: "CaseService/CreateCase"}, &jisrv1.Case{}, func(tx *store.Tx) (*jisrv1.Case, error) {
				m := jisrv1.Case_builder{
					Owner: "agencies/" + police, Governorate: "IQG08", AdministeringAuthority: jisrv1.Jurisdiction_JURISDICTION_FEDERAL,
				}.Build()
				owning := agreement.Standing{Links: []agreement.InForce{{Link: jisrv1.Link_LINK_OWNER, Scope: record.EveryClass}}}
				if err := tx.Create(m, store.New{Standing: owning}); err != nil {
					return m, err
				}
				made[i] = append(made[i], m.GetName())
				n.now.Add(5000)                                               // time goes on between the two
				_ = tx.View("cases/"+strings.Repeat("a", 26), &jisrv1.Case{}) // what is absent is not drafted
				return m, nil
			})
			return err
		}) {
			must(t, err)
		}
		twice := 0
		for _, names := range made {
			if names[0] != names[len(names)-1] {
				t.Errorf("one call makes %s and %s", names[0], names[1])
			}
			twice += len(names) - 1
		}
		if twice == 0 {
			t.Error("no call was drafted that had its turn")
		}
	})
}

// A draft closes nothing: what is told of a sealed matter has its turn, where it is closed.
func TestWhatIsMadeInCompanyUnderASealIsClosedByIt(t *testing.T) {
	onEach(t, func(t *testing.T, n *node) {
		names := []string{n.aCase(), n.aCase(), n.aCase(), n.aCase()}
		for _, name := range names {
			n.share(name)
			must(t, n.Act(t.Context(), func(tx *store.Tx) error {
				return tx.Seal(name, "", name+"/orders/"+path.Base(name), []string{police})
			}))
		}
		victims := make([]string, 32)
		for _, err := range atOnce(len(victims), func(i int) error {
			ctx, _ := n.as(police)
			reply, err := n.cases.CreateVictim(ctx, jisrv1.CreateVictimRequest_builder{Parent: names[i%len(names)], Victim: &jisrv1.Victim{}}.Build())
			if err == nil {
				victims[i] = shown(t, reply).GetName()
			}
			return err
		}) {
			must(t, err)
		}
		for _, victim := range victims {
			ctx, c := n.as(erbil)
			wantFault(t, n.View(ctx, c, victim, &jisrv1.Victim{}), fault.NotFound)
			ctx, c = n.as(police)
			must(t, n.View(ctx, c, victim, &jisrv1.Victim{}))
		}
	})
}

func TestDraftsWhoseCommitIsNotHeardOfAreNotMadeAgain(t *testing.T) {
	h, database := newHouse(t), throwaway.URL(t)
	l, at := lineTo(t, database)
	n, other := h.open(at), h.open(database)
	n.aCase()
	const calls = 24
	l.when(on("COMMIT", after))
	errs := atOnce(calls, func(int) error {
		_, err := n.newCase("")
		return err
	})
	l.when(nil)
	for _, err := range errs {
		wantFault(t, err, fault.OutcomeUnknown)
	}
	if kept := n.KeptAgrees(t); kept > 1 {
		t.Errorf("%d cases are kept of which nobody knows whether they are there", kept-1)
	}
	if got := other.files(); got != calls+1 {
		t.Errorf("%d calls made %d cases", calls, got-1)
	}
}
