package store_test

import (
	"testing"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/store"
)

// A call that is run again holds first what it has asked for. Whoever sends two
// calls of one request id can have one of them run again, whatever that names.
func TestACallThatIsRunAgainDoesNotWaitForWhatIsHiddenFromItsCaller(t *testing.T) {
	a, b := two(t)
	hidden, own := a.aCase(), a.aCase()
	b.share(own)
	// Somebody is at work in the hidden case.
	work := connect(t, a.at)
	_, err := work.Exec(t.Context(), "BEGIN")
	must(t, err)
	_, err = work.Exec(t.Context(), "SELECT FROM epochs WHERE case_name = $1 FOR UPDATE", a.Mark(hidden))
	must(t, err)
	view := func(n *node, agency, name string, meanwhile func()) error {
		ctx, c := n.as(agency)
		call := store.Call{RPC: "CaseService/UpdateCase", RequestID: requestID, Request: jisrv1.GetCaseRequest_builder{Name: name}.Build()}
		_, err := store.Change(ctx, n.Store, c, call, &jisrv1.Case{}, func(tx *store.Tx) (*jisrv1.Case, error) {
			meanwhile()
			m := &jisrv1.Case{}
			return m, tx.View(name, m)
		})
		return err
	}
	b.InTurn("CaseService/UpdateCase")
	runs := 0
	err = view(b, erbil, hidden, func() {
		if runs++; runs == 1 { // the other one is done after this one was looked up
			must(t, view(a, erbil, own, func() {}))
		}
	})
	wantFault(t, err, fault.RequestIDReused)
	if runs != 1 {
		t.Errorf("the call was run %d times and found no answer", runs)
	}
	// Control: whoever knows of the case waits until the work is done.
	super := connect(t, a.at)
	waited := make(chan error, 1)
	go func() { waited <- view(a, police, hidden, func() {}) }()
	until(t, "a call waits for the case", func() bool {
		return count(t, super, "datname = current_database() AND wait_event_type = 'Lock'") > 0
	})
	_, err = work.Exec(t.Context(), "COMMIT")
	must(t, err)
	must(t, <-waited)
}
