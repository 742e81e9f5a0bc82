package crash_test

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"

	"google.golang.org/protobuf/proto"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/jisrtest"
)

func TestHundredEqualCallsAtOnceHaveOneEffectAndOneAnswer(t *testing.T) {
	x := install(t)
	x.start()
	w := x.settle(rand.Uint64())
	for _, c := range []*call{
		w.createVictim(), w.updateVictim(w.desks[0].changed), w.notify(w.knocks), w.consent(w.desks[0].consented),
	} {
		client := x.as(c.Who)
		copies := make([]call, 100)
		begin := make(chan struct{})
		var wg sync.WaitGroup
		for i := range copies {
			copies[i] = *c
			wg.Go(func() {
				<-begin
				if err := copies[i].send(context.Background(), client); err != nil {
					t.Errorf("%s: %v", c.RPC, err)
				}
			})
		}
		close(begin)
		wg.Wait()
		*c = copies[0]
		for _, other := range copies {
			if other.Receipt != c.Receipt || !proto.Equal(other.Reply, c.Reply) {
				t.Errorf("%s: equal calls were answered %s and %s", c.RPC, c.Receipt, other.Receipt)
			}
		}
		x.changedBody(w, c)
		x.must(c.send(context.Background(), client)) // the refusal has not replaced the answer
	}
	// Control: under ids of their own, equal calls are calls of their own.
	one, two := w.createVictim(), w.createVictim()
	if x.made(one).Record == x.made(two).Record {
		t.Error("two calls with two request ids made one record")
	}
	x.stop()
	x.audited(w.book)
}

// changedBody sends a call's request id with another body, and an equal one as another rpc's.
func (x *exchange) changedBody(w *world, c *call) {
	x.t.Helper()
	other := w.book.note(&call{Who: c.Who, RPC: c.RPC, Request: proto.Clone(c.Request)})
	switch r := other.Request.(type) {
	case *jisrv1.CreateVictimRequest:
		r.GetVictim().GetRisk().SetAssessment("another")
	case *jisrv1.UpdateVictimRequest:
		r.GetVictim().GetRisk().SetAssessment("another")
	case *jisrv1.SendNotificationRequest:
		r.GetNotification().GetMessage().SetText("another")
	case *jisrv1.RecordConsentRequest:
		r.GetConsent().GetRecord().SetNote("another")
	}
	jisrtest.Refused(x.t, other.send(context.Background(), x.as(c.Who)), fault.RequestIDReused)
}
