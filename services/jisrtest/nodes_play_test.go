package jisrtest_test

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/encoding/prototext"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/jisrtest"
)

// twoNodes are two exchanges over the same two databases.
func twoNodes(t *testing.T) (a, b *jisrtest.Exchange) {
	t.Helper()
	a = jisrtest.Start(t, jisrtest.WithDatabase(jisrtest.CaseDatabase(t)), jisrtest.WithKeyring(jisrtest.KeyDatabase(t)))
	return a, a.Node()
}

// without is the shipped agreement in which a role may not call a method.
func without(t testing.TB, role jisrv1.Role, rpc string) []byte {
	t.Helper()
	whole := &jisrv1.Agreement{}
	must(t, prototext.Unmarshal(jisrtest.Agreement(t), whole))
	for _, terms := range whole.GetRpcs() {
		if terms.GetRpc() == rpc {
			terms.SetRoles(slices.DeleteFunc(terms.GetRoles(), func(r jisrv1.Role) bool { return r == role }))
		}
	}
	return got(prototext.Marshal(whole))(t)
}

// A failover to a standby that lacked the last commits, or a backup put back behind
// the same URL, leaves a node with views of what is no longer there.
func TestWhatWasReadBeforeADatabaseWasPutBackIsNotShownAfter(t *testing.T) {
	a, b := twoNodes(t)
	p := jisrtest.Opened(t, a)
	before := holding(t, a).epochs[p.Case]
	// By the node itself, which is not woken by what it says: it would give up what it has read.
	got(a.As(jisrtest.Police).AdvanceCase(ctx, jisrv1.AdvanceCaseRequest_builder{Name: p.Case, State: jisrv1.Case_STATE_NOTIFIED}.Build()))(t)
	got(getVictim(a.As(jisrtest.Police), p.First))(t)
	inside := p.Inside()
	must(t, inside("DELETE FROM records WHERE name = ?", p.First))
	got(getVictim(a.As(jisrtest.Police), p.First))(t) // Control: the node has it still.
	must(t, inside("UPDATE epochs SET epoch = ? WHERE case_name = ?", before, p.Case))
	// Another change takes the place of the one that was lost.
	v := jisrtest.Person(1)
	v.SetName(p.Second)
	got(b.As(jisrtest.Police).UpdateVictim(ctx, jisrv1.UpdateVictimRequest_builder{Victim: v, UpdateMask: mask("profile")}.Build()))(t)
	refused(getVictim(a.As(jisrtest.Police), p.First))(t, fault.NotFound)
}

// TestWhatOneNodeAdoptsDecidesEveryAnswerOfTheOtherAtOnce asks the other node as
// soon as the first has answered, before it can have heard of anything.
func TestWhatOneNodeAdoptsDecidesEveryAnswerOfTheOtherAtOnce(t *testing.T) {
	a, b := twoNodes(t)
	p := jisrtest.Opened(t, a)
	police := b.As(jisrtest.Police)
	var header metadata.MD
	asked := map[string]func(...grpc.CallOption) (string, error){
		"who am I": func(o ...grpc.CallOption) (string, error) {
			r, err := police.WhoAmI(ctx, &jisrv1.WhoAmIRequest{}, o...)
			return r.GetAgreement(), err
		},
		"the agreement": func(o ...grpc.CallOption) (string, error) {
			r, err := police.GetAgreement(ctx, &jisrv1.GetAgreementRequest{}, o...)
			return r.GetAgreement(), err
		},
		"the matrix": func(o ...grpc.CallOption) (string, error) {
			r, err := police.GetDisclosureMatrix(ctx, &jisrv1.GetDisclosureMatrixRequest{}, o...)
			return r.GetAgreement(), err
		},
		"a record": func(o ...grpc.CallOption) (string, error) {
			_, err := police.GetVictim(ctx, jisrv1.GetVictimRequest_builder{Name: p.First}.Build(), o...)
			return "", err
		},
		"a list of nothing": func(o ...grpc.CallOption) (string, error) {
			_, err := police.ListOrders(ctx, jisrv1.ListOrdersRequest_builder{Parent: p.Case}.Build(), o...)
			return "", err
		},
		"a change": func(o ...grpc.CallOption) (string, error) {
			_, err := police.CreateCase(ctx, jisrv1.CreateCaseRequest_builder{Case: jisrtest.BaghdadCase()}.Build(), o...)
			return "", err
		},
		"the agencies": func(o ...grpc.CallOption) (string, error) {
			_, err := police.ListAgencies(ctx, &jisrv1.ListAgenciesRequest{}, o...)
			return "", err
		},
		"what is not there": func(o ...grpc.CallOption) (string, error) {
			_, err := police.GetVictim(ctx, jisrv1.GetVictimRequest_builder{Name: p.First[:len(p.First)-4] + "aaaa"}.Build(), o...)
			if jisrtest.Reason(err) == fault.NotFound {
				err = nil
			}
			return "", err
		},
		"what is not granted": func(o ...grpc.CallOption) (string, error) {
			_, err := b.As(jisrtest.Health).CreateCase(ctx, jisrv1.CreateCaseRequest_builder{Case: jisrtest.BaghdadCase()}.Build(), o...)
			if jisrtest.Reason(err) == fault.MethodNotGranted {
				err = nil
			}
			return "", err
		},
		"a file": func(o ...grpc.CallOption) (string, error) {
			stream, err := police.GetCaseFile(ctx, jisrv1.GetCaseFileRequest_builder{Name: p.Case}.Build(), o...)
			if err != nil {
				return "", err
			}
			if _, err = stream.Recv(); err != nil {
				return "", err
			}
			header, err = stream.Header()
			return "", err
		},
	}
	n := 0
	for what, ask := range asked {
		n++
		text := fmt.Appendf(jisrtest.Agreement(t), "# edition %d\n", n)
		law := got(agreement.Parse(text))(t)
		a.Adopt(text)
		header = nil
		told, err := ask(grpc.Header(&header))
		if err != nil {
			t.Errorf("%s is refused: %v", what, err)
			continue
		}
		if said := header.Get("jisr-agreement"); len(said) != 1 || said[0] != law.Hash() {
			t.Errorf("%s is answered by %v, and %s is in force", what, said, law.Hash())
		}
		if told != "" && told != law.Hash() {
			t.Errorf("%s tells of %s, and %s is in force", what, told, law.Hash())
		}
	}
}

