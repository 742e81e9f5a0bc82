package store

import (
	"slices"
	"sync"
)

// queue is what waits for the writer: a line for each agency, served in turn, so
// that whoever comes next is in the next commit, however many calls another has
// in flight. No line is longer than its agency's calls in flight, since each waits
// for its answer.
type queue struct {
	mu     sync.Mutex
	more   *sync.Cond
	lines  map[string][]*job // of agencies that have work waiting, and of no others
	turn   []string          // those agencies, in the order in which they are served
	length int
	closed bool
}

func newQueue() *queue {
	q := &queue{lines: make(map[string][]*job)}
	q.more = sync.NewCond(&q.mu)
	return q
}

// put adds work at the end of its agency's line; false once the queue is closed.
func (q *queue) put(agency string, j *job) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return false
	}
	if len(q.lines[agency]) == 0 {
		q.turn = append(q.turn, agency)
	}
	q.lines[agency] = append(q.lines[agency], j)
	q.length++
	q.more.Signal()
	return true
}

// wait waits for work; false once the queue is closed and empty.
func (q *queue) wait() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.length == 0 && !q.closed {
		q.more.Wait()
	}
	return q.length > 0
}

// take takes what is next, and no more than most.
func (q *queue) take(most int) []*job {
	q.mu.Lock()
	defer q.mu.Unlock()
	batch := make([]*job, 0, min(most, q.length))
	for len(batch) < cap(batch) {
		batch = append(batch, q.next())
	}
	return batch
}

// next takes one of the agency whose turn it is; there must be one.
func (q *queue) next() *job {
	agency := q.turn[0]
	line := q.lines[agency]
	q.turn = q.turn[1:]
	q.length--
	if len(line) == 1 {
		delete(q.lines, agency)
	} else {
		q.lines[agency] = line[1:]
		q.turn = append(q.turn, agency)
	}
	return line[0]
}

// drop takes work out whose caller has gone, if it is there still.
func (q *queue) drop(j *job) {
	q.mu.Lock()
	defer q.mu.Unlock()
	line := q.lines[j.agency]
	i := slices.Index(line, j)
	if i < 0 {
		return
	}
	q.length--
	if line = slices.Delete(line, i, i+1); len(line) > 0 {
		q.lines[j.agency] = line
		return
	}
	delete(q.lines, j.agency)
	q.turn = slices.DeleteFunc(q.turn, func(agency string) bool { return agency == j.agency })
}

// close ends the queue; what was put in before is still served.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.more.Broadcast()
}

// share takes what is next for one of several that take, so that none of them
// does the work of all while the others look on.
func (q *queue) share(among, most int) []*job {
	q.mu.Lock()
	fair := (q.length + among - 1) / among
	q.mu.Unlock()
	return q.take(min(fair, most))
}
