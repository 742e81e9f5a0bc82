package jisrtest_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/record"
)

// Noninterference over scripts that are drawn: after the common opening, what
// happens, in which order, what of it only the second world sees, and when the
// onlooker looks in between, follow from a seed. At the end the onlooker tries
// every rpc of the contract.

// scriptsEnv is how many further scripts are drawn for each role, by seeds of
// their own that are printed where they fail.
const scriptsEnv = "JISR_WORLD_SCRIPTS"

// happening is one thing that happens. Its own chance decides the rest of it, alike
// in both worlds.
type happening struct {
	name string
	// aside: it happens in the second world alone, and the onlooker may not know.
	aside bool
	// chapter tells its texts from those of other steps.
	chapter string
	play    func(*world, *rand.Rand)
}

// script is drawn from a seed for an onlooker.
type script struct {
	seed     uint64
	onlooker onlooker
	steps    []happening
	// asked are, by step, the names that the onlooker asks for: those of the
	// second world, which in the first are partly names of nothing.
	asked []map[string]string
}

// draw draws a script. With logged, things happen aside that the access log tells its readers by design.
func draw(seed uint64, o onlooker, logged bool) *script {
	chance := rand.New(rand.NewPCG(seed, uint64(o.role)))
	s := &script{seed: seed, onlooker: o}
	add := func(p part, aside bool) {
		s.steps = append(s.steps, happening{name: p.name, aside: aside, chapter: fmt.Sprintf(" of step %d", len(s.steps)), play: p.play})
	}
	var once []part
	for _, a := range asides {
		if a.hidden(o) && (!a.logged || logged) {
			once = append(once, part{name: a.name, play: func(w *world, _ *rand.Rand) { a.play(w) }})
		}
	}
	// In their order, since some need those before them.
	for len(once) > 0 || len(s.steps) < 24 {
		switch n := chance.IntN(10); {
		case n < 3 && len(once) > 0:
			add(once[0], true)
			once = once[1:]
		case n < 5:
			if p, ok := pick(chance, repeatable, func(p part) bool { return p.hidden(o) && (!p.logged || logged) }); ok {
				add(p, true)
			}
		case n < 7:
			add(part{name: "the onlooker looks", play: (*world).look}, false)
		default:
			p, _ := pick(chance, common, func(part) bool { return true })
			add(p, false)
		}
	}
	return s
}

// pick draws one of those that may be.
func pick(chance *rand.Rand, parts []part, may func(part) bool) (part, bool) {
	parts = slices.DeleteFunc(slices.Clone(parts), func(p part) bool { return !may(p) })
	if len(parts) == 0 {
		return part{}, false
	}
	return parts[chance.IntN(len(parts))], true
}

// play plays the script in one world and returns it; w.tape holds what the onlooker saw.
func (s *script) play(t testing.TB, second, log bool, prepare func(*world)) *world {
	t.Helper()
	st := newStage()
	w := &world{t: t, x: st.start(t), stage: st, reader: s.onlooker, second: second, names: make(map[string]string)}
	w.tape = &tape{t: t, stage: st, client: w.as(s.onlooker)}
	if prepare != nil {
		prepare(w)
	}
	w.play()
	for i, p := range s.steps {
		if p.aside && !second {
			continue
		}
		if p.aside {
			st.aside(p.name)
		} else {
			st.act(p.name)
		}
		w.chapter = p.chapter
		w.known = s.known(i, w)
		p.play(w, rand.New(rand.NewPCG(s.seed, uint64(i))))
	}
	w.known, w.chapter = s.known(len(s.steps), w), " of the attempts"
	w.readOn(w.tape, w.reader, w.known, log)
	w.attempt(w.known)
	w.readOn(w.tape, w.reader, w.known, log)
	return w
}

// known are the names to ask for at a step; the second world is played first and says.
func (s *script) known(i int, w *world) map[string]string {
	if w.second {
		for len(s.asked) <= i {
			s.asked = append(s.asked, nil)
		}
		s.asked[i] = maps.Clone(w.names)
	}
	return s.asked[i]
}

// look lets the onlooker look at a part of what it could look at.
func (w *world) look(chance *rand.Rand) {
	known := make(map[string]string)
	for _, called := range slices.Sorted(maps.Keys(w.known)) {
		if called == "case" || called == "first" || called == "second" || chance.IntN(2) == 0 {
			known[called] = w.known[called]
		}
	}
	w.readOn(w.tape, w.reader, known, false)
}

func TestNoRoleCanTellRandomWorldsApartThatDifferInWhatItMayNotSee(t *testing.T) {
	seeds := []uint64{1}
	if n, err := strconv.Atoi(os.Getenv(scriptsEnv)); err == nil {
		for range n {
			seeds = append(seeds, rand.Uint64())
		}
	}
	var mu sync.Mutex
	varied, asked := make(map[jisrv1.Role]record.ClassSet), make(map[jisrv1.Role][]take)
	// Two exchanges that are compared are served one after the other, and a call
	// waits for its commit: beside others, since no two pairs share anything.
	t.Run("drawn", func(t *testing.T) {
		for _, o := range onlookers {
			for _, seed := range seeds {
				t.Run(fmt.Sprintf("%s by %d", agreement.RoleName(o.role), seed), func(t *testing.T) {
					t.Parallel()
					for _, logged := range []bool{!o.audits(), true} {
						s := draw(seed, o, logged)
						second := s.play(t, true, !o.audits() || !logged, nil)
						first := s.play(t, false, !o.audits() || !logged, nil)
						for _, d := range compare(first.tape.takes, second.tape.takes) {
							t.Error(d)
						}
						mu.Lock()
						varied[o.role] |= second.varied
						asked[o.role] = append(asked[o.role], second.tape.takes...)
						mu.Unlock()
						if t.Failed() {
							t.Log(s.describe())
						}
						if !o.audits() {
							break
						}
					}
				})
			}
		}
	})
	if t.Failed() {
		return
	}
	for _, o := range onlookers {
		if missing := hiddenFrom(o) &^ varied[o.role]; missing != 0 {
			t.Errorf("%s: nothing differed in what it may not see of %v", agreement.RoleName(o.role), missing.List())
		}
		if missing := unasked(asked[o.role]); len(missing) > 0 {
			t.Errorf("%s never tried %v", agreement.RoleName(o.role), missing)
		}
	}
}

func (s *script) describe() (text string) {
	for _, p := range s.steps {
		where := "in both"
		if p.aside {
			where = "aside  "
		}
		text += fmt.Sprintf("\n  %s  %s%s", where, p.name, p.chapter)
	}
	return text
}

// hiddenFrom are the classes of a case's, a victim's and a suspect's sections
// that the domain hides from the onlooker: in each of them the worlds differ.
func hiddenFrom(o onlooker) (hidden record.ClassSet) {
	for _, typ := range []string{"Case", "Victim", "Suspect"} {
		for _, f := range record.ByName(typ).Sections {
			if !o.sees(f.Class, wrote(o)...) {
				hidden |= record.Classes(f.Class)
			}
		}
	}
	return hidden
}
