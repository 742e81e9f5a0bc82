package hostile_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/fieldmaskpb"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/jisrtest"
)

// desks is how many officers work beside an attack.
const desks = 2

// work is the good agency's: officers who read victims and change them, one call
// after another.
type work struct {
	t      testing.TB
	client *jisrtest.Client
	victim [desks]string

	mu   sync.Mutex
	took []time.Duration
	errs []error
}

// settle opens the good agency's case.
func (x *exchange) settle() *work {
	x.t.Helper()
	w := &work{t: x.t, client: x.client(good)}
	ctx := context.Background()
	c, err := w.client.CreateCase(ctx, jisrv1.CreateCaseRequest_builder{Case: jisrtest.BaghdadCase()}.Build())
	x.must(err)
	for i := range w.victim {
		v, err := w.client.CreateVictim(ctx, jisrv1.CreateVictimRequest_builder{Parent: c.GetName(), Victim: jisrtest.Person(i % 2)}.Build())
		x.must(err)
		w.victim[i] = v.GetName()
	}
	return w
}

// while works until what is done, each officer at least once from the
// beginning and once more after the end of it; all of the calls must be answered.
func (w *work) while(what func()) {
	w.t.Helper()
	took := w.during(what)
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, err := range w.errs {
		w.t.Errorf("the agency beside the attack was refused: %v", err)
	}
	w.errs = nil
	if len(took) < 2*desks {
		w.t.Errorf("the agency beside the attack made %d calls", len(took))
	}
}

// during works until what is done, and returns how long each call took.
func (w *work) during(what func()) []time.Duration {
	w.mu.Lock()
	w.took = nil
	w.mu.Unlock()
	done := make(chan struct{})
	var all, begun sync.WaitGroup
	for i := range desks {
		begun.Add(1)
		all.Go(func() {
			w.call(i)
			begun.Done()
			for {
				select {
				case <-done:
					w.call(i)
					return
				default:
					w.call(i)
				}
			}
		})
	}
	begun.Wait()
	what()
	close(done)
	all.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.took)
}

// call reads a victim and changes it.
func (w *work) call(desk int) {
	for _, call := range []func(context.Context) error{
		func(ctx context.Context) error {
			_, err := w.client.GetVictim(ctx, jisrv1.GetVictimRequest_builder{Name: w.victim[desk]}.Build())
			return err
		},
		func(ctx context.Context) error {
			_, err := w.client.UpdateVictim(ctx, jisrv1.UpdateVictimRequest_builder{
				Victim:     jisrv1.Victim_builder{Name: w.victim[desk], Risk: jisrv1.VictimRisk_builder{Assessment: "told beside an attack"}.Build()}.Build(),
				UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"risk.assessment"}},
			}.Build())
			return err
		},
	} {
		begin := time.Now()
		err := call(context.Background())
		w.mu.Lock()
		w.took = append(w.took, time.Since(begin))
		if err != nil {
			w.errs = append(w.errs, err)
		}
		w.mu.Unlock()
	}
}
