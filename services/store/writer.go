package store

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/identity"
)

// Meter is told what the writer does, on the writer's own time.
type Meter interface {
	// Queued tells how long a call waited until its turn.
	Queued(took time.Duration)
	// Committed tells of a commit that is durable: how many calls it held, which
	// kinds of entries, and how long it took.
	Committed(calls int, entries []jisrv1.LogEntry_Kind, took time.Duration)
}

// unmeasured is the meter of a store that nobody watches.
type unmeasured struct{}

func (unmeasured) Queued(time.Duration)                                 {}
func (unmeasured) Committed(int, []jisrv1.LogEntry_Kind, time.Duration) {}

// writer takes the work of calls for whoever commits it. Calls that wait are
// committed together, at once and without a timer: one wait for the disk for
// many. A call that fails inside a group fails alone.
type writer struct {
	changes *queue
	beside  func(*job) // drafts a change, as far as may be, before it waits for its turn
	few     int64      // how many changes at a time are better written one after the other
	company atomic.Int64
	// bears is how long a call waits for its turn where a commit before it may hang, and
	// for its own commit beyond its own time; without end where it is 0.
	bears time.Duration
	turns sync.Map           // by rpc, how many of its next calls are not drafted
	every func(drafted bool) // see Options.Drafts
}

// job is the work of one call.
type job struct {
	work func(transaction) error
	// showing is the entry of a read, in place of work, where a server writes both.
	showing *showing
	// draft drafts what work does; drafted is what came of it, nil where it needs its turn.
	draft   func(*drafting) (*draft, error)
	drafted *draft
	turns   *atomic.Int64
	// posted is how many entries the work posts. It fails with its whole transaction
	// and needs no savepoint of its own.
	posted int
	// alone says that it shares its transaction with no other call.
	alone bool
	// take takes effect outside of the database, and undo takes that back where the
	// transaction was not kept after all, before anything else is written.
	take, undo func()
	tries      int    // runs of which nothing was kept
	needs      []need // what it has turned out to need
	at         atomic.Int32
	agency     string
	stale      bool // it has met a connection of a server that is no more
	asked      time.Time
	err        error
	done       chan struct{}
}

// Where a job is, for whom it makes wait too long.
const (
	queued    int32 = iota // nothing is being done of it
	inTurn                 // it is being drafted or written
	committed              // it waits with others to be durable, and is not touched any more
	leaving                // its caller was answered, and no more is done of it
)

// theirTurn are the jobs of a batch whose callers still wait: now they wait for what comes of them.
func theirTurn(batch []*job) []*job {
	return slices.DeleteFunc(batch, func(j *job) bool { return !j.at.CompareAndSwap(queued, inTurn) })
}

// waitAgain lets jobs wait of which nothing was kept. It returns them.
func waitAgain(batch []*job) []*job {
	for _, j := range batch {
		_ = j.at.CompareAndSwap(inTurn, queued) || j.at.CompareAndSwap(committed, queued) // else its caller has left
	}
	return batch
}

// committing are jobs whose commit begins, which has no end of its own.
func committing(batch []*job) {
	for _, j := range batch {
		j.at.Store(committed)
	}
}

// do runs work inside a transaction and returns when it is durable. Once the
// writer has taken the work, the client's deadline no longer matters: a commit
// that is cut off would leave the client not knowing, as does one that hangs long
// after it. Where there are several writers, work may run more than once, and only the
// last run is kept.
func (w *writer) do(ctx context.Context, work func(transaction) error) error {
	return w.take(ctx, w.changes, &job{work: work})
}

// undrafted is for how many calls of an rpc nothing is drafted after one needed its
// turn by what it does. Some kinds always do, and others where a case is sealed.
const undrafted = 32

// fewInFile is how many changes at a time are better written in a file one after the
// other: a draft is a look of its own at what the writer has at hand.
const fewInFile = 2

// change is do for work that may be drafted.
func (w *writer) change(ctx context.Context, rpc string, draft func(*drafting) (*draft, error), work func(transaction) error) error {
	if ctx.Err() != nil {
		return contextFault(ctx) // before it is drafted for nobody
	}
	defer w.company.Add(-1)
	kept, _ := w.turns.LoadOrStore(rpc, new(atomic.Int64))
	turns := kept.(*atomic.Int64)
	j := &job{work: work, turns: turns}
	switch company := w.company.Add(1); {
	case w.every == nil && company <= w.few:
	case w.every == nil && turns.Load() > 0:
		turns.Add(-1)
	default:
		j.draft = draft
		w.beside(j)
	}
	if w.every == nil {
		return w.take(ctx, w.changes, j)
	}
	turn := false
	j.work = func(conn transaction) error {
		turn = true
		return work(conn)
	}
	err := w.take(ctx, w.changes, j)
	w.every(!turn && err == nil)
	return err
}

// doAndTake is do for work that takes effect outside of the database too.
func (w *writer) doAndTake(ctx context.Context, work func(transaction) error, take, undo func()) error {
	return w.take(ctx, w.changes, &job{work: work, alone: true, take: take, undo: undo})
}

func (w *writer) take(ctx context.Context, q *queue, j *job) error {
	if ctx.Err() != nil {
		return contextFault(ctx)
	}
	j.asked, j.done, j.agency = time.Now(), make(chan struct{}), agencyOf(ctx)
	if !q.put(j.agency, j) {
		return fault.New(fault.StoreUnavailable)
	}
	if q != w.changes || w.bears == 0 { // entries wait for a statement that has an end
		<-j.done
		return j.err
	}
	late := time.NewTimer(w.bears)
	defer late.Stop()
	for {
		select {
		case <-j.done:
			return j.err
		case <-late.C:
			switch {
			case j.at.CompareAndSwap(queued, leaving):
				q.drop(j)
				return fault.New(fault.StoreUnavailable)
			case ctx.Err() != nil && j.at.CompareAndSwap(committed, leaving):
				return fault.New(fault.OutcomeUnknown) // the call's time is over, and the commit's is not
			}
			late.Reset(w.bears / 16) // it may come to wait once more
		}
	}
}

// agencyOf is whose work it is; what the exchange does of itself is nobody's.
func agencyOf(ctx context.Context) string {
	c, err := identity.FromContext(ctx)
	if err != nil {
		return ""
	}
	return c.Agency
}

// refuse answers a group of which nothing was kept.
func refuse(batch []*job, err error) {
	for _, j := range slices.Backward(batch) {
		if j.undo != nil {
			j.undo()
		}
	}
	for _, j := range batch {
		j.err = err
		close(j.done)
	}
}

// protect turns a panic of a call's work into an error: a writer that died would
// leave every later call waiting.
func protect(work func(transaction) error, conn transaction) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("store: panic of type %T inside a transaction", p)
		}
	}()
	return work(conn)
}
