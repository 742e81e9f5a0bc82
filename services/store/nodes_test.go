package store_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/fieldmaskpb"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/postgres/throwaway"
	"github.com/jisr-exchange/jisr/services/record"
	"github.com/jisr-exchange/jisr/services/store"
)

// two are two nodes of one exchange over one database.
func two(t *testing.T) (a, b *node) {
	t.Helper()
	h, at := newHouse(t), throwaway.URL(t)
	return h.open(at), h.open(at)
}

// atOnce runs a call so many times at once, in turn on each of the nodes.
func atOnce(calls int, call func(i int) error) []error {
	errs := make([]error, calls)
	var begin, all sync.WaitGroup
	begin.Add(calls)
	for i := range calls {
		all.Go(func() {
			begin.Done()
			begin.Wait()
			errs[i] = call(i)
		})
	}
	all.Wait()
	return errs
}

func TestAHundredEqualCallsOnTwoNodesHaveOneEffect(t *testing.T) {
	a, b := two(t)
	const calls = 100
	names := make([]string, calls)
	for _, err := range atOnce(calls, func(i int) (err error) {
		names[i], err = []*node{a, b}[i%2].newCase(requestID)
		return err
	}) {
		must(t, err)
	}
	for _, name := range names {
		if name != names[0] {
			t.Fatalf("one request made %s and %s", names[0], name)
		}
	}
	ctx, c := a.as(police)
	page, _, err := store.List(ctx, a.Store, c, store.Query{Type: record.ByName("Case")}, func() *jisrv1.Case { return &jisrv1.Case{} })
	if err != nil || len(page) != 1 || a.entries(names[0]) != 1 {
		t.Errorf("one request made %d cases with %d entries: %v", len(page), a.entries(names[0]), err)
	}
	// Control: requests of ids of their own have an effect each.
	for _, err := range atOnce(4, func(i int) error {
		_, err := []*node{a, b}[i%2].newCase(requestID[:35] + fmt.Sprint(i+1))
		return err
	}) {
		must(t, err)
	}
	if got := a.files(); got != 5 {
		t.Errorf("four requests made %d cases", got-1)
	}
}

func TestARevocationOnOneNodeHoldsWhatAnotherWasAboutToShow(t *testing.T) {
	a, b := two(t)
	about := a.aCase()
	s := b.share(about)
	read := a.begun(erbil, about)
	must(t, b.endShare(s))
	before := a.entries(about)
	wantMoved(t, read())
	if after := b.entries(about); after != before {
		t.Errorf("%d entries of what was not shown", after-before)
	}
	if _, err := a.read(erbil, about); !errors.Is(err, fault.New(fault.NotFound)) {
		t.Errorf("the other node answers the case after the share's end: %v", err)
	}
	// Control: where nobody revokes anything, it is shown.
	s = b.share(about)
	read = a.begun(erbil, about)
	must(t, read())
	must(t, b.endShare(s))
}

func TestANewAgreementOnOneNodeDecidesOnTheOther(t *testing.T) {
	a, b := two(t)
	about := a.aCase()
	read := a.begun(police, about)
	ctx, c := a.as(police)
	next := b.another("later")
	must(t, b.Adopt(t.Context(), next, b.law.Store))
	wantMoved(t, read())
	_, err := store.Change(ctx, a.Store, c, store.Call{RPC: "CaseService/UpdateCase"}, &jisrv1.Case{}, func(tx *store.Tx) (*jisrv1.Case, error) {
		m := &jisrv1.Case{}
		if err := tx.View(about, m); err != nil {
			return m, err
		}
		m.SetProgress(jisrv1.Case_PROGRESS_CLOSED)
		return m, tx.Save(m)
	})
	wantMoved(t, err)
	if got := b.entries(about); got != 1 {
		t.Errorf("%d changes were decided by the agreement of before", got-1)
	}
	// The other node hears of it by itself, and what was begun anew goes through.
	heard := make(chan struct{})
	ending, end := context.WithCancel(t.Context())
	followed := make(chan struct{})
	go func() {
		defer close(followed)
		a.Follow(ending, func(law *agreement.Law) {
			a.law.Store(law)
			close(heard)
		})
	}()
	select {
	case <-heard:
	case <-time.After(time.Minute):
		t.Fatal("the other node does not hear of the agreement")
	}
	end()
	<-followed
	if a.law.Load().Hash() != next.Hash() {
		t.Error("the other node has another agreement")
	}
	must(t, a.begun(police, about)())
	a.aCase()
}

func TestANodeThatStartsLatePutsNoAgreementBack(t *testing.T) {
	a, b := two(t)
	about := a.aCase()
	later := a.another("later")
	must(t, a.Adopt(t.Context(), later, a.law.Store))
	// Its file is that of the beginning.
	late := a.house.open(a.at)
	if late.law.Load().Hash() != later.Hash() {
		t.Error("a node that starts late puts back what was replaced")
	}
	must(t, a.begun(police, about)())
	// One that nobody has adopted before is new.
	newer := b.another("newer")
	must(t, b.Resume(t.Context(), newer, b.law.Store))
	wantMoved(t, a.begun(police, about)())
	// And who adopts it of its own will may go back.
	must(t, b.Adopt(t.Context(), later, b.law.Store))
	if b.law.Load().Hash() != later.Hash() {
		t.Error("nobody can go back")
	}
}

