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
	if first := q.take(1); !slices.Equal(first, police[:1]) {
		t.Errorf("%d calls were taken first", len(first))
	}
	court := line(q, "court", 1)
	if next := q.take(group); len(next) != group || !slices.Equal(next[:3], []*job{police[1], court[0], police[2]}) {
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
	for batch := q.take(7); len(batch) > 0; batch = q.take(7) {
		got = append(got, batch...)
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
	if !q.wait() || !slices.Equal(q.take(group), held) {
		t.Error("a closed queue forgets what it held")
	}
	if q.wait() || len(q.take(group)) > 0 {
		t.Error("a closed queue has more than it held")
	}
}
