package agreement

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"testing"

	"pgregory.net/rapid"
)

func TestADocketTellsOfEachRecordHowItWasLoadedLast(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		_, d := WithDocket(context.Background())
		want := make(map[string]int64)
		name := rapid.Map(rapid.IntRange(0, 4*few), strconv.Itoa)
		t.Repeat(map[string]func(*rapid.T){
			"load": func(t *rapid.T) {
				n, epoch := name.Draw(t, "name"), rapid.Int64().Draw(t, "epoch")
				d.Load(n, Loaded{Epoch: epoch})
				want[n] = epoch
			},
			"forget": func(t *rapid.T) {
				n := name.Draw(t, "name")
				d.Forget(n)
				delete(want, n)
			},
			"clear": func(*rapid.T) {
				d.Clear()
				clear(want)
			},
			"": func(t *rapid.T) {
				if got := d.Names(); !slices.Equal(got, slices.Sorted(maps.Keys(want))) {
					t.Fatalf("%v are on it, want %v", got, want)
				}
				n := name.Draw(t, "name")
				got, ok := d.Loaded(n)
				if epoch, loaded := want[n]; ok != loaded || got.Epoch != epoch {
					t.Fatalf("%s was loaded under %d (%v), want %d (%v)", n, got.Epoch, ok, epoch, loaded)
				}
			},
		})
	})
}
