package store_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/postgres/throwaway"
	"github.com/jisr-exchange/jisr/services/record"
	"github.com/jisr-exchange/jisr/services/store"
)

// lanes is how many commits a node has under way at the most.
const lanes = 3

// stuck is a node whose commits hang until release.
type stuck struct {
	*node
	line    *line
	commits chan struct{} // one for each that hangs
	made    sync.WaitGroup
}

func newStuck(t *testing.T) *stuck {
	t.Helper()
	l, at := lineTo(t, throwaway.URL(t))
	return &stuck{node: newHouse(t).open(at), line: l, commits: make(chan struct{}, 64)}
}

func (s *stuck) opens() error {
	_, err := s.newCase("")
	return err
}

func (s *stuck) hang() {
	s.line.when(func(statement string) cut {
		if strings.Contains(statement, "COMMIT") {
			s.commits <- struct{}{}
			return held
		}
		return through
	})
}

// hangs makes a change whose commit hangs, and which succeeds once it no longer does.
func (s *stuck) hangs(call func() error) {
	s.t.Helper()
	s.made.Go(func() {
		if err := call(); err != nil {
			s.t.Errorf("a change whose commit hung is answered %v", err)
		}
	})
	<-s.commits
}

func (s *stuck) release() {
	s.t.Helper()
	s.line.when(nil)
	s.line.release()
	s.made.Wait()
}

// A commit has no end, since nobody could say what came of it. Whoever is behind it
// has not begun, and can be told so.
func TestCallsBehindCommitsThatHangAreRefusedAndReadsGoOn(t *testing.T) {
	s := newStuck(t)
	about := s.aCase()
	if s.Bears(100*time.Millisecond) == 0 {
		t.Error("a node lets calls wait without end")
	}
	s.hang()
	for range lanes {
		s.hangs(s.opens)
	}
	const behind = 4
	before, _ := s.ring.Size()
	for _, err := range atOnce(behind, func(int) error { return s.opens() }) {
		wantFault(t, err, fault.StoreUnavailable)
	}
	if after, _ := s.ring.Size(); after != before {
		t.Errorf("%d keys are used up by who was refused", before-after)
	}
	if n := s.Queued(); n != 0 {
		t.Errorf("%d calls are in line whose callers have gone", n)
	}
	wantFault(t, s.Probe(t.Context(), false), fault.StoreUnavailable)
	must(t, s.begun(police, about)())
	s.release()
	must(t, s.Probe(t.Context(), false))
	s.aCase() // control
	if got := s.files(); got != 1+lanes+1 {
		t.Errorf("there are %d cases of %d that were answered", got, 1+lanes+1)
	}
}

// Nobody can say what comes of a commit that hangs, and nobody waits for it beyond the
// time of the call.
func TestACallWhoseTimeIsOverWhileItsCommitHangsIsUncertainAndDoneOnce(t *testing.T) {
	s := newStuck(t)
	s.aCase()
	s.Bears(100 * time.Millisecond)
	s.hang()
	ctx, c := s.as(police)
	over, end := context.WithCancel(ctx)
	call := store.Call{RPC: "CaseService/CreateCase", RequestID: requestID, Request: &jisrv1.CreateCaseRequest{}}
	create := func(ctx context.Context) (string, error) {
		m := jisrv1.Case_builder{
			Owner: "agencies/" + police, Governorate: "IQG08", AdministeringAuthority: jisrv1.Jurisdiction_JURISDICTION_FEDERAL,
		}.Build()
		owning := agreement.Standing{Links: []agreement.InForce{{Link: jisrv1.Link_LINK_OWNER, Scope: record.EveryClass}}}
		made, err := store.Change(ctx, s.Store, c, call, &jisrv1.Case{}, func(tx *store.Tx) (*jisrv1.Case, error) {
			return m, tx.Create(m, store.New{Standing: owning})
		})
		return shown(t, made).GetName(), err
	}
	answer := make(chan error, 1)
	before, _ := s.ring.Size()
	go func() {
		_, err := create(over)
		answer <- err
	}()
	<-s.commits
	select {
	case err := <-answer: // control: it is waited for
		t.Errorf("a call whose commit hangs is answered %v in its time", err)
	case <-time.After(300 * time.Millisecond):
	}
	end()
	wantFault(t, <-answer, fault.OutcomeUnknown)
	if after, _ := s.ring.Size(); after != before-1 {
		t.Errorf("of a call that may be kept %d keys are kept", before-after)
	}
	s.release()
	first, err := create(ctx)
	must(t, err)
	if again, err := create(ctx); err != nil || again != first || s.entries(first) != 1 {
		t.Errorf("repeated, %s is answered %s with %d entries, %v", first, again, s.entries(first), err)
	}
	if got := s.files(); got != 2 {
		t.Errorf("one request made %d cases", got-1)
	}
}

// What a lane has in hand and writes later is behind its commit, too: a draft that
// rests on what another of its batch changes, and a call that meets a case which
// another lane holds.
func TestACallThatItsLaneHasPutOffIsRefusedWhereTheCommitBeforeItHangs(t *testing.T) {
	for _, drafted := range []bool{true, false} {
		t.Run(fmt.Sprint("drafted ", drafted), func(t *testing.T) {
			s := newStuck(t)
			about := s.aCase()
			update := func() error { return s.close(about, s.etag(about)) }
			first, before := update, s.opens
			if !drafted {
				s.InTurn("CaseService/UpdateCase")
				s.InTurn("CaseService/CreateCase")
				first, before = before, update
			}
			s.Bears(2 * time.Second)
			s.hang()
			s.hangs(before)
			s.hangs(s.opens)
			// The last lane is kept at work until all are there, which it then takes at once.
			begun, all := make(chan struct{}), make(chan struct{})
			s.made.Go(func() {
				wantFault(t, s.Act(t.Context(), func(*store.Tx) error {
					close(begun)
					<-all
					return fault.New(fault.Conflict)
				}), fault.Conflict)
			})
			<-begun
			const calls = 5
			answers := make(chan error, calls)
			for i := range calls {
				call := update
				if i == 0 {
					call = first
				}
				s.made.Go(func() { answers <- call() })
				for s.Queued() < i+1 {
					runtime.Gosched()
				}
			}
			close(all)
			<-s.commits
			for range calls - 1 { // all but the one whose commit it is
				wantFault(t, <-answers, fault.StoreUnavailable)
			}
			s.release()
			must(t, <-answers)
			if got := s.entries(about); got != 2 {
				t.Errorf("one change was answered, and %d were made", got-1)
			}
		})
	}
}
