package main

import (
	"fmt"
	"io"
	"strings"
)

// result is one line of the table.
type result struct {
	// target is its number, such as G1.
	target string
	// what says what is compared.
	what string
	// goal is what is asked; empty where a figure only informs.
	goal string
	// figure is what was found, in words.
	figure string
	// met says whether the goal was met.
	met bool
}

// atMost holds a ratio against a ceiling.
func atMost(target, what string, limit float64, s spread) result {
	return result{target, what, fmt.Sprintf("≤ %.3g", limit), s.String(), s.median <= limit}
}

// atLeast holds a ratio against a floor.
func atLeast(target, what string, limit float64, s spread) result {
	return result{target, what, fmt.Sprintf("≥ %.3g", limit), s.String(), s.median >= limit}
}

// known is a figure beside the targets.
func known(what, format string, args ...any) result {
	return result{what: what, figure: fmt.Sprintf(format, args...)}
}

// unmeasured is a target that nothing measures yet.
func unmeasured(target, what, why string) result {
	return result{target: target, what: what, goal: "-", figure: why}
}

func (s spread) String() string { return fmt.Sprintf("%.3g (%.3g–%.3g)", s.median, s.low, s.high) }

func (r result) verdict() string {
	switch {
	case r.goal == "" || r.goal == "-":
		return ""
	case r.met:
		return "met"
	}
	return "MISSED"
}

// table writes a table for people; its columns are also those of docs/benchmarks.md.
func table(w io.Writer, results []result) {
	width := 0
	for _, r := range results {
		width = max(width, len([]rune(r.what)))
	}
	for _, r := range results {
		pad := strings.Repeat(" ", width-len([]rune(r.what)))
		fmt.Fprintf(w, "%-3s %s%s  %-9s %-24s %s\n", r.target, r.what, pad, strings.TrimPrefix(r.goal, "-"), r.figure, r.verdict())
	}
}
