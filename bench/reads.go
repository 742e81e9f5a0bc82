package main

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/jisr-exchange/jisr/bench/peer"
)

// reads measures G1 to G3: whole calls over mutual TLS, in CPU of the server.
// Metrics are always on; what G3 turns on is tracing.
func reads(ctx context.Context, b *bench) (results []result, err error) {
	var worlds []*world
	var clients []*client
	defer func() {
		for _, c := range clients {
			err = errors.Join(err, c.close(), c.process.stop())
		}
		for _, w := range worlds {
			err = errors.Join(err, w.close())
		}
	}()
	sink, err := collect(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, sink.close()) }()
	for _, at := range []struct {
		root, name string
		env        []string
	}{{b.memory, "reads", nil}, {b.disk, "reads", nil}, {b.memory, "traced", sink.environment()}} {
		w, err := build(ctx, at.root, at.name, at.env...)
		if err != nil {
			return nil, err
		}
		worlds = append(worlds, w)
	}
	for _, kind := range []string{"raw", "typed"} {
		c, err := worlds[0].beside(ctx, kind)
		if err != nil {
			return nil, err
		}
		clients = append(clients, c)
	}
	memory, disk, traced, raw, typed := worlds[0].client, worlds[1].client, worlds[2].client, clients[0], clients[1]
	one := func(w *world) []proto.Message { return victimRequests(w.names) }
	page := func(*world) []proto.Message { return []proto.Message{pageRequest()} }

	calls := b.calls(2000)
	single, err := b.compare(ctx, getVictim,
		slot{"raw", raw, one(worlds[0]), calls, 32}, slot{"exchange", memory, one(worlds[0]), calls, 32},
		slot{"traced", traced, one(worlds[2]), calls, 32}, slot{"typed", typed, one(worlds[0]), calls, 32},
		slot{"raw at 128", raw, one(worlds[0]), calls, 128}, slot{"durable", disk, one(worlds[1]), calls, 128})
	if err != nil {
		return nil, err
	}
	cost := peer.Sample.Each
	results = append(results,
		atMost("G1", "GetVictim, no disk to wait for / raw", 1.5, ratio(single["exchange"], single["raw"], cost)),
		atMost("G1", "GetVictim, entry durable, 128 in flight / raw", 1.9, ratio(single["durable"], single["raw at 128"], cost)),
		atMost("G1", "GetVictim, no disk to wait for / typed peer", 0.5, ratio(single["exchange"], single["typed"], cost)),
		known("  CPU of a call", "raw %s, exchange %s, durable %s, typed %s", micros(of(single["raw"], cost).median),
			micros(of(single["exchange"], cost).median), micros(of(single["durable"], cost).median), micros(of(single["typed"], cost).median)),
		known("  calls by the second", "raw %.0f, exchange %.0f, durable %.0f, typed %.0f", of(single["raw"], peer.Sample.Rate).median,
			of(single["exchange"], peer.Sample.Rate).median, of(single["durable"], peer.Sample.Rate).median, of(single["typed"], peer.Sample.Rate).median),
	)

	calls = b.calls(60)
	sides, err := calling(listVictims,
		slot{"raw", raw, page(worlds[0]), calls, 16}, slot{"exchange", memory, page(worlds[0]), calls, 16},
		slot{"typed", typed, page(worlds[0]), calls, 16})
	if err != nil {
		return nil, err
	}
	alone, err := start(ctx, "cipher", worlds[0].dir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, alone.stop()) }()
	// One piece of its work is as many records as a page has.
	pages, err := interleave(ctx, b.rounds, append(sides, side{"cipher", func(context.Context) (peer.Sample, error) { return alone.work(calls, 1) }})...)
	if err != nil {
		return nil, err
	}
	results = append(results,
		atMost("G2", "page of 100 victims / raw", 1.8, ratio(pages["exchange"], pages["raw"], cost)),
		known("  AES-GCM of its 600 sections alone / raw", "%s", ratio(pages["cipher"], pages["raw"], cost)),
		atMost("G2", "page of 100 victims / typed peer", 1./6, ratio(pages["exchange"], pages["typed"], cost)),
		known("  CPU of a page", "raw %s, exchange %s, of which AES-GCM %s, typed %s", micros(of(pages["raw"], cost).median),
			micros(of(pages["exchange"], cost).median), micros(of(pages["cipher"], cost).median), micros(of(pages["typed"], cost).median)),
		atMost("G3", "GetVictim, tracing at 1 % and metrics on / metrics on", 1.3, ratio(single["traced"], single["exchange"], cost)),
		known("  batches of traces", "%d", sink.taken.Load()),
	)
	return results, nil
}

// slot is one side of a comparison of whole calls.
type slot struct {
	name           string
	client         *client
	requests       []proto.Message
	calls, callers int
}

// compare interleaves slots of one method.
func (b *bench) compare(ctx context.Context, method string, slots ...slot) (map[string][]peer.Sample, error) {
	sides, err := calling(method, slots...)
	if err != nil {
		return nil, err
	}
	return interleave(ctx, b.rounds, sides...)
}

// calling makes sides of slots of one method.
func calling(method string, slots ...slot) (sides []side, err error) {
	for _, s := range slots {
		l, err := s.client.load(method, s.requests...)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.name, err)
		}
		sides = append(sides, side{s.name, func(ctx context.Context) (peer.Sample, error) {
			if l.server == nil {
				return l.slot(ctx, s.calls, s.callers)
			}
			return metered(l.server, func() (peer.Sample, error) { return l.slot(ctx, s.calls, s.callers) })
		}})
	}
	return sides, nil
}