func TestWhatOneNodeGrantsAndTakesBackHoldsOnTheOtherAtOnce(t *testing.T) {
	a, b := twoNodes(t)
	p := jisrtest.Opened(t, a)
	police := b.As(jisrtest.Police)
	open, shut := jisrtest.Agreement(t), without(t, jisrv1.Role_ROLE_COUNTER_TRAFFICKING, "CaseService/GetVictim")
	for range 3 {
		got(getVictim(police, p.First))(t)
		a.Adopt(shut)
		refused(getVictim(police, p.First))(t, fault.MethodNotGranted)
		a.Adopt(open)
	}
	got(getVictim(police, p.First))(t)
	refusals := 0
	for _, leaf := range logOf(t, a) {
		if leaf.GetKind() == jisrv1.LogEntry_KIND_REFUSED {
			refusals++
		}
	}
	if refusals != 3 {
		t.Errorf("%d refusals are in the log, and 3 were answered", refusals)
	}
}

// TestNobodyIsAnsweredByAnAgreementOfBefore lets one node adopt edition after
// edition while the other is asked, and holds each answer against what was
// adopted before the question.
func TestNobodyIsAnsweredByAnAgreementOfBefore(t *testing.T) {
	a, b := twoNodes(t)
	p := jisrtest.Opened(t, a)
	const last = 12
	texts := make([][]byte, last+1)
	number := make(map[string]int)
	for n := range texts {
		texts[n] = fmt.Appendf(jisrtest.Agreement(t), "# edition %d\n", n)
		number[got(agreement.Parse(texts[n]))(t).Hash()] = n
	}
	a.Adopt(texts[0])
	var adopted atomic.Int64
	var answered atomic.Int64
	var stop atomic.Bool
	var askers sync.WaitGroup
	police := b.As(jisrtest.Police)
	for _, ask := range []func(...grpc.CallOption) error{
		func(o ...grpc.CallOption) error {
			_, err := police.WhoAmI(ctx, &jisrv1.WhoAmIRequest{}, o...)
			return err
		},
		func(o ...grpc.CallOption) error {
			_, err := police.GetVictim(ctx, jisrv1.GetVictimRequest_builder{Name: p.First}.Build(), o...)
			return err
		},
		func(o ...grpc.CallOption) error {
			_, err := police.ListOrders(ctx, jisrv1.ListOrdersRequest_builder{Parent: p.Case}.Build(), o...)
			return err
		},
	} {
		askers.Go(func() {
			for !stop.Load() {
				before := adopted.Load()
				var header metadata.MD
				if err := ask(grpc.Header(&header)); err != nil {
					t.Error(err)
					return
				}
				n, known := number[header.Get("jisr-agreement")[0]]
				if !known || int64(n) < before {
					t.Errorf("edition %d answers a question that was asked when %d was in force", n, before)
					return
				}
				answered.Add(1)
			}
		})
	}
	for n := 1; n <= last; n++ {
		for seen := answered.Load(); answered.Load() < seen+6 && !t.Failed(); {
			runtime.Gosched()
		}
		a.Adopt(texts[n])
		adopted.Store(int64(n))
	}
	stop.Store(true)
	askers.Wait()
}

func TestWhatAServersDiskHasLeftIsNotToldAsNothing(t *testing.T) {
	x := jisrtest.Start(t, jisrtest.WithDatabase(jisrtest.CaseDatabase(t)))
	text := scraped(t, x)
	if !strings.Contains(text, `jisr_store_bytes{kind="database"}`) || strings.Contains(text, `jisr_store_bytes{kind="free"}`) {
		t.Error("the size of the database is not told, or what nobody knows is")
	}
	if text := scraped(t, jisrtest.Start(t, jisrtest.InFiles())); !strings.Contains(text, `jisr_store_bytes{kind="free"}`) {
		t.Error("of a file it is not told either")
	}
}
