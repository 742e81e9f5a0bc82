package main

import (
	"context"

	"github.com/jisr-exchange/jisr/bench/peer"
)

// openings measures R1 and the part of R2 that is the page's, and beside R1 how much
// of it is the cipher's own.
func openings(ctx context.Context, b *bench) ([]result, error) {
	samples, err := b.working(ctx, 1, piece{"reflect", 60}, piece{"open", 600}, piece{"open-hidden", 600}, piece{"cipher", 600},
		piece{"open-unwrap", 130}, piece{"reflect-many", 130}, piece{"cipher-unwrap", 130})
	if err != nil {
		return nil, err
	}
	cost := peer.Sample.Each
	each := func(kind string) string { return micros(of(samples[kind], cost).median / peer.Batch) }
	return []result{
		atMost("R1", "open 6 of 12 sections, key cached / reflective copy", 1./20, ratio(samples["open"], samples["reflect"], cost)),
		known("  AES-GCM of the six alone / reflective copy", "%s", ratio(samples["cipher"], samples["reflect"], cost)),
		atMost("R1", "the same with key unwrap / reflective copy", 1./8, ratio(samples["open-unwrap"], samples["reflect-many"], cost)),
		known("  AES-GCM, an unwrap and a cipher built alone / reflective copy", "%s", ratio(samples["cipher-unwrap"], samples["reflect-many"], cost)),
		atMost("R2", "open, the hidden sections long / short", 1.1, ratio(samples["open-hidden"], samples["open"], cost)),
		known("  CPU of an opening", "%s, of which AES-GCM %s; reflective %s", each("open"), each("cipher"), each("reflect")),
		known("  with key unwrap, of many records", "%s, of which AES-GCM %s; reflective %s", each("open-unwrap"), each("cipher-unwrap"), each("reflect-many")),
	}, nil
}
