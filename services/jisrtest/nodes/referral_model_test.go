package nodes_test

import (
	"fmt"
	"slices"
	"strings"

	"github.com/anishathalye/porcupine"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/fault"
)

// party is one of the two that move a referral.
type party int

const (
	sender party = iota
	receiver
)

func (p party) String() string { return [...]string{"sender", "receiver"}[p] }

// asked is what a party asked of a referral; without a verb it read it.
type asked struct {
	referral string
	by       party
	verb     string
	etag     string // the state that it asked for this in; any where empty
}

// told is what it was told.
type told struct {
	nothing bool // or nothing that says whether it was done
	refused fault.Reason
	state   jisrv1.Referral_State
	etag    string
}

// life is a referral as it must be, between two calls.
type life struct {
	state jisrv1.Referral_State
	// etags are those of this state as each party was told; empty while it was not.
	// Who names one of before, or one of the other's, is not up to date.
	etags [2]string
	// let says that the receiver was let in: it knows nothing of a draft.
	let bool
}

// The life of a referral, written down once more from what agencies were promised
// and not from the program's table.
const (
	drafted      = jisrv1.Referral_STATE_DRAFT
	sent         = jisrv1.Referral_STATE_SENT
	received     = jisrv1.Referral_STATE_RECEIVED
	accepted     = jisrv1.Referral_STATE_ACCEPTED
	rejected     = jisrv1.Referral_STATE_REJECTED
	returned     = jisrv1.Referral_STATE_RETURNED
	started      = jisrv1.Referral_STATE_IN_PROGRESS
	completed    = jisrv1.Referral_STATE_COMPLETED
	discontinued = jisrv1.Referral_STATE_DISCONTINUED
	withdrawn    = jisrv1.Referral_STATE_WITHDRAWN
)

// next is the state that a verb leads to, if the party may ask for it in this state.
func (l life) next(by party, verb string) (jisrv1.Referral_State, bool) {
	in := func(states ...jisrv1.Referral_State) bool { return slices.Contains(states, l.state) }
	if by == sender {
		switch verb {
		case "Send":
			return sent, in(drafted, returned)
		case "Withdraw":
			return withdrawn, in(drafted, sent, received, returned)
		}
		return l.state, false
	}
	switch verb {
	case "Receive":
		return received, in(sent)
	case "Accept":
		return accepted, in(sent, received)
	case "Return":
		return returned, in(sent, received)
	case "Reject":
		return rejected, in(sent, received, accepted, started)
	case "Start":
		return started, in(accepted)
	case "Complete":
		return completed, in(accepted, started)
	case "Discontinue":
		return discontinued, in(accepted, started)
	}
	return l.state, false
}

// step says whether a party may have been told that of a referral in this state,
// and the state afterwards.
func (l life) step(a asked, t told) (bool, life) {
	if a.by == receiver && !l.let {
		return t.nothing || t.refused == fault.NotFound, l
	}
	if a.verb == "" {
		after := l
		after.etags[a.by] = t.etag
		return t.refused == "" && t.state == l.state && (l.etags[a.by] == "" || l.etags[a.by] == t.etag), after
	}
	to, may := l.next(a.by, a.verb)
	fresh := a.etag == "" || a.etag == l.etags[a.by]
	after := life{state: to, let: l.let || to == sent}
	after.etags[a.by] = t.etag
	switch {
	case t.nothing && may && fresh:
		return true, after // or it comes last, and nobody is told of it
	case t.nothing:
		return true, l
	case t.refused == "":
		return may && fresh && t.state == to, after
	case t.refused == fault.Conflict:
		return !fresh, l
	case t.refused == fault.TransitionNotAllowed:
		return fresh && !may, l
	}
	return false, l
}

// referralModel is the life of each referral by itself.
var referralModel = porcupine.Model{
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		by := make(map[string][]porcupine.Operation)
		for _, o := range history {
			name := o.Input.(asked).referral
			by[name] = append(by[name], o)
		}
		parts := make([][]porcupine.Operation, 0, len(by))
		for _, part := range by {
			parts = append(parts, part)
		}
		return parts
	},
	Init: func() any { return life{state: drafted} },
	Step: func(state, input, output any) (bool, any) {
		return state.(life).step(input.(asked), output.(told))
	},
	DescribeOperation: func(input, output any) string { return describe(input.(asked), output.(told)) },
}

func describe(a asked, t told) string {
	verb := a.verb
	if verb == "" {
		verb = "Get"
	}
	if a.etag != "" {
		verb += " if " + short(a.etag)
	}
	switch {
	case t.nothing:
		return fmt.Sprintf("%s: %s -> ?", a.by, verb)
	case t.refused != "":
		return fmt.Sprintf("%s: %s -> %s", a.by, verb, t.refused)
	}
	return fmt.Sprintf("%s: %s -> %s %s", a.by, verb, strings.TrimPrefix(t.state.String(), "STATE_"), short(t.etag))
}

func short(etag string) string { return etag[:min(len(etag), 5)] }
