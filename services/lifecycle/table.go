// Package lifecycle holds what the state machines of records have in common:
// a machine is a table that prints, and a step that the table does not list is
// refused with the states that the caller could go to.
package lifecycle

import (
	"fmt"
	"slices"
	"strings"

	"github.com/jisr-exchange/jisr/services/fault"
)

// State is a state enum of the contract.
type State interface {
	comparable
	fmt.Stringer
}

// Step lets one party take one verb from some states to another.
type Step[S State] struct {
	// Verb is the rpc's verb, or "(server)" for the exchange's own act.
	Verb string
	// By is who may: a party of the record or a role.
	By string
	// From are the states it leaves.
	From []S
	// To is the state it reaches.
	To S
	// Because is the source of the rule.
	Because string
}

// Table is a state machine.
type Table[S State] struct {
	// Record is the record's name.
	Record string
	// Steps are all that may happen.
	Steps []Step[S]
}

// Go returns the state that verb leads to from state for any of the parties that
// the caller is. Where several steps would do, to picks one; nil takes the first.
// visible says whether the caller may read the state, and so hear of it.
func (t Table[S]) Go(state S, verb string, parties []string, to *S, visible bool) (S, error) {
	for _, s := range t.Steps {
		if s.Verb == verb && slices.Contains(parties, s.By) && slices.Contains(s.From, state) && (to == nil || *to == s.To) {
			return s.To, nil
		}
	}
	refused := fault.New(fault.TransitionNotAllowed)
	if visible {
		refused = refused.With("state", short(state)).With("next_states", t.next(state, parties))
	}
	var none S
	return none, refused
}

// next lists where the parties could go from state, with the verb.
func (t Table[S]) next(state S, parties []string) string {
	var out []string
	for _, s := range t.Steps {
		if slices.Contains(s.From, state) && slices.Contains(parties, s.By) {
			out = append(out, fmt.Sprintf("%s (%s)", short(s.To), s.Verb))
		}
	}
	if len(out) == 0 {
		return "none for your agency"
	}
	return strings.Join(out, ", ")
}

// Print renders the machine as a table, for people and for its golden file.
func (t Table[S]) Print() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", t.Record)
	for _, s := range t.Steps {
		from := make([]string, len(s.From))
		for i, f := range s.From {
			from[i] = short(f)
		}
		fmt.Fprintf(&b, "  %-22s by %-22s %s -> %s\n", s.Verb, s.By, strings.Join(from, "|"), short(s.To))
		if s.Because != "" {
			fmt.Fprintf(&b, "  %-22s because %s\n", "", s.Because)
		}
	}
	return b.String()
}

func short[S State](s S) string { return strings.TrimPrefix(s.String(), "STATE_") }
