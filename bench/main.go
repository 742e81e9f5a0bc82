// Command bench measures the exchange against the physical limit and against
// what somebody would use instead, side by side in one run: every side is a
// process of its own, rounds are interleaved, and what is printed are ratios
// with their quartiles, since rates by the clock move from run to run.
//
//	go run .          some minutes
//	go run . -long    as docs/benchmarks.md has it: more rounds, up to a million cases
//	go run . -only G  the measures of one letter
//	go run . -profile DIR   leaves a CPU profile of every process there
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/pprof"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/jisr-exchange/jisr/bench/peer"
)

// Set where this program is run as one of its peers.
const (
	peerVariable = "JISR_BENCH_PEER"
	dirVariable  = "JISR_BENCH_DIR"
	// profileVariable names a directory for CPU profiles.
	profileVariable = "JISR_BENCH_PROFILE"
)

// bench is one run.
type bench struct {
	disk, memory string
	rounds       int
	scale        float64 // of the calls of each slot
	sizes        []int   // cases, for growth
	servedToo    bool    // growth on PostgreSQL too
	servedAlone  bool    // and on nothing else
	profiles     int

	directories int
	changes     float64 // the rate of D1's changes, which I1 is held against
}

// measures by the letters of the targets they are about, in the order in which
// they run: I1 is held against what D1 found.
var measures = []struct {
	letters string
	run     func(context.Context, *bench) ([]result, error)
}{
	{"R", openings},
	{"G", reads},
	{"D", writes},
	{"I", imports},
	{"RM", growth},
}

func main() {
	runAsPeer()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	exit(run(ctx, os.Args[1:], os.Stdout))
}

// runAsPeer is the whole of this program where it was started as a peer.
func runAsPeer() {
	if kind := os.Getenv(peerVariable); kind != "" {
		exit(profiled(kind, func() error { return peer.Run(kind, os.Getenv(dirVariable), os.Stdin, os.Stdout) }))
	}
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

func run(ctx context.Context, args []string, out io.Writer) (err error) {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	long := flags.Bool("long", false, "more rounds, and up to a million cases")
	rounds := flags.Int("rounds", 0, "how many `rounds`, if not 11, or 21 in the long form")
	most := flags.Int("cases", 0, "the largest `number` of cases to grow to, if not that of the form")
	served := flags.Bool("served", false, "growth on PostgreSQL alone")
	only := flags.String("only", "RGDIM", "the `letters` of the targets to measure")
	root := flags.String("dir", "", "a `directory` on the disk to measure; the system's for temporary files if empty")
	profile := flags.String("profile", "", "a `directory` for a CPU profile of every process")
	memory := flags.String("memory", "/dev/shm", "a `directory` in memory, where nothing waits for a disk")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if err := os.Setenv(profileVariable, *profile); err != nil {
		return err
	}
	b := &bench{rounds: 11, scale: 1, sizes: []int{1000, 10_000}, profiles: 2000}
	if *long {
		b.rounds, b.sizes, b.servedToo, b.profiles = 21, []int{1000, 10_000, 100_000, 1_000_000}, true, profiles
	}
	if *most > 0 {
		b.servedToo = true
		b.sizes = slices.DeleteFunc([]int{1000, 10_000, 100_000, 1_000_000}, func(n int) bool { return n > max(*most, 10_000) })
	}
	if *served {
		b.servedToo, b.servedAlone = true, true
	}
	if *rounds > 0 {
		b.rounds = *rounds
	}
	return b.all(ctx, *only, *root, *memory, out)
}

// profiled runs a peer under the profiler where one is asked for.
func profiled(kind string, f func() error) (err error) {
	dir := os.Getenv(profileVariable)
	if dir == "" {
		return f()
	}
	out, err := os.CreateTemp(dir, kind+"-*.pprof")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	if err := pprof.StartCPUProfile(out); err != nil {
		return err
	}
	defer pprof.StopCPUProfile()
	return f()
}

// all runs the measures of those letters, each on fresh files below the two
// directories, and prints what each found when it is done.
func (b *bench) all(ctx context.Context, letters, disk, memory string, out io.Writer) (err error) {
	if b.disk, err = os.MkdirTemp(disk, "jisr-bench"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.disk)) }()
	if b.memory, err = os.MkdirTemp(memory, "jisr-bench"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.memory)) }()
	begin, missed := time.Now(), 0
	fmt.Fprintf(out, "%s\n%d interleaved rounds; figures are medians with quartiles\n\n", machine(), b.rounds)
	for _, m := range measures {
		if !strings.ContainsAny(m.letters, letters) {
			continue
		}
		results, err := m.run(ctx, b)
		if err != nil {
			return err
		}
		table(out, results)
		for _, r := range results {
			if r.verdict() == "MISSED" {
				missed++
			}
		}
	}
	fmt.Fprintf(out, "\n%d missed; took %s\n", missed, time.Since(begin).Round(time.Second))
	return nil
}

// calls is how many calls a slot has at the run's scale.
func (b *bench) calls(n int) int { return max(1, int(float64(n)*b.scale)) }

// fresh is a name that no directory of this run has.
func (b *bench) fresh(kind string) string {
	b.directories++
	return fmt.Sprintf("%s-%d", kind, b.directories)
}
