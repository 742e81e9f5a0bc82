package disclosure

import (
	"context"
	"testing"

	"github.com/jisr-exchange/jisr/services/record"
)

func TestOpeningARecordTakesNoMemoryOfItsOwn(t *testing.T) {
	f := newFixture(t)
	_, e := f.sealed(t, victimName)
	typ, at := record.ByName("Victim"), context.Background()
	lens := f.caller.Law.Read(f.caller.Role, f.caller.Purpose, caring)
	envelope := e.Append(nil)
	out, shown, err := f.page.Open(at, nil, victimName, typ, nil, envelope, lens)
	must(t, err)
	if shown == 0 || len(out) == 0 {
		t.Fatal("nothing was opened")
	}
	allocations := testing.AllocsPerRun(1000, func() {
		if out, _, err = f.page.Open(at, out[:0], victimName, typ, nil, envelope, lens); err != nil {
			t.Fatal(err)
		}
	})
	if allocations > ceiling {
		t.Errorf("opening a record allocates %.1f times", allocations)
	}
}
