package jisrtest_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/jisrtest"
)

// inCase are the rows of every case, by table, the name of the case first.
var inCase = []string{
	"SELECT r.case_name, r.* FROM records r WHERE r.case_name <> '' ORDER BY r.name",
	"SELECT r.case_name, s.* FROM sight s JOIN records r ON r.name = s.name WHERE r.case_name <> '' ORDER BY s.holder, s.name, s.link, s.via, s.subject",
	"SELECT substr(c.subject, 1, 32), c.* FROM consents c ORDER BY c.name",
	"SELECT o.case_name, o.* FROM orders o ORDER BY o.name",
	"SELECT l.case_name, l.* FROM seals l ORDER BY l.name, l.agency",
	"SELECT d.case_name, d.* FROM deliveries d WHERE d.case_name <> '' ORDER BY d.name",
	"SELECT substr(e.suspect, 1, 32), e.* FROM endangered e ORDER BY e.suspect, e.victim",
}

// held is what the database holds of each case: all of its rows, and its epoch.
type held struct {
	rows   map[string]string
	epochs map[string]int64
}

func holding(t testing.TB, x *jisrtest.Exchange) held {
	t.Helper()
	h := held{make(map[string]string), make(map[string]int64)}
	for _, query := range inCase {
		for _, row := range x.Rows(query) {
			h.rows[row.Text(0)] += fmt.Sprintf("%q\n", row[1:])
		}
	}
	for _, row := range x.Rows("SELECT case_name, epoch FROM epochs") {
		h.epochs[row.Text(0)] = row.Number(1)
	}
	return h
}

// What is kept of a case may be used as long as its epoch stands.
func TestNothingOfACaseChangesWhileItsEpochStands(t *testing.T) {
	o := onlookers[0]
	s := draw(7, o, true)
	changed, stood := 0, 0
	var before held
	for i, step := range s.steps {
		play := step.play
		s.steps[i].play = func(w *world, chance *rand.Rand) {
			if before.rows == nil {
				before = holding(t, w.x)
			}
			play(w, chance)
			after := holding(t, w.x)
			for name, rows := range after.rows {
				switch moved := after.epochs[name] != before.epochs[name]; {
				case rows != before.rows[name] && !moved:
					t.Errorf("after %s the epoch of a case stands, and the case does not", step.name)
				case rows == before.rows[name] && moved:
					t.Errorf("after %s the epoch of a case moved, and nothing in it did", step.name)
				case moved:
					changed++
				default:
					stood++
				}
			}
			before = after
		}
	}
	s.play(t, true, true, nil)
	if changed < 10 || stood < 10 {
		t.Errorf("%d changes and %d that left a case alone prove little", changed, stood)
	}
}

func TestACallThatWritesGivesItsCaseAnEpochThatItNeverHad(t *testing.T) {
	p := baghdad(t)
	epoch := func() int64 { return holding(t, p.Exchange).epochs[p.Case] }
	had := map[int64]bool{0: true}
	count := func(what string, call func()) {
		t.Helper()
		had[epoch()] = true
		call()
		if had[epoch()] {
			t.Errorf("after %s the case has an epoch of before", what)
		}
	}
	count("a notification of two persons to three agencies", func() { p.Notify(jisrtest.Shelter, jisrtest.Health, jisrtest.Foreign) })
	count("what changes content alone", func() {
		v := jisrtest.Person(0)
		v.SetName(p.First)
		got(p.As(jisrtest.Police).UpdateVictim(ctx, jisrv1.UpdateVictimRequest_builder{Victim: v, UpdateMask: mask("profile")}.Build()))(t)
	})
	count("a seal", func() { namely(p, p.Second, "agencies/sjc-rusafa-pp") })
	// Control: a read moves nothing, nor does a call that is refused.
	before := epoch()
	police := p.As(jisrtest.Police)
	got(getVictim(police, p.First))(t)
	n := jisrv1.Notification_builder{Case: p.Case, Subject: jisrv1.Notification_SUBJECT_NEW_CASE, Receivers: []string{"agencies/nobody"}}.Build()
	if _, err := police.SendNotification(ctx, jisrv1.SendNotificationRequest_builder{Notification: n}.Build()); err == nil {
		t.Fatal("nobody was notified")
	}
	if after := epoch(); after != before {
		t.Error("a read or a refusal counted the case")
	}
}
