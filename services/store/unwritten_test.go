package store_test

import (
	"errors"
	"testing"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/store"
)

// Rows wait until something asks for them: to the call that made them they are there.
func TestACallReadsWhatItHasMadeAndNobodyWhatItGaveUp(t *testing.T) {
	onEach(t, func(t *testing.T, n *node) {
		n.InTurn("CaseService/CreateVictim")
		about := n.aCase()
		refusal := fault.New(fault.TransitionNotAllowed)
		create := func(refuse bool) (string, error) {
			ctx, c := n.as(police)
			v := &jisrv1.Victim{}
			_, err := store.Change(ctx, n.Store, c, store.Call{RPC: "CaseService/CreateVictim"}, &jisrv1.Victim{}, func(tx *store.Tx) (*jisrv1.Victim, error) {
				v = &jisrv1.Victim{}
				if err := tx.Child(&jisrv1.Case{}, about, v, about); err != nil {
					return v, err
				}
				if err := tx.View(v.GetName(), &jisrv1.Victim{}); err != nil {
					t.Errorf("a call does not find what it has made: %v", err)
				}
				if refuse {
					return v, refusal
				}
				return v, nil
			})
			return v.GetName(), err
		}
		kept, err := create(false)
		must(t, err)
		ctx, c := n.as(police)
		must(t, n.View(ctx, c, kept, &jisrv1.Victim{}))
		// Control: of a call that is refused after it was written nothing is there.
		undone, err := create(true)
		if !errors.Is(err, refusal) {
			t.Fatalf("refused with %v", err)
		}
		if err := n.View(ctx, c, undone, &jisrv1.Victim{}); !errors.Is(err, fault.New(fault.NotFound)) {
			t.Errorf("what a refused call wrote is answered %v", err)
		}
	})
}
