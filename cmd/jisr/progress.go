package main

import (
	"fmt"
	"io"
	"time"

	"github.com/jisr-exchange/jisr/services/register"
)

// progress tells how an import goes: on a terminal in one line that is drawn
// again, in a pipe in a plain line now and then.
type progress struct {
	w        io.Writer
	terminal bool
	rows     int
	start    time.Time
	next     time.Time
	drawn    bool
}

const (
	drawEvery = 100 * time.Millisecond // faster than that the eye does not read
	lineEvery = 10 * time.Second       // a log of an hour stays readable
)

func newProgress(w io.Writer, terminal bool, rows int) *progress {
	p := &progress{w: w, terminal: terminal, rows: rows, start: time.Now()}
	p.next = p.start.Add(p.every())
	return p
}

func (p *progress) every() time.Duration {
	if p.terminal {
		return drawEvery
	}
	return lineEvery
}

func (p *progress) show(s register.Summary) {
	now := time.Now()
	if now.Before(p.next) {
		return
	}
	p.next = now.Add(p.every())
	done := s.Imported + s.AlreadyThere + s.Rejected
	rate := float64(done) / now.Sub(p.start).Seconds()
	line := fmt.Sprintf("%d of %d rows, %d rejected, %.0f rows/s", done, p.rows, s.Rejected, rate)
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
