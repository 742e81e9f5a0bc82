package crash_test

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/jisr-exchange/jisr/services/jisrtest"
)

func TestReadsThatAreCancelledAtAnyMomentLeaveTheirEntry(t *testing.T) {
	x := install(t)
	x.start()
	w := x.settle(rand.Uint64())
	clients := map[string]*jisrtest.Client{jisrtest.Police: x.as(jisrtest.Police), jisrtest.Judge: x.as(jisrtest.Judge)}
	var wg sync.WaitGroup
	for i := range w.desks {
		wg.Go(func() {
			d := &w.desks[i]
			for range 100 {
				who := []string{jisrtest.Police, jisrtest.Judge}[d.random.IntN(2)]
				c := w.read(who, d.consented)
				// About as long as a read takes, so that some are cut off before, in and after their commit.
				ctx, hangUp := context.WithCancel(context.Background())
				timer := time.AfterFunc(time.Duration(d.random.IntN(20_000))*time.Microsecond, hangUp)
				_ = c.send(ctx, clients[c.Who])
				timer.Stop()
				hangUp()
			}
		})
	}
	wg.Wait()
	x.stop()
	x.audited(w.book)
	l, err := x.openLedger(x.database())
	x.must(err)
	var answered, cut, written int
	for _, c := range w.book.since(0) {
		switch {
		case c.answered():
			answered++
		default:
			cut++
			written += min(1, len(l.officers[c.ID]))
		}
	}
	t.Logf("%d answered, %d cut off, %d of those after their entry was begun", answered, cut, written)
	if cut == 0 || written == 0 || answered == 0 {
		t.Error("the reads were not cut off at moments that differ")
	}
}
