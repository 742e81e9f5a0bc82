package store_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/fault"
)

const (
	monitor = "ihchr"
	// enough cases for more transactions than one in which a monitor is given its sight
	manyCases = 120
)

// withoutMonitor is the agreement in which the monitor is an agency of migration.
func (h *house) withoutMonitor() *agreement.Law {
	h.t.Helper()
	before, after, _ := strings.Cut(h.text, `agency: "`+monitor+`"`)
	changed := strings.Replace(after, "roles: ROLE_HUMAN_RIGHTS", "roles: ROLE_MIGRATION", 1)
	if changed == after {
		h.t.Fatal("the agreement's monitor is not where it was")
	}
	return parsed(h.t, before+`agency: "`+monitor+`"`+changed)
}

// watched counts those cases that an agency may know of.
func (n *node) watched(agency string, names []string) (known int) {
	n.t.Helper()
	for _, name := range names {
		ctx, c := n.as(agency)
		switch err := n.View(ctx, c, name, &jisrv1.Case{}); {
		case err == nil:
			known++
		case !errors.Is(err, fault.New(fault.NotFound)):
			n.t.Fatal(err)
		}
	}
	return known
}

func TestAMonitorThatAnAgreementBringsInComesToSeeWhatWasThereBefore(t *testing.T) {
	onEach(t, func(t *testing.T, n *node) {
		with := n.law.Load()
		must(t, n.Adopt(t.Context(), n.withoutMonitor(), n.law.Store))
		var names []string
		for range manyCases {
			names = append(names, n.aCase())
		}
		as, _ := n.as(police)
		reply, err := n.cases.CreateVictim(as, jisrv1.CreateVictimRequest_builder{Parent: names[0], Victim: &jisrv1.Victim{}}.Build())
		must(t, err)
		victim := shown(t, reply).GetName()
		if known := n.watched(monitor, names); known != 0 {
			t.Errorf("who is no monitor knows of %d cases", known)
		}
		must(t, n.Adopt(t.Context(), with, n.law.Store))
		if known := n.watched(monitor, names); known != manyCases {
			t.Errorf("the monitor knows of %d cases of %d", known, manyCases)
		}
		ctx, c := n.as(monitor)
		must(t, n.View(ctx, c, victim, &jisrv1.Victim{}))
		// With the agreement goes all of it, at once.
		must(t, n.Adopt(t.Context(), n.withoutMonitor(), n.law.Store))
		if known := n.watched(monitor, names); known != 0 {
			t.Errorf("who was a monitor still knows of %d cases", known)
		}
	})
}

func TestAMonitorHalfSeatedIsSeatedAtTheNextTick(t *testing.T) {
	onEach(t, func(t *testing.T, n *node) {
		with := n.law.Load()
		must(t, n.Adopt(t.Context(), n.withoutMonitor(), n.law.Store))
		var names []string
		for range manyCases {
			names = append(names, n.aCase())
		}
		// The exchange is stopped as soon as the agreement is in force.
		ctx, stop := context.WithCancel(t.Context())
		must(t, n.Adopt(ctx, with, func(l *agreement.Law) {
			n.law.Store(l)
			stop()
		}))
		if known := n.watched(monitor, names); known == manyCases {
			t.Fatal("nothing was left to do")
		}
		born := n.aCase()
		if known := n.watched(monitor, []string{born}); known != 1 {
			t.Error("a monitor that is not seated yet does not see a new case")
		}
		must(t, n.SeatMonitors(t.Context()))
		if known := n.watched(monitor, names); known != manyCases {
			t.Errorf("the monitor knows of %d cases of %d", known, manyCases)
		}
	})
}

// Who reads while it is seated sees which cases come first: not those that were made first.
func TestAMonitorIsSeatedInNoOrderOfTime(t *testing.T) {
	onEach(t, func(t *testing.T, n *node) {
		must(t, n.Adopt(t.Context(), n.withoutMonitor(), n.law.Store))
		names := make([]string, 30)
		for i := range names {
			n.now.Add(1000)
			names[i] = n.aCase()
		}
		next, err := n.Unseated(t.Context(), monitor)
		must(t, err)
		if slices.Equal(next, names) {
			t.Error("a monitor is given the oldest cases first")
		}
		slices.Sort(names)
		if !slices.Equal(next, names) {
			t.Errorf("a monitor is to be given %q of %q", next, names)
		}
	})
}

// A case may be made while no monitor is named, and the monitor be named again before
// whoever was seating it has ended.
func TestAMonitorNamedAnewIsSeatedAnew(t *testing.T) {
	onEach(t, func(t *testing.T, n *node) {
		with := n.law.Load()
		must(t, n.Adopt(t.Context(), n.withoutMonitor(), n.law.Store))
		before := n.aCase()
		ctx, stop := context.WithCancel(t.Context())
		must(t, n.Adopt(ctx, with, func(l *agreement.Law) {
			n.law.Store(l)
			stop() // and the monitor is not seated yet
		}))
		seating := n.Seating(t, monitor)
		must(t, n.Adopt(t.Context(), n.withoutMonitor(), n.law.Store))
		between := n.aCase()
		ctx, stop = context.WithCancel(t.Context())
		must(t, n.Adopt(ctx, with, func(l *agreement.Law) {
			n.law.Store(l)
			stop()
		}))
		must(t, n.EndSeating(t.Context(), monitor, seating)) // whoever began with the first of the two
		if known := n.watched(monitor, []string{before, between}); known != 0 {
			t.Fatalf("nothing is left to do: %d cases are known", known)
		}
		must(t, n.SeatMonitors(t.Context()))
		if known := n.watched(monitor, []string{before, between}); known != 2 {
			t.Errorf("the monitor knows of %d cases of 2", known)
		}
	})
}
