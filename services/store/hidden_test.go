package store_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/jisr-exchange/jisr/services/fault"
)

// The times of answers would tell a hidden record from one that never was, if more
// were asked about the one than about the other.
func TestOfAHiddenRecordTheSameIsAskedAsOfAnAbsentOne(t *testing.T) {
	onEach(t, func(t *testing.T, n *node) {
		hidden, absent := n.aCase(), "cases/"+id(7)
		ctx, stranger := n.as("iom")
		of, failed := n.Asks(ctx, stranger, hidden)
		ofNone, failedOfNone := n.Asks(ctx, stranger, absent)
		ctx, owner := n.as("moi-ct")
		ofOwner, failedOfOwner := n.Asks(ctx, owner, hidden)
		for i, what := range []string{"to read it", "for the entries about it", "for its file"} {
			if gone := fault.New(fault.NotFound); !errors.Is(failed[i], gone) || !errors.Is(failedOfNone[i], gone) {
				t.Errorf("%s, a stranger is answered %v and %v", what, failed[i], failedOfNone[i])
			}
			if !slices.Equal(of[i], ofNone[i]) {
				t.Errorf("%s, of one that is hidden is asked:\n%q\nof one that is absent:\n%q", what, of[i], ofNone[i])
			}
			// Control: of whom something is known, more is asked.
			if failedOfOwner[i] != nil || slices.Equal(ofOwner[i], ofNone[i]) {
				t.Errorf("%s, its owner is answered %v by:\n%q", what, failedOfOwner[i], ofOwner[i])
			}
		}
	})
}