func TestWhatIsNotThereIsToldByTheAgreementInForceToo(t *testing.T) {
	a, b := two(t)
	about := a.aCase()
	absent := func() error {
		_, err := a.read(shelter, about)
		return err
	}
	empty := func() error {
		ctx, c := a.as(shelter)
		_, _, err := store.List(ctx, a.Store, c, store.Query{Type: record.ByName("Case")}, func() *jisrv1.Case { return &jisrv1.Case{} })
		return err
	}
	wantFault(t, absent(), fault.NotFound)
	must(t, empty())
	must(t, a.Current(t.Context(), a.law.Load()))
	must(t, b.Adopt(t.Context(), b.another("later"), b.law.Store))
	wantMoved(t, absent())
	wantMoved(t, empty())
	wantMoved(t, a.Current(t.Context(), a.law.Load()))
}

func TestOfTwoAgreementsAdoptedAtOnceOneIsInForce(t *testing.T) {
	a, b := two(t)
	laws := []string{"one", "other"}
	for _, err := range atOnce(8, func(i int) error {
		n := []*node{a, b}[i%2]
		return n.Adopt(t.Context(), n.another(laws[i%2]+fmt.Sprint(i)), n.law.Store)
	}) {
		must(t, err)
	}
	text, err := store.InForce(t.Context(), a.at, forgetful)
	must(t, err)
	hash := parsed(t, string(text)).Hash()
	if hash != a.law.Load().Hash() && hash != b.law.Load().Hash() {
		t.Error("neither node has the agreement that the database names")
	}
}

func TestOfConditionalWritesAtOnceOneWins(t *testing.T) {
	a, b := two(t)
	about := a.aCase()
	tell := func(etag string) func(int) error {
		return func(i int) error {
			n := []*node{a, b}[i%2]
			ctx, _ := n.as(police)
			_, err := n.cases.UpdateCase(ctx, jisrv1.UpdateCaseRequest_builder{
				Case:       jisrv1.Case_builder{Name: about, Etag: etag, Narrative: jisrv1.CaseNarrative_builder{Account: fmt.Sprint("the river ", i)}.Build()}.Build(),
				UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"narrative"}},
			}.Build())
			return err
		}
	}
	// Control: without a condition every one is kept.
	for _, err := range atOnce(8, tell("")) {
		must(t, err)
	}
	won := 0
	for _, err := range atOnce(24, tell(a.etag(about))) {
		if err == nil {
			won++
			continue
		}
		wantFault(t, err, fault.Conflict)
	}
	if won != 1 {
		t.Errorf("%d writes on one state were kept", won)
	}
}

// One of them has its effect, and to the others the state that they name is gone: by
// their own request, which they must not be refused for.
func TestEqualConditionalWritesAtOnceAreAllAnsweredAsTheOneThatWasDone(t *testing.T) {
	a, b := two(t)
	about := a.aCase()
	etag := a.etag(about)
	etags := make([]string, 24)
	for _, err := range atOnce(len(etags), func(i int) error {
		n := []*node{a, b}[i%2]
		ctx, _ := n.as(police)
		reply, err := n.cases.UpdateCase(ctx, jisrv1.UpdateCaseRequest_builder{
			Case:       jisrv1.Case_builder{Name: about, Etag: etag, Narrative: jisrv1.CaseNarrative_builder{Account: "the river"}.Build()}.Build(),
			UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"narrative"}}, RequestId: requestID,
		}.Build())
		if err == nil {
			etags[i] = shown(n.t, reply).GetEtag()
		}
		return err
	}) {
		must(t, err)
	}
	for _, got := range etags {
		if got != etags[0] || got == etag {
			t.Fatalf("one request was answered %s and %s", etags[0], got)
		}
	}
	if got := a.entries(about); got != 2 {
		t.Errorf("one request changed the case %d times", got-1)
	}
}

func TestUnconditionalWritesOnTwoNodesLoseNothing(t *testing.T) {
	a, b := two(t)
	about := a.aCase()
	const calls = 40
	for _, err := range atOnce(calls, func(i int) error {
		n := []*node{a, b}[i%2]
		return n.notify(about)
	}) {
		must(t, err)
	}
	numbers := make(map[int64]bool)
	var mu sync.Mutex
	for len(numbers) < calls {
		got := 0
		atOnce(4, func(i int) error {
			n := []*node{a, b}[i%2]
			for _, d := range n.pull(t, 3) {
				mu.Lock()
				if numbers[d.GetNumber()] {
					t.Errorf("number %d was given twice", d.GetNumber())
				}
				numbers[d.GetNumber()] = true
				got++
				mu.Unlock()
				n.acknowledge(t, d.GetName())
			}
			return nil
		})
		if got == 0 {
			t.Fatalf("%d of %d notices were delivered", len(numbers), calls)
		}
	}
	for i := range calls {
		if !numbers[int64(i+1)] {
			t.Errorf("number %d is missing", i+1)
		}
	}
}

func TestCallsThatWaitForEachOthersCasesAllEnd(t *testing.T) {
	a, b := two(t)
	one, other := a.aCase(), a.aCase()
	const calls = 24
	for _, err := range atOnce(calls, func(i int) error {
		n := []*node{a, b}[i%2]
		order := []string{one, other}
		if i/2%2 == 1 {
			order[0], order[1] = other, one
		}
		ctx, c := n.as(police)
		_, err := store.Change(ctx, n.Store, c, store.Call{RPC: "CaseService/UpdateCase"}, &jisrv1.Case{}, func(tx *store.Tx) (*jisrv1.Case, error) {
			m := &jisrv1.Case{}
			for _, name := range order {
				if err := tx.View(name, m); err != nil {
					return m, err
				}
				m.SetProgress(jisrv1.Case_Progress(1 + i%3))
				if err := tx.Save(m); err != nil {
					return m, err
				}
			}
			return m, nil
		})
		return err
	}) {
		must(t, err)
	}
	if got := a.entries(one); got != 1+calls {
		t.Errorf("%d changes of %d are in the log", got-1, calls)
	}
}
