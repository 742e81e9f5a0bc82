package store_test

import (
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/postgres"
	"github.com/jisr-exchange/jisr/services/postgres/throwaway"
	"github.com/jisr-exchange/jisr/services/store"
)

// A commit whose wait for the standby is cancelled is told by the server as any
// other, and is lost with it.
func TestACommitThatDidNotReachTheStandbyIsUncertainUntilARepetitionDoes(t *testing.T) {
	cluster := throwaway.Durable(t)
	standby := cluster.Standby(t)
	must(t, cluster.Synchronous())
	database := cluster.Database(t)
	n := newHouse(t).openAs(database, postgres.Options{SurvivesNode: true})
	about := n.aCase()
	release := n.begun(police, about)
	operator, err := pgx.Connect(t.Context(), cluster.URL("postgres"))
	must(t, err)
	defer operator.Close(t.Context())
	// whoever waits for the standby is told to wait no longer
	cancelled := func(call func() error) error {
		answer := make(chan error, 1)
		go func() { answer <- call() }()
		again := time.NewTicker(10 * time.Millisecond)
		defer again.Stop()
		for {
			select {
			case err := <-answer:
				return err
			case <-again.C:
				_, err := operator.Exec(t.Context(), "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'")
				must(t, err)
			}
		}
	}
	must(t, standby.Pause())
	name := ""
	create := func() (err error) {
		name, err = n.newCase(requestID)
		return err
	}
	wantFault(t, cancelled(create), fault.OutcomeUnknown)
	// What was committed here alone is seen here. Its repetition is a commit of its
	// own, and as uncertain as long as the standby is away.
	wantFault(t, cancelled(create), fault.OutcomeUnknown)
	wantFault(t, cancelled(release), fault.LogUnavailable)
	// Nor is anything said that leaves no entry: a primary that was left would say it, too.
	wantFault(t, cancelled(func() error { return n.Confirm(t.Context(), n.law.Load()) }), fault.StoreUnavailable)
	wantFault(t, cancelled(func() error { return n.refused(fault.Conflict) }), fault.StoreUnavailable)
	repeated := make(chan error, 1)
	go func() { repeated <- create() }()
	select {
	case err := <-repeated:
		t.Errorf("a repetition is answered without the standby: %v", err)
	case <-time.After(200 * time.Millisecond):
	}
	must(t, standby.Resume())
	must(t, <-repeated)
	must(t, n.begun(police, about)())
	must(t, n.Confirm(t.Context(), n.law.Load()))
	wantFault(t, n.refused(fault.Conflict), fault.Conflict)
	if got := n.files(); got != 2 {
		t.Errorf("one request made %d cases", got-1)
	}
	// What was answered is on the standby.
	must(t, cluster.Kill())
	must(t, standby.Promote())
	promoted, err := pgx.Connect(t.Context(), standby.URL(databaseOf(t, database)))
	must(t, err)
	defer promoted.Close(t.Context())
	var kept int
	must(t, promoted.QueryRow(t.Context(), "SELECT COUNT(*) FROM records WHERE name = $1", n.Mark(name)).Scan(&kept))
	if kept != 1 {
		t.Error("what was answered is lost with its server")
	}
	// What was read from the server before is not shown by the word of this one.
	moved := n.house.openAs(standby.URL(databaseOf(t, database)), forgetful)
	ctx, c := moved.as(police)
	const asked = "CaseService/GetCase"
	must(t, moved.Refuse(ctx, c, asked, fault.NotFound, about)) // control
	agreement.DocketFrom(ctx).Read(1)
	wantMoved(t, moved.Refuse(ctx, c, asked, fault.NotFound, about))
}

// refused asks for a change that is refused by what is there.
func (n *node) refused(reason fault.Reason) error {
	ctx, c := n.as(police)
	_, err := store.Change(ctx, n.Store, c, store.Call{RPC: "CaseService/CreateCase"}, &jisrv1.Case{}, func(tx *store.Tx) (*jisrv1.Case, error) {
		m := &jisrv1.Case{}
		if err := tx.View("cases/aaaaaaaaaaaaaaaaaaaaaaaaaa", m); !errors.Is(err, fault.New(fault.NotFound)) {
			return m, err
		}
		return m, fault.New(reason)
	})
	return err
}
