package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"

	"github.com/jisr-exchange/jisr/bench/peer"
	"github.com/jisr-exchange/jisr/services/postgres/throwaway"
)

// twoNodes measures what a second node on the same database adds, or costs.
func (b *bench) twoNodes(ctx context.Context, c *throwaway.Cluster, k durable) (_ result, err error) {
	most := len(callers) - 1
	calls, ask := b.calls(k.calls[served][most]), callers[most]
	d, err := onServer(c)
	if err != nil {
		return result{}, err
	}
	dir := filepath.Join(b.disk, b.fresh("nodes"))
	if err := peer.Lay(dir, d); err != nil {
		return result{}, err
	}
	var nodes []*process
	defer func() {
		for _, p := range nodes {
			err = errors.Join(err, p.stop())
		}
	}()
	for range 2 {
		p, err := start(ctx, k.name+"-grouped", dir)
		if err != nil {
			return result{}, err
		}
		nodes = append(nodes, p)
	}
	if _, err := together(nodes, calls, ask); err != nil {
		return result{}, err
	}
	if err := settle(ctx, d.Records); err != nil {
		return result{}, err
	}
	found, err := interleave(ctx, b.rounds,
		side{"one", func(context.Context) (peer.Sample, error) { return together(nodes[:1], calls, ask) }},
		side{"two", func(context.Context) (peer.Sample, error) { return together(nodes, calls, ask) }})
	if err != nil {
		return result{}, err
	}
	speed := peer.Sample.Rate
	return known(fmt.Sprintf("%s, two nodes / one, %d callers in all", k.what, ask), "%s: %.0f against %.0f a second",
		ratio(found["two"], found["one"], speed), of(found["two"], speed).median, of(found["one"], speed).median), nil
}

// together has nodes share calls and callers.
func together(nodes []*process, calls, callers int) (sum peer.Sample, err error) {
	calls, callers = max(1, calls/len(nodes)), callers/len(nodes)
	for _, p := range nodes {
		if err := p.prepare(calls, callers); err != nil {
			return sum, err
		}
	}
	samples, errs := make([]peer.Sample, len(nodes)), make([]error, len(nodes))
	var group sync.WaitGroup
	for i, p := range nodes {
		group.Go(func() { samples[i], errs[i] = p.prepared(calls, callers) })
	}
	group.Wait()
	for _, s := range samples {
		sum.Calls += s.Calls
		sum.Wall = max(sum.Wall, s.Wall)
	}
	return sum, errors.Join(errs...)
}
