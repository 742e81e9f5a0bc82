package store_test

import (
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/postgres"
	"github.com/jisr-exchange/jisr/services/postgres/throwaway"
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
	must(t, promoted.QueryRow(t.Context(), "SELECT COUNT(*) FROM records WHERE name = $1", name).Scan(&kept))
	if kept != 1 {
		t.Error("what was answered is lost with its server")
	}
}
