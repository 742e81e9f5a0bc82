package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jisr-exchange/jisr/bench/peer"
	"github.com/jisr-exchange/jisr/services/postgres/throwaway"
)

// callers are how many ask at a time.
var callers = [...]int{1, 16, 64}

// span is how long a slot of pgbench is.
const span = 250 * time.Millisecond

// durable is a kind of what D1 is about.
type durable struct {
	name, what string
	prepare    func(*peer.Shelf) (func() error, error)
	// calls are those of a slot, by callers.
	calls map[string][len(callers)]int
}

// The contenders.
const (
	file         = "SQLite"
	fileAlone    = "SQLite, a transaction each"
	fileTogether = "SQLite, the rows alone, a transaction for all callers"
	served       = "PostgreSQL"
	servedAlone  = "pgx, a transaction each"
	byPgbench    = "pgbench"
)

var durables = []durable{
	{"entry", "read entries", peer.Entry, map[string][len(callers)]int{
		file: {300, 4000, 12000}, fileAlone: {300, 400, 800}, served: {150, 2000, 6000}, servedAlone: {150, 800, 2400},
	}},
	{"change", "changes", peer.Notification, map[string][len(callers)]int{
		file: {100, 500, 1200}, fileAlone: {150, 200, 400}, fileTogether: {150, 500, 1280}, served: {60, 500, 1200}, servedAlone: {100, 400, 800},
	}},
}

// contender keeps what is durable in a way of its own. Its slot is one of so many
// callers as that number stands for.
type contender struct {
	name string
	slot func(ctx context.Context, n int) (peer.Sample, error)
	stop func() error
}

// durably measures D1 on both stores, each beside one transaction for each call,
// and PostgreSQL beside pgbench as well. Where there is no PostgreSQL it says so.
func (b *bench) durably(ctx context.Context) (results []result, err error) {
	c, err := cluster()
	switch {
	case errors.Is(err, throwaway.ErrNone):
		results = append(results, unmeasured("D1", "all of it on PostgreSQL", "not measured: "+err.Error()))
	case err != nil:
		return nil, err
	default:
		defer func() { err = errors.Join(err, c.Remove()) }()
		if _, err := os.Stat(c.Program(byPgbench)); err != nil {
			return nil, fmt.Errorf("install PostgreSQL's contributed programs, among them pgbench: %w", err)
		}
		rate, err := fsyncs(c.Folder(), time.Second)
		if err != nil {
			return nil, err
		}
		results = append(results, known("the disk of PostgreSQL", "%.0f fdatasync/s of 512 bytes", rate))
	}
	for _, k := range durables {
		found, err := b.compete(ctx, c, k)
		if err != nil {
			return nil, err
		}
		results = append(results, found...)
	}
	if c == nil {
		return results, nil
	}
	for _, k := range durables {
		found, err := b.twoNodes(ctx, c, k)
		if err != nil {
			return nil, err
		}
		results = append(results, found)
	}
	return results, nil
}

// compete lets all contenders take turns, with few callers and with many.
func (b *bench) compete(ctx context.Context, c *throwaway.Cluster, k durable) (_ []result, err error) {
	var all []contender
	defer func() {
		for _, one := range all {
			err = errors.Join(err, one.stop())
		}
	}()
	begin := func(name, kind string, d peer.Databases) error {
		dir := filepath.Join(b.disk, b.fresh(kind))
		if err := peer.Lay(dir, d); err != nil {
			return err
		}
		p, err := start(ctx, kind, dir)
		if err != nil {
			return err
		}
		work := func(_ context.Context, n int) (s peer.Sample, err error) {
			calls := b.calls(k.calls[name][n])
			if err := p.prepare(calls, callers[n]); err != nil {
				return s, err
			}
			slot := func() (peer.Sample, error) { return p.prepared(calls, callers[n]) }
			if d == peer.Files {
				return slot()
			}
			return metered(c, slot)
		}
		all = append(all, contender{name, work, p.stop})
		if d == peer.Files {
			return nil
		}
		if _, err := work(ctx, len(callers)-1); err != nil {
			return err
		}
		return settle(ctx, d.Records)
	}
	if err := errors.Join(begin(file, k.name+"-grouped", peer.Files), begin(fileAlone, k.name+"-alone", peer.Files)); err != nil {
		return nil, err
	}
	if k.name == "change" {
		if err := begin(fileTogether, "change-together", peer.Files); err != nil {
			return nil, err
		}
	}
	if c != nil {
		both, err := onServer(c)
		if err != nil {
			return nil, err
		}
		records, err := throwaway.Create(c.URL("postgres"))
		if err != nil {
			return nil, err
		}
		if err := errors.Join(begin(served, k.name+"-grouped", both),
			begin(servedAlone, k.name+"-pgx", peer.Databases{Records: records, Keys: peer.Files.Keys})); err != nil {
			return nil, err
		}
		unaided, err := b.pgbench(ctx, c, k)
		if err != nil {
			return nil, err
		}
		all = append(all, unaided)
	}
	found := make([]map[string][]peer.Sample, len(callers))
	for n := range callers {
		var sides []side
		for _, one := range all {
			sides = append(sides, side{one.name, func(ctx context.Context) (peer.Sample, error) { return one.slot(ctx, n) }})
		}
		if found[n], err = interleave(ctx, b.rounds, sides...); err != nil {
			return nil, err
		}
	}
	if k.name == "change" {
		b.changes = of(found[len(callers)-1][file], peer.Sample.Rate).median
	}
	return k.judged(found), nil
}

