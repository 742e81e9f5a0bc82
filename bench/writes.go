package main

import (
	"context"
	"errors"
	"time"

	"github.com/jisr-exchange/jisr/bench/peer"
)

// writes measures D1 and D2: what becomes durable, by rate and by waiting time.
// No transport is around it on any side, so that the disk and the writer show.
func writes(ctx context.Context, b *bench) ([]result, error) {
	rate, err := fsyncs(b.disk, time.Second)
	if err != nil {
		return nil, err
	}
	entries, err := b.working(ctx, 64, piece{"entry-grouped", 3000}, piece{"entry-alone", 400})
	if err != nil {
		return nil, err
	}
	changes, err := b.working(ctx, 64, piece{"change-grouped", 500}, piece{"change-alone", 200})
	if err != nil {
		return nil, err
	}
	alone, err := b.working(ctx, 1, piece{"entry-grouped", 300}, piece{"file", 300})
	if err != nil {
		return nil, err
	}
	crowd, err := b.working(ctx, 64, piece{"entry-grouped", 3000}, piece{"file", 1000})
	if err != nil {
		return nil, err
	}
	speed := peer.Sample.Rate
	b.changes = of(changes["change-grouped"], speed).median
	return []result{
		known("the disk", "%.0f fdatasync/s of 512 bytes", rate),
		atLeast("D1", "read entries, 64 callers / a transaction each", 7, ratio(entries["entry-grouped"], entries["entry-alone"], speed)),
		atLeast("D1", "changes, 64 callers / a transaction each", 4, ratio(changes["change-grouped"], changes["change-alone"], speed)),
		known("  by the second", "entries %.0f against %.0f, changes %.0f against %.0f",
			of(entries["entry-grouped"], speed).median, of(entries["entry-alone"], speed).median,
			b.changes, of(changes["change-alone"], speed).median),
		unmeasured("D1", "the same on PostgreSQL / pgbench", "not measured: there is no PostgreSQL store yet"),
		atMost("D2", "one caller, p50 / append + fdatasync", 1.3, ratio(alone["entry-grouped"], alone["file"], p50)),
		atMost("D2", "64 callers, p99 / append + fdatasync", 3, ratio(crowd["entry-grouped"], crowd["file"], p99)),
		known("  waiting", "p50 alone %s against %s, p99 of 64 %s against %s",
			micros(of(alone["entry-grouped"], p50).median), micros(of(alone["file"], p50).median),
			micros(of(crowd["entry-grouped"], p99).median), micros(of(crowd["file"], p99).median)),
	}, nil
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
