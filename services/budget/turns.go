package budget

import (
	"slices"
	"time"
)

// hold waits at the first word until the address may have one more.
func (a *arrival) hold() bool {
	p, c := a.porch, a.crowd
	p.mu.Lock()
	first := !a.spoke
	a.spoke, a.idle = true, false
	if !first || len(c.held) == 0 && c.pace.Allow() {
		p.mu.Unlock()
		return true
	}
	a.ready = make(chan struct{})
	c.held = append(c.held, a)
	p.call(c)
	p.mu.Unlock()
	return a.await(func() { c.held = without(c.held, a) })
}

// call lets those who are held go on, each at its time. The time is the line's and
// not of who stands in it: who gives up leaves it to the next.
func (p *porch) call(c *crowd) {
	if c.calling || len(c.held) == 0 {
		return
	}
	c.calling = true
	time.AfterFunc(c.pace.Reserve().Delay(), func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		c.calling = false
		if len(c.held) > 0 {
			close(c.held[0].ready)
			c.held = c.held[1:]
		}
		p.call(c)
	})
}

// take waits for a turn.
func (a *arrival) take() bool {
	p, c := a.porch, a.crowd
	p.mu.Lock()
	if p.taken < p.turns {
		p.taken++
		a.turn = true
		p.mu.Unlock()
		return true
	}
	a.ready = make(chan struct{})
	if len(c.waiting) == 0 {
		p.next = append(p.next, c)
	}
	c.waiting = append(c.waiting, a)
	p.mu.Unlock()
	return a.await(func() {
		c.waiting = without(c.waiting, a)
		if len(c.waiting) == 0 {
			p.next = without(p.next, c)
		}
	})
}

// await waits until it is ready; false when there is no room or no time for it any
// more, and it has gone from where it waits.
func (a *arrival) await(gone func()) bool {
	late := time.NewTimer(time.Until(a.until))
	defer late.Stop()
	select {
	case <-a.ready:
		return true
	case <-a.out:
	case <-late.C:
	}
	a.porch.mu.Lock()
	defer a.porch.mu.Unlock()
	select {
	case <-a.ready:
		return true // at the same moment
	default:
		gone()
		return false
	}
}

func without[T comparable](line []T, one T) []T {
	return slices.DeleteFunc(line, func(other T) bool { return other == one })
}

// rest gives the turn to who is next: one of each address, in turn.
func (a *arrival) rest() {
	p := a.porch
	p.mu.Lock()
	defer p.mu.Unlock()
	a.idle = true
	if !a.turn {
		return
	}
	a.turn = false
	if len(p.next) == 0 {
		p.taken--
		return
	}
	c := p.next[0]
	p.next = p.next[1:]
	next := c.waiting[0]
	if c.waiting = c.waiting[1:]; len(c.waiting) > 0 {
		p.next = append(p.next, c)
	}
	next.turn = true
	close(next.ready)
}
