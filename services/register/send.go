package register

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
)

// Creator is what an import calls of the exchange; jisrv1.CaseServiceClient has it.
type Creator interface {
	CreateCase(context.Context, *jisrv1.CreateCaseRequest, ...grpc.CallOption) (*jisrv1.Case, error)
	CreateVictim(context.Context, *jisrv1.CreateVictimRequest, ...grpc.CallOption) (*jisrv1.Victim, error)
	CreateSuspect(context.Context, *jisrv1.CreateSuspectRequest, ...grpc.CallOption) (*jisrv1.Suspect, error)
}

// Importer sends a plan.
type Importer struct {
	// Cases is the exchange.
	Cases Creator
	// InFlight is how many cases are sent at a time; the records of one case go one after another.
	InFlight int
	// Timeout is the deadline of one call.
	Timeout time.Duration
	// Names are the records made earlier, which are not sent again, and takes the new ones.
	Names *Names
	// Progress is told the counts after every case; never called twice at a time.
	Progress func(Summary)
}

// Summary counts an import.
type Summary struct {
	// Rows were read, of which Imported are in now, AlreadyThere were in before,
	// Rejected stay behind, and NotReached were not tried because the import stopped.
	Rows, Imported, AlreadyThere, Rejected, NotReached int
	// Cases, Victims and Suspects are the records made by this run.
	Cases, Victims, Suspects int
}

// run is the state of one import.
type run struct {
	*Importer
	plan *Plan

	mu      sync.Mutex
	sum     Summary
	rejects []Reject
	stopped error
}

// Run sends the plan. A case that has begun is finished even when ctx ends, so
// that no case stays without its persons. A refusal of one case is a reject; a
// failure that every case would meet (no connection, a role without the right
// to call) stops the import and is returned. Rejects are those of the plan and
// of the exchange.
func (im *Importer) Run(ctx context.Context, p *Plan) (Summary, []Reject, error) {
	if im.Cases == nil || im.InFlight < 1 || im.Timeout <= 0 || im.Names == nil {
		return Summary{}, nil, errors.New("an importer needs the exchange, cases in flight, a timeout and a list of names")
	}
	r := &run{Importer: im, plan: p, rejects: slices.Clone(p.Rejects)}
	r.sum = Summary{Rows: p.Rows, Rejected: countLines(p.Rejects)}
	var group errgroup.Group
	group.SetLimit(im.InFlight)
	for i := range p.Groups {
		group.Go(func() error {
			// Asked when the case's turn comes, which may be long after it was queued.
			if ctx.Err() == nil && r.cause() == nil {
				r.send(context.WithoutCancel(ctx), &p.Groups[i])
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return r.sum, r.rejects, err
	}
	slices.SortStableFunc(r.rejects, func(a, b Reject) int { return a.Line - b.Line })
	r.sum.NotReached = r.sum.Rows - r.sum.Imported - r.sum.AlreadyThere - r.sum.Rejected
	if r.stopped == nil && r.sum.NotReached > 0 {
		r.stopped = ctx.Err()
	}
	return r.sum, r.rejects, r.stopped
}

func countLines(rejects []Reject) int {
	lines := make(map[int]bool)
	for _, r := range rejects {
		lines[r.Line] = true
	}
	return len(lines)
}

func (r *run) cause() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.stopped
}

// send creates the records of one case, the case first.
func (r *run) send(ctx context.Context, g *Group) {
	fresh := 0
	parent, isNew, err := r.create(ctx, g.Case)
	made := []Kind{KindCase}
	if err != nil {
		r.failed(g, g.Case, "", err)
		return
	}
	if isNew {
		fresh++
	} else {
		made = nil
	}
	for _, person := range g.Persons {
		setParent(person.Request, parent)
		_, isNew, err := r.create(ctx, person)
		if err != nil {
			r.failed(g, person, parent, err)
			return
		}
		if isNew {
			fresh++
			made = append(made, person.Kind)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if fresh > 0 {
		r.sum.Imported += len(g.Lines)
	} else {
		r.sum.AlreadyThere += len(g.Lines)
	}
	for _, kind := range made {
		switch kind {
		case KindCase:
			r.sum.Cases++
		case KindVictim:
			r.sum.Victims++
		case KindSuspect:
			r.sum.Suspects++
		}
	}
	if r.Progress != nil {
		r.Progress(r.sum)
	}
}

// failed records what the exchange refused, or stops the import.
func (r *run) failed(g *Group, rec Record, parent string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !isRefusal(err) {
		if r.stopped == nil {
			r.stopped = err
		}
		return
	}
	rejects := rec.refused(err)
	if parent != "" {
		rejects = append(rejects, Reject{Line: rec.Line, Reason: fmt.Sprintf("the case was opened as %s and lacks this person: mend the row and import again, which adds what is missing", parent)})
	}
	r.rejects = append(r.rejects, rejects...)
	r.sum.Rejected += len(g.Lines)
	for _, line := range g.Lines {
		if line != rec.Line {
			r.rejects = append(r.rejects, Reject{Line: line, Reason: fmt.Sprintf("held back with line %d of the same case", rec.Line)})
		}
	}
	if r.Progress != nil {
		r.Progress(r.sum)
	}
}

// create makes one record and returns its name, and whether this call made it.
func (r *run) create(ctx context.Context, rec Record) (name string, isNew bool, err error) {
	if name := r.Names.of(r.plan.Register, rec); name != "" {
		return name, false, nil
	}
	before := time.Now()
	made, err := r.call(ctx, rec.Request)
	if err != nil {
		return "", false, err
	}
	if err := r.Names.made(r.plan.Register, rec, made.GetName()); err != nil {
		return "", false, fmt.Errorf("the list of names cannot be written: %w", err)
	}
	// The answer to a repeated request is the first one's, made before this call.
	// Where the clocks differ only this count is off.
	isNew = made.GetCreateTime() == nil || !made.GetCreateTime().AsTime().Before(before.Truncate(time.Millisecond))
	return made.GetName(), isNew, nil
}

// header is what the exchange answers to every creation.
type header interface {
	GetName() string
	GetCreateTime() *timestamppb.Timestamp
}

func (r *run) call(ctx context.Context, request proto.Message) (header, error) {
	for attempt := 0; ; attempt++ {
		made, err := r.once(ctx, request)
		wait, ok := OverBudget(err, attempt)
		if !ok {
			return made, err
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return made, err
		}
	}
}

func (r *run) once(ctx context.Context, request proto.Message) (header, error) {
	ctx, cancel := context.WithTimeout(ctx, r.Timeout)
	defer cancel()
	switch request := request.(type) {
	case *jisrv1.CreateVictimRequest:
		return r.Cases.CreateVictim(ctx, request)
	case *jisrv1.CreateSuspectRequest:
		return r.Cases.CreateSuspect(ctx, request)
	case *jisrv1.CreateCaseRequest:
		return r.Cases.CreateCase(ctx, request)
	}
	return nil, fmt.Errorf("a plan holds no %T", request)
}
