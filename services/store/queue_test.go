package store

import (
	"fmt"
	"slices"
	"testing"
)

// line puts n pieces of an agency's work in, and returns them in that order.
func line(q *queue, agency string, n int) (jobs []*job) {
	for range n {
		j := &job{}
		q.put(agency, j)
		jobs = append(jobs, j)
	}
	return jobs
}

func TestOneAgencyDoesNotFillTheCommitThatAnotherWaitsFor(t *testing.T) {
	q := newQueue()
	police := line(q, "police", 1000)
	if j, behind := q.first(); j != police[0] || behind != 999 {
		t.Errorf("%d calls wait behind the first", behind)
	}
	court := line(q, "court", 1)[0]
	if q.next() != police[1] || q.next() != court || q.next() != police[2] {
		t.Error("the court waits for more than one call of the police")
	}
}

func TestAgenciesAreServedInTurnAndTheirCallsInOrder(t *testing.T) {
	q := newQueue()
	const agencies, each = 30, 40
	var want []*job
	lines := make([][]*job, agencies)
	for i := range lines {
		lines[i] = line(q, fmt.Sprint("agency-", i), each)
	}
	for n := range each {
		for _, l := range lines {
			want = append(want, l[n])
		}
	}
	var got []*job
	for j := q.next(); j != nil; j = q.next() {
		got = append(got, j)
	}
	if !slices.Equal(got, want) {
		t.Error("the agencies are not served in turn")
	}
	if len(q.lines) != 0 || len(q.turn) != 0 || q.length != 0 {
		t.Errorf("an empty queue remembers %d agencies", len(q.lines))
	}
}

func TestAClosedQueueServesWhatItHoldsAndTakesNoMore(t *testing.T) {
	q := newQueue()
	held := line(q, "police", 1)
	q.close()
	if q.put("police", &job{}) {
		t.Error("a closed queue takes work")
	}
	if j, _ := q.first(); j != held[0] {
		t.Error("a closed queue forgets what it held")
	}
	if j, _ := q.first(); j != nil {
		t.Error("a closed queue has more than it held")
	}
}
