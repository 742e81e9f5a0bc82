package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/jisr-exchange/jisr/bench/peer"
)

// side is one of what is compared.
type side struct {
	name string
	slot func(context.Context) (peer.Sample, error)
}

// interleave lets the sides take turns, A B C A B C, so that whatever else the
// machine does meets all alike. A first round that counts for nothing warms them.
func interleave(ctx context.Context, rounds int, sides ...side) (map[string][]peer.Sample, error) {
	samples := make(map[string][]peer.Sample)
	for round := -1; round < rounds; round++ {
		for _, s := range sides {
			sample, err := s.slot(ctx)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", s.name, err)
			}
			if round >= 0 {
				samples[s.name] = append(samples[s.name], sample)
			}
		}
	}
	return samples, nil
}

// spread is a median with its quartiles.
type spread struct{ low, median, high float64 }

func spreadOf(values []float64) spread {
	sorted := slices.Sorted(slices.Values(values))
	at := func(q int) float64 { return sorted[(len(sorted)-1)*q/4] }
	return spread{at(1), at(2), at(3)}
}

// of is the spread of one figure of samples.
func of(samples []peer.Sample, figure func(peer.Sample) float64) spread {
	values := make([]float64, len(samples))
	for i, s := range samples {
		values[i] = figure(s)
	}
	return spreadOf(values)
}

// ratio is the spread of a over b, round by round.
func ratio(a, b []peer.Sample, figure func(peer.Sample) float64) spread {
	values := make([]float64, len(a))
	for i := range a {
		values[i] = figure(a[i]) / figure(b[i])
	}
	return spreadOf(values)
}

func p50(s peer.Sample) float64 { return float64(s.P50) }
func p99(s peer.Sample) float64 { return float64(s.P99) }
