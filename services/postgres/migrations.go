package postgres

import (
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"strconv"
)

// Phase is what a migration does to those that run beside it.
type Phase string

// Programs are updated node by node, so the old and the new run side by side on
// one schema. A change that the old would not bear is made in three steps.
const (
	// Expand adds what the next program uses and the last one does not notice.
	Expand Phase = "expand"
	// Fill moves data from the old place to the new ("migrate"), while both are written.
	Fill Phase = "migrate"
	// Contract drops what no program uses any more that may still run.
	Contract Phase = "contract"
)

// Migrations are the steps of one component's schema. A program's number is how
// many of them it knows.
type Migrations struct {
	component string
	steps     []step
}

type step struct {
	number int
	name   string
	phase  Phase
	// oldest is the number of the oldest program that can run after the step; 0 where it shuts out none.
	oldest int
	text   string
}

var (
	fileName = regexp.MustCompile(`^([0-9]{4})_([a-z_]+)\.(expand|migrate|contract)\.sql$`)
	// oldestLine is the first line of a step that contracts.
	oldestLine = regexp.MustCompile(`^-- oldest program: ([0-9]+)\n`)
	// takesAway is what a running program would notice of a statement; what else it
	// could notice, whoever writes a step must know.
	takesAway = regexp.MustCompile(`(?i)\b(drop|rename|truncate|set\s+not\s+null|alter\s+column\s+\w+\s+(set\s+data\s+)?type)\b`)
	remark    = regexp.MustCompile(`--[^\n]*`)
)

// Load reads a component's migrations: files of names such as
// 0003_sealed_orders.expand.sql, numbered from 1 without a gap. One that
// contracts begins with the line "-- oldest program: 2", the number of the oldest
// program that can run beside its effect; the others take nothing away.
func Load(files fs.FS, component string) (Migrations, error) {
	m := Migrations{component: component}
	entries, err := fs.ReadDir(files, ".")
	if err != nil {
		return m, err
	}
	var wrong []error
	for _, e := range entries { // in the order of their names
		s, err := read(files, e.Name())
		if err == nil && s.number != len(m.steps)+1 {
			err = fmt.Errorf("has number %d; the next is %d", s.number, len(m.steps)+1)
		}
		if err != nil {
			wrong = append(wrong, fmt.Errorf("postgres: migration %s %w", e.Name(), err))
		}
		m.steps = append(m.steps, s)
	}
	if component == "" || len(m.steps) == 0 {
		wrong = append(wrong, errors.New("postgres: no component, or it has no migrations"))
	}
	return m, errors.Join(wrong...)
}

func read(files fs.FS, name string) (step, error) {
	parts := fileName.FindStringSubmatch(name)
	if parts == nil {
		return step{}, errors.New("must be named as 0001_what.expand.sql, or migrate or contract")
	}
	text, err := fs.ReadFile(files, name)
	if err != nil {
		return step{}, err
	}
	s := step{name: name, phase: Phase(parts[3]), text: string(text)}
	s.number, _ = strconv.Atoi(parts[1]) // digits alone
	oldest := oldestLine.FindStringSubmatch(s.text)
	switch {
	case s.phase != Contract:
		if word := takesAway.FindString(remark.ReplaceAllString(s.text, "")); word != "" || oldest != nil {
			return s, fmt.Errorf("takes something away (%q): only a contract does, and says from which program on", word)
		}
	case oldest == nil:
		return s, errors.New(`must begin with the line "-- oldest program: <number>"`)
	default:
		s.oldest, _ = strconv.Atoi(oldest[1])
		if s.oldest < 1 || s.oldest >= s.number {
			return s, errors.New("must leave a program before it that can run on")
		}
	}
	return s, nil
}

// Program is the number of this program.
func (m Migrations) Program() int { return len(m.steps) }

// standing is what a database says of its schema.
type standing struct {
	component string
	schema    int // the number of the newest step it has
	oldest    int // the oldest program that can run on it
}

// refuse says why this program may not run on a database, or nothing.
func (m Migrations) refuse(at standing) error {
	switch {
	case at.component != "" && at.component != m.component:
		return Refusals{fmt.Sprintf("the database is that of the %s: name another one for the %s", at.component, m.component)}
	case at.oldest > m.Program():
		return Refusals{fmt.Sprintf("the database has schema %d, on which programs older than %d cannot run, and this one is %d: run the newer program",
			at.schema, at.oldest, m.Program())}
	}
	return nil
}

// missing are the steps that a database does not have yet.
func (m Migrations) missing(at standing) []step {
	if at.schema >= m.Program() {
		return nil // a neighbour is newer, and this one still runs beside it
	}
	return m.steps[at.schema:]
}