// judged are the lines of a kind: the ratios at most callers, which have targets,
// then those at fewer, then rates.
func (k durable) judged(found []map[string][]peer.Sample) (results []result) {
	speed, most := peer.Sample.Rate, len(callers)-1
	at := func(n int, a, b string) spread { return ratio(found[n][a], found[n][b], speed) }
	goal := map[string]float64{"entry": 7, "change": 4}[k.name]
	results = append(results, atLeast("D1", fmt.Sprintf("%s on SQLite, %d callers / a transaction each", k.what, callers[most]), goal, at(most, file, fileAlone)))
	pairs := [][2]string{{file, fileAlone}}
	if _, there := found[most][fileTogether]; there {
		results = append(results, known("  what there is to win: the rows alone, 64 changes a transaction / one each", "%s", at(most, fileTogether, fileAlone)))
	}
	if _, there := found[most][served]; there {
		each := atLeast("D1", fmt.Sprintf("%s on PostgreSQL, %d callers / a transaction each", k.what, callers[most]), 3, at(most, served, servedAlone))
		unaided := atLeast("D1", fmt.Sprintf("%s on PostgreSQL, %d callers / pgbench", k.what, callers[most]), 1, at(most, served, byPgbench))
		// Entries are held against the one, changes against the other.
		other := &unaided
		if k.name == "change" {
			other = &each
		}
		other.target, other.goal = "", ""
		results = append(results, each, unaided)
		pairs = append(pairs, [2]string{served, servedAlone}, [2]string{served, byPgbench})
	}
	for _, p := range pairs {
		results = append(results, known(fmt.Sprintf("  %s / %s", p[0], p[1]), "%s at %d, %s at %d", at(0, p[0], p[1]), callers[0], at(1, p[0], p[1]), callers[1]))
	}
	for _, name := range []string{file, fileAlone, fileTogether, served, servedAlone, byPgbench} {
		if _, there := found[0][name]; !there {
			continue
		}
		var rates []string
		for n := range callers {
			rates = append(rates, fmt.Sprintf("%.0f", of(found[n][name], speed).median))
		}
		results = append(results, known("  by the second: "+name, "%s at 1, 16, 64", strings.Join(rates, ", ")))
	}
	if s := found[most]; s[served] != nil {
		own := func(s peer.Sample) float64 { return float64(s.CPU) / float64(s.Calls) }
		cost := peer.Sample.Each
		results = append(results, known("  CPU of one, with PostgreSQL's", "%s, of which the exchange's process %s; pgx %s, PostgreSQL alone under pgbench %s",
			micros(of(s[served], cost).median), micros(of(s[served], own).median), micros(of(s[servedAlone], cost).median), micros(of(s[byPgbench], cost).median)))
	}
	return results
}

// pgbench has pgbench write the rows of a kind, for each number of callers by a
// process of its own in one database.
func (b *bench) pgbench(ctx context.Context, c *throwaway.Cluster, k durable) (_ contender, err error) {
	var all []*pgbench
	stop := func() (err error) {
		for _, p := range all {
			err = errors.Join(err, p.stop())
		}
		return err
	}
	records, err := throwaway.Create(c.URL("postgres"))
	if err != nil {
		return contender{}, err
	}
	dir := filepath.Join(b.disk, b.fresh(byPgbench))
	if err := peer.Lay(dir, peer.Databases{Records: records, Keys: peer.Files.Keys}); err != nil {
		return contender{}, err
	}
	script, err := peer.Script(ctx, dir, k.prepare)
	if err != nil {
		return contender{}, err
	}
	for _, clients := range callers {
		p, err := startPgbench(ctx, c, records, script, dir, clients)
		if err != nil {
			return contender{}, errors.Join(err, stop())
		}
		all = append(all, p)
	}
	slot := func(ctx context.Context, n int) (peer.Sample, error) {
		return metered(c, func() (peer.Sample, error) {
			return all[n].slot(ctx, time.Duration(float64(span)*max(b.scale, 0.1)))
		})
	}
	return contender{byPgbench, slot, stop}, nil
}
