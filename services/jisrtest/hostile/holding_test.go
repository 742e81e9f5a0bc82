package hostile_test

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/jisrtest"
)

// refusedBudget fails the test unless the answer is the budget's refusal, in words.
func refusedBudget(t *testing.T, a answer) {
	t.Helper()
	reason, _, retry := a.details(t)
	if a.code() != codes.ResourceExhausted || reason != fault.BudgetExceeded || !retry {
		t.Errorf("answered %v %s, retry %v; want RESOURCE_EXHAUSTED BUDGET_EXCEEDED with RetryInfo", a.code(), reason, retry)
	}
}

func TestAnswersThatAreNotTakenAreHeldAgainstTheirAgencyAlone(t *testing.T) {
	x := start(t, "budgets: {calls_in_flight: 100}\n")
	w := x.settle()
	closed := http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0} // no answer that has data goes through
	w.while(func() {
		peers := []*peer{x.attacker(closed), x.attacker(closed)}
		for _, p := range peers {
			for range 50 {
				if _, err := p.send(listAgencies, nil); err != nil {
					t.Fatal(err)
				}
			}
		}
		// All hundred have their headers, and none of them its end.
		for _, p := range peers {
			p.headed(t, 50)
		}
		late := x.attacker(closed)
		id, err := late.send(listAgencies, nil)
		x.must(err)
		a, ok := late.wait(t, id)
		if !ok {
			t.Fatal("the connection was cut")
		}
		refusedBudget(t, a)
		// What was held is given back with the connection that held it.
		peers[0].conn.Close()
		<-peers[0].gone
		x.served(t)
	})
	x.bounded()
}

// headed waits until n streams have an answer's headers.
func (p *peer) headed(t testing.TB, n int) {
	t.Helper()
	timeout := time.After(limit)
	for {
		p.mu.Lock()
		have := 0
		for _, a := range p.answers {
			if a.fields[":status"] != "" && !a.ended {
				have++
			}
		}
		p.mu.Unlock()
		if have == n {
			return
		}
		select {
		case <-p.changed:
		case <-p.gone:
			t.Fatal("the connection was cut")
		case <-timeout:
			t.Fatalf("%d of %d answers began", have, n)
		}
	}
}

func TestACallWithoutABodyEndsWithTheTimeOfACall(t *testing.T) {
	x := start(t, "budgets: {call_time: 1s}\n")
	w := x.settle()
	for what, hold := range map[string]func(*peer) (uint32, error){
		"no body":                           func(p *peer) (uint32, error) { return p.open(createCase) },
		"no body and a deadline of its own": func(p *peer) (uint32, error) { return p.open(createCase, [2]string{"grpc-timeout", "99999S"}) },
		"half a body": func(p *peer) (uint32, error) {
			id, err := p.open(createCase)
			if err != nil {
				return id, err
			}
			return id, errors.Join(p.framer.WriteData(id, false, message(make([]byte, 1000))[:500]), p.out.Flush())
		},
	} {
		t.Run(what, func(t *testing.T) {
			w.while(func() {
				p := x.served(t)
				id, err := hold(p)
				x.must(err)
				if a, ok := p.wait(t, id); !ok || a.code() != codes.DeadlineExceeded {
					t.Errorf("answered %v, connection kept %v; want DEADLINE_EXCEEDED", a.code(), ok)
				}
			})
		})
	}
}

func TestAnAgencyHasItsConnectionsAndNoMore(t *testing.T) {
	x := start(t, "budgets: {connections: 8}\n")
	w := x.settle()
	w.while(func() {
		var open []*peer
		cut := 0
		for range 100 {
			p, err := x.dial()
			if err != nil {
				cut++ // closed while its preface was on the way
				continue
			}
			id, _ := p.send(whoAmI, nil)
			if a, ok := p.wait(t, id); ok && a.code() == codes.OK {
				open = append(open, p)
				continue
			}
			cut++
		}
		if len(open) != 8 || cut != 92 {
			t.Errorf("%d connections were served and %d cut, want 8 and 92", len(open), cut)
		}
		open[0].conn.Close()
		<-open[0].gone
		x.served(t) // its place is another's
	})
	if log := x.process.Log.String(); !strings.Contains(log, "TOO_MANY_CONNECTIONS") {
		t.Errorf("the log does not say why connections were cut:\n%s", log)
	}
	x.bounded()
}

