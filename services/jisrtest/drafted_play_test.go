package jisrtest_test

import (
	"testing"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/jisrtest"
)

// Plays come alone, and so in a file none of their changes would be drafted. Where
// every one is, those that succeed and write once they are done are written so.
func TestAPlayWhoseChangesAreDraftedIsPlayedByDrafts(t *testing.T) {
	p := baghdad(t, jisrtest.Drafted())
	if drafts, turns := p.Drafts.Load(), p.Turns.Load(); drafts < 3 || drafts+turns != 4 {
		t.Errorf("of a case, two victims and a suspect %d were written as drafted, and %d had their turn", drafts, turns)
	}
	change := func(what string, drafts, turns int64, do func()) {
		t.Helper()
		drafts, turns = drafts+p.Drafts.Load(), turns+p.Turns.Load()
		if do(); p.Drafts.Load() != drafts || p.Turns.Load() != turns {
			t.Errorf("%s: %d changes were written as drafted and not %d, and %d had their turn and not %d", what, p.Drafts.Load(), drafts, p.Turns.Load(), turns)
		}
	}
	change("one that is refused", 0, 1, func() {
		refused(p.As(jisrtest.Shelter).SendNotification(ctx, jisrv1.SendNotificationRequest_builder{Notification: jisrv1.Notification_builder{
			Case: p.Case, Subject: jisrv1.Notification_SUBJECT_NEW_CASE, Receivers: []string{p.As(jisrtest.Foreign).Agency},
		}.Build()}.Build()))(t, fault.NotFound)
	})
	change("one that succeeds", 1, 0, func() { p.Notify(jisrtest.Shelter) })
}
