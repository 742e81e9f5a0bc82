package main

import (
	"fmt"
	"io"
	"time"
)

// progress tells how an import or an export goes: on a terminal in one line
// that is drawn again, in a pipe in a plain line now and then.
type progress struct {
	w        io.Writer
	terminal bool
	noun     string
	now      func() time.Time
	start    time.Time
	next     time.Time
	drawn    bool
}

const (
	drawEvery = 100 * time.Millisecond // faster than that the eye does not read
	lineEvery = 10 * time.Second       // a log of an hour stays readable
)

func newProgress(w io.Writer, terminal bool, noun string, now func() time.Time) *progress {
	p := &progress{w: w, terminal: terminal, noun: noun, now: now, start: now()}
	p.next = p.start.Add(p.every())
	return p
}

func (p *progress) every() time.Duration {
	if p.terminal {
		return drawEvery
	}
	return lineEvery
}

// show says how many are done, of how many where that is known (0: not), and
// at what rate; done before counts those that cost no call.
func (p *progress) show(done, before, total int, more string) {
	now := p.now()
	if now.Before(p.next) {
		return
	}
	p.next = now.Add(p.every())
	rate := float64(done-before) / now.Sub(p.start).Seconds()
	line := fmt.Sprintf("%d %s", done, p.noun)
	if total > 0 {
		line = fmt.Sprintf("%d of %d %s", done, total, p.noun)
	}
	line += fmt.Sprintf("%s, %.0f %s/s", more, rate, p.noun)
	if left := float64(total-done) / rate; total > done && rate > 0 {
		line += ", " + time.Duration(left*float64(time.Second)).Round(time.Second).String() + " to go"
	}
	if p.terminal {
		p.drawn = true
		line = "\r\x1b[K" + line
	} else {
		line += "\n"
	}
	_, _ = io.WriteString(p.w, line) // a progress that cannot be shown stops no import
}

// end clears the line for what comes after it.
func (p *progress) end() {
	if p.drawn {
		_, _ = io.WriteString(p.w, "\r\x1b[K") // as above
	}
}