func TestConnectionsThatNeverBecomeOneKeepNobodyOut(t *testing.T) {
	x := start(t, "")
	hello := []byte{22, 3, 1, 1, 0, 1, 0, 0, 252, 3, 3} // how a handshake begins, and no more of it
	for range 400 {
		conn, err := net.Dial("tcp", x.addr)
		x.must(err)
		defer conn.Close()
		_, _ = conn.Write(hello) // the oldest are closed while the youngest come
	}
	w := x.settle() // by a new connection
	w.while(func() {})
	x.bounded()
	if log := x.process.Log.String(); !strings.Contains(log, "TOO_MANY_HANDSHAKES") {
		t.Errorf("the log does not say why connections were closed:\n%s", log)
	}
}

func TestChangesBeyondThoseMadeAtOnceWaitAndNoneIsRefused(t *testing.T) {
	x := start(t, "budgets: {calls_in_flight: 48}\n") // of which six change something at once
	w := x.settle()
	attacker := x.client(evil)
	opened, err := attacker.CreateCase(context.Background(), jisrv1.CreateCaseRequest_builder{Case: jisrv1.Case_builder{
		CrimeType: jisrv1.Case_CRIME_TYPE_TRAFFICKING_IN_PERSONS, Governorate: "IQG15",
		AdministeringAuthority: jisrv1.Jurisdiction_JURISDICTION_KURDISTAN_REGION,
	}.Build()}.Build())
	x.must(err)
	w.while(func() {
		again := make(chan struct{}, 240)
		for range cap(again) {
			again <- struct{}{}
		}
		close(again)
		var all sync.WaitGroup
		for range 40 {
			all.Go(func() {
				for range again {
					if _, err := attacker.CreateVictim(context.Background(), jisrv1.CreateVictimRequest_builder{Parent: opened.GetName(), Victim: jisrtest.Person(0)}.Build()); err != nil {
						t.Errorf("a change that waits its turn is answered %v", err)
					}
				}
			})
		}
		all.Wait()
	})
}

func TestAConnectionThatSaysNothingIsClosed(t *testing.T) {
	x := start(t, "")
	conn, err := net.Dial("tcp", x.addr)
	x.must(err)
	defer conn.Close()
	x.must(conn.SetReadDeadline(time.Now().Add(limit)))
	if _, err := io.ReadAll(conn); err != nil && !strings.Contains(err.Error(), "reset") {
		t.Fatalf("a connection without a handshake is not closed: %v", err)
	}
}

func TestASecondsBudgetIsOneAgencysAndNotItsNeighbours(t *testing.T) {
	x := start(t, "budgets: {calls_per_second: 50}\n")
	w := x.settle()
	attacker := x.client(evil)
	var mu sync.Mutex
	refused, answered := 0, 0
	w.while(func() {
		var all sync.WaitGroup
		for range 200 {
			all.Go(func() {
				_, err := attacker.WhoAmI(context.Background(), &jisrv1.WhoAmIRequest{})
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err == nil:
					answered++
				case status.Code(err) == codes.ResourceExhausted && jisrtest.Reason(err) == fault.BudgetExceeded:
					refused++
				default:
					t.Errorf("answered %v", err)
				}
			})
		}
		all.Wait()
	})
	if refused == 0 || answered < 50 {
		t.Errorf("of 200 calls at once %d were answered and %d refused", answered, refused)
	}
}
