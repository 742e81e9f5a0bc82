package main

import (
	"context"
	"errors"
	"time"

	"github.com/jisr-exchange/jisr/bench/peer"
)

// writes measures D1 and D2: what becomes durable, by rate and by waiting time.
// No transport is around it on any side, so that the disk and the writer show.
func writes(ctx context.Context, b *bench) (_ []result, err error) {
	rate, err := fsyncs(b.disk, time.Second)
	if err != nil {
		return nil, err
	}
	results := []result{known("the disk", "%.0f fdatasync/s of 512 bytes", rate)}
	stores, err := b.durably(ctx)
	if err != nil {
		return nil, err
	}
	results = append(results, stores...)
	alone, err := b.working(ctx, 1, piece{"entry-grouped", 300}, piece{"file", 300})
	if err != nil {
		return nil, err
	}
	crowd, err := b.working(ctx, 64, piece{"entry-grouped", 3000}, piece{"file", 1000})
	if err != nil {
		return nil, err
	}
	return append(results,
		atMost("D2", "one caller, p50 / append + fdatasync", 1.3, ratio(alone["entry-grouped"], alone["file"], p50)),
		atMost("D2", "64 callers, p99 / append + fdatasync", 3, ratio(crowd["entry-grouped"], crowd["file"], p99)),
		known("  waiting", "p50 alone %s against %s, p99 of 64 %s against %s",
			micros(of(alone["entry-grouped"], p50).median), micros(of(alone["file"], p50).median),
			micros(of(crowd["entry-grouped"], p99).median), micros(of(crowd["file"], p99).median)),
	), nil
}

// piece is so many pieces of a peer's own work.
type piece struct {
	kind  string
	calls int
}

// working interleaves peers that work by themselves, each on fresh files.
func (b *bench) working(ctx context.Context, callers int, pieces ...piece) (_ map[string][]peer.Sample, err error) {
	var sides []side
	for _, w := range pieces {
		dir, err := lay(b.disk, b.fresh(w.kind))
		if err != nil {
			return nil, err
		}
		p, startErr := start(ctx, w.kind, dir)
		if startErr != nil {
			return nil, startErr
		}
		defer func() { err = errors.Join(err, p.stop()) }()
		sides = append(sides, side{w.kind, func(context.Context) (peer.Sample, error) { return p.work(b.calls(w.calls), callers) }})
	}
	return interleave(ctx, b.rounds, sides...)
}
