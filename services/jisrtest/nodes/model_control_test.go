package nodes_test

import (
	"math"
	"testing"

	"github.com/anishathalye/porcupine"

	"github.com/jisr-exchange/jisr/services/fault"
)

// said is a call from one moment to another, and what it was told.
func said(from, to int64, by party, verb, etag string, t told) porcupine.Operation {
	if t.nothing {
		to = math.MaxInt64
	}
	return porcupine.Operation{ClientId: int(from), Input: asked{referral: "one", by: by, verb: verb, etag: etag}, Call: from, Output: t, Return: to}
}

func TestTheLookFindsEachKindOfLieAndNoneInTheTruth(t *testing.T) {
	t.Parallel()
	begun := said(1, 2, sender, "Send", "", told{state: sent, etag: "a"})
	took := said(3, 4, receiver, "Accept", "", told{state: accepted, etag: "b"})
	for name, c := range map[string]struct {
		rest []porcupine.Operation
		true bool
	}{
		"a state after a step":             {[]porcupine.Operation{took, said(5, 6, sender, "", "", told{state: accepted, etag: "c"})}, true},
		"the state before a step":          {[]porcupine.Operation{took, said(5, 6, sender, "", "", told{state: sent, etag: "a"})}, false},
		"the state before, at the time":    {[]porcupine.Operation{took, said(3, 6, sender, "", "", told{state: sent, etag: "a"})}, true},
		"two ends of one referral":         {[]porcupine.Operation{took, said(3, 4, sender, "Withdraw", "", told{state: withdrawn, etag: "c"})}, false},
		"one end, and a refusal":           {[]porcupine.Operation{took, said(3, 4, sender, "Withdraw", "", told{refused: fault.TransitionNotAllowed})}, true},
		"a refusal where nothing stood":    {[]porcupine.Operation{said(3, 4, receiver, "Accept", "", told{refused: fault.TransitionNotAllowed})}, false},
		"what was refused and done":        {[]porcupine.Operation{said(5, 6, sender, "", "", told{state: accepted, etag: "c"})}, false},
		"what nobody was told of and done": {[]porcupine.Operation{said(3, 0, receiver, "Accept", "", told{nothing: true}), said(5, 6, sender, "", "", told{state: accepted, etag: "c"})}, true},
		"done before it was asked":         {[]porcupine.Operation{said(7, 0, receiver, "Accept", "", told{nothing: true}), said(5, 6, sender, "", "", told{state: accepted, etag: "c"})}, false},
		"an etag of before that did":       {[]porcupine.Operation{took, said(5, 6, receiver, "Start", "z", told{state: started, etag: "d"})}, false},
		"an etag of now that did not":      {[]porcupine.Operation{took, said(5, 6, receiver, "Start", "b", told{refused: fault.Conflict})}, false},
		"an etag of now that did":          {[]porcupine.Operation{took, said(5, 6, receiver, "Start", "b", told{state: started, etag: "d"})}, true},
		"two etags of one state":           {[]porcupine.Operation{said(3, 4, sender, "", "", told{state: sent, etag: "z"})}, false},
		"a receiver that is not let in":    {[]porcupine.Operation{said(3, 4, receiver, "", "", told{refused: fault.NotFound})}, false},
	} {
		h := newHistory()
		h.done = append([]porcupine.Operation{begun}, c.rest...)
		if h.explained(t) != c.true {
			t.Errorf("%s: explained is %v", name, !c.true)
		}
	}
}
