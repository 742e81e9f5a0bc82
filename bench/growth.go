package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"google.golang.org/protobuf/proto"

	"github.com/jisr-exchange/jisr/bench/peer"
	"github.com/jisr-exchange/jisr/services/postgres/throwaway"
)

// sampled is how many of a world's victims are read, spread over all of it.
const sampled = 1000

// growth measures the part of R2 that is the shelf's, and M1: what cases that
// nobody asks for cost whoever reads, in time and in memory.
func growth(ctx context.Context, b *bench) (results []result, err error) {
	if !b.servedAlone {
		results, err = b.grow(ctx, nil)
	}
	if err != nil || !b.servedToo {
		return results, err
	}
	c, err := cluster()
	if errors.Is(err, throwaway.ErrNone) {
		return append(results, unmeasured("R2", "the same on PostgreSQL", "not measured: "+err.Error())), nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.Remove()) }()
	more, err := b.grow(ctx, c)
	return append(results, more...), err
}

// grow measures it on files, or on a server: with the server's CPU there.
func (b *bench) grow(ctx context.Context, c *throwaway.Cluster) (results []result, err error) {
	var singles, pages []slot
	var worlds []*world
	defer func() {
		for _, w := range worlds {
			err = errors.Join(err, w.close())
		}
	}()
	on := ""
	if c != nil {
		on = " on PostgreSQL"
	}
	for _, size := range b.sizes {
		w, err := grown(ctx, b, c, size)
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
			atMost("R2", fmt.Sprintf("GetVictim among %s cases / among %s%s", sizeName(size), least, on), 1.2, ratio(gets[sizeName(size)], gets[least], cost)),
			atMost("R2", fmt.Sprintf("page of 100 among %s cases / among %s%s", sizeName(size), least, on), 1.2, ratio(lists[sizeName(size)], lists[least], cost)))
	}
	if c != nil {
		return append(results, known("  CPU of a call, with PostgreSQL's", "GetVictim %s, page of 100 %s, among %s cases",
			micros(of(gets[least], cost).median), micros(of(lists[least], cost).median), least)), nil
	}
	results = append(results, result{"M1", "resident memory at rest, MB", "< 40", fmt.Sprintf("%.1f", megabytes(rest)), megabytes(rest) < 40})
	for i, size := range b.sizes {
		results = append(results, known(fmt.Sprintf("  after reads among %s cases", sizeName(size)), "%.1f MB", megabytes(used[i])))
	}
	return results, nil
}

// grown is a world of so many cases of one victim each, of which some are read.
func grown(ctx context.Context, b *bench, c *throwaway.Cluster, size int) (_ *world, err error) {
	w, at := &world{dir: filepath.Join(b.disk, b.fresh("grown"))}, peer.Files
	if c != nil {
		if at, err = onServer(c); err != nil {
			return nil, err
		}
	}
	if err := peer.Lay(w.dir, at); err != nil {
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
	if c != nil {
		if err := settle(ctx, at.Records); err != nil {
			return nil, err
		}
	}
	if err := w.open(ctx); err != nil {
		return nil, err
	}
	w.client.server = c
	return w, nil
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
