package main

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/jisr-exchange/jisr/bench/peer"
)

// sampled is how many of a world's victims are read, spread over all of it.
const sampled = 1000

// growth measures the part of R2 that is the shelf's, and M1: what cases that
// nobody asks for cost whoever reads, in time and in memory.
func growth(ctx context.Context, b *bench) (results []result, err error) {
	var singles, pages []slot
	var worlds []*world
	defer func() {
		for _, w := range worlds {
			err = errors.Join(err, w.close())
		}
	}()
	for _, size := range b.sizes {
		w, err := grown(ctx, b, size)
		if err != nil {
			return nil, err
		}
		worlds = append(worlds, w)
		name := sizeName(size)
		singles = append(singles, slot{name, w.client, victimRequests(w.names), b.calls(1000), 32})
		pages = append(pages, slot{name, w.client, []proto.Message{pageRequest()}, b.calls(30), 16})
	}
	rest, err := worlds[0].exchange.usage()
	if err != nil {
		return nil, err
	}
	gets, err := b.compare(ctx, getVictim, singles...)
	if err != nil {
		return nil, err
	}
	lists, err := b.compare(ctx, listVictims, pages...)
	if err != nil {
		return nil, err
	}
	cost := peer.Sample.Each
	least := sizeName(b.sizes[0])
	var used []peer.Usage
	for i, size := range b.sizes {
		u, err := worlds[i].exchange.usage()
		if err != nil {
			return nil, err
		}
		used = append(used, u)
		if i == 0 {
			continue
		}
		results = append(results,
			atMost("R2", fmt.Sprintf("GetVictim among %s cases / among %s", sizeName(size), least), 1.2, ratio(gets[sizeName(size)], gets[least], cost)),
			atMost("R2", fmt.Sprintf("page of 100 among %s cases / among %s", sizeName(size), least), 1.2, ratio(lists[sizeName(size)], lists[least], cost)))
	}
	results = append(results, result{"M1", "resident memory at rest, MB", "< 40", fmt.Sprintf("%.1f", megabytes(rest)), megabytes(rest) < 40})
	for i, size := range b.sizes {
		results = append(results, known(fmt.Sprintf("  after reads among %s cases", sizeName(size)), "%.1f MB", megabytes(used[i])))
	}
	return results, nil
}

// grown is a world of so many cases of one victim each, of which some are read.
func grown(ctx context.Context, b *bench, size int) (*world, error) {
	w := &world{}
	var err error
	if w.dir, err = lay(b.disk, b.fresh("grown")); err != nil {
		return nil, err
	}
	shelf, err := peer.OpenShelf(w.dir)
	if err != nil {
		return nil, err
	}
	names, err := fill(shelf, size, 1)
	if err := errors.Join(err, shelf.Close()); err != nil {
		return nil, err
	}
	for i := 0; i < len(names); i += max(1, len(names)/sampled) {
		w.names = append(w.names, names[i])
	}
	return w, w.open(ctx)
}

func megabytes(u peer.Usage) float64 { return float64(u.Resident) / 1e6 }

func sizeName(n int) string {
	if n >= 1e6 {
		return fmt.Sprintf("%d M", n/1e6)
	}
	if n >= 1e3 {
		return fmt.Sprintf("%d k", n/1e3)
	}
	return fmt.Sprint(n)
}
