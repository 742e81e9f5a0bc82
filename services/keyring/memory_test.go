package keyring

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// hasty says in which way a node takes less care than it should.
type hasty struct {
	keep  bool // keeps a key under the generation of now and not of when it was read
	heard bool // takes what a look told for as new as when it came back
}

// glance is a look, or the making of a key, that takes its time.
type glance struct {
	key        int
	began      time.Time
	asked      bool
	there      bool
	generation generation
	made       bool // this node made the key: it keeps it, and hears nothing
}

// table is a shelf, and one node's memory of it, on a clock of steps.
type table struct {
	memory    memory
	clock     int64
	count     uint64
	there     map[int]bool
	destroyed map[int]time.Time
	glances   []*glance
}

func (b *table) now() time.Time { return time.Unix(b.clock, 0) }

func (b *table) generation() (g generation) {
	binary.BigEndian.PutUint64(g[:], b.count+1)
	return g
}

func (b *table) destroy(key int) {
	if b.there[key] {
		b.there[key], b.destroyed[key], b.count = false, b.now(), b.count+1
	}
}

func (b *table) come(g *glance, h hasty) {
	began := g.began
	if h.heard {
		began = b.now()
	}
	if !g.made {
		b.memory.note(began, g.generation)
	}
	if h.keep {
		g.generation = b.memory.now()
	}
	if g.there {
		b.memory.keep(fmt.Sprint(g.key), []byte("wrapped"), nil, g.generation)
	}
}

// step does one thing of many that may happen next, and says what must not have.
func (b *table) step(r *rand.Rand, h hasty) error {
	b.clock++
	key := r.IntN(len(b.there))
	switch r.IntN(20) {
	case 0, 1, 2, 3:
		b.glances = append(b.glances, &glance{key: key, began: b.now()})
	case 4: // a key is made by this node, which learns a little later that it is durable
		key = len(b.there)
		b.glances = append(b.glances, &glance{key: key, began: b.now(), made: true, asked: true, there: true, generation: b.memory.now()})
		b.there[key] = true
	case 5:
		b.destroy(key) // by another node
	case 6:
		b.destroy(key) // by this one, which hears of it a little later
		b.clock++
		b.memory.forget(b.now())
	case 7, 8, 9, 10, 11, 12, 13, 14:
		if len(b.glances) == 0 {
			break
		}
		at := len(b.glances) - 1 // most looks are quick, some are overtaken by many
		if r.IntN(2) == 0 {
			at = r.IntN(len(b.glances))
		}
		g := b.glances[at]
		if !g.asked {
			g.asked, g.there, g.generation = true, b.there[g.key], b.generation()
			break
		}
		b.come(g, h)
		b.glances = append(b.glances[:at], b.glances[at+1:]...)
	default:
		began := time.Unix(b.clock-int64(r.IntN(20)), 0)
		at, gone := b.destroyed[key]
		k := b.memory.find(fmt.Sprint(key), began)
		if (k.cipher != nil || k.wrapped != nil) && k.fresh && gone && at.Before(began) {
			return fmt.Errorf("key %d was destroyed at %d and opens for a call of %d", key, at.Unix(), began.Unix())
		}
	}
	return nil
}

func TestNoOrderOfLooksAndDestructionsLetsADestroyedKeyOpen(t *testing.T) {
	play := func(h hasty) error {
		for seed := range uint64(3000) {
			b := &table{memory: newMemory(), there: map[int]bool{0: true, 1: true, 2: true}, destroyed: make(map[int]time.Time)}
			r := rand.New(rand.NewPCG(seed, 0))
			for range 150 {
				if err := b.step(r, h); err != nil {
					return fmt.Errorf("seed %d: %w", seed, err)
				}
			}
		}
		return nil
	}
	if err := play(hasty{}); err != nil {
		t.Error(err)
	}
	for _, h := range []hasty{{keep: true}, {heard: true}} {
		if play(h) == nil {
			t.Errorf("a node that is hasty (%+v) is not noticed: this test proves nothing", h)
		}
	}
}

func TestAKeyThatIsAskedForAgainIsNotBuiltAgain(t *testing.T) {
	m, g := newMemory(), generation{1}
	m.note(time.Now(), g)
	aead, err := newAEAD(make([]byte, keyBytes))
	must(t, err)
	m.keep("asked for", []byte("wrapped"), aead, g)
	m.keep("asked for once", []byte("wrapped"), aead, g)
	for i := range 3 * cached {
		m.keep(fmt.Sprint(i), []byte("wrapped"), aead, g)
		if i%(cached/2) == 0 {
			m.find("asked for", time.Time{})
		}
	}
	if m.find("asked for", time.Time{}).cipher == nil {
		t.Error("the cipher of a key that is asked for again and again was given up")
	}
	if k := m.find("asked for once", time.Time{}); k.cipher != nil || k.wrapped == nil {
		t.Error("no cipher was given up, so that one was kept proves nothing")
	}
}

func TestWhatIsForgottenIsInNoPlaceOfTheMemory(t *testing.T) {
	m, g := newMemory(), generation{1}
	m.note(time.Now(), g)
	aead, err := newAEAD(make([]byte, keyBytes))
	must(t, err)
	for i := range 10 {
		m.keep(fmt.Sprint(i), []byte("wrapped"), aead, g)
	}
	held := func() (n int) {
		for _, key := range m.built[:cap(m.built)] {
			if key != nil {
				n++
			}
		}
		return n + len(m.keys)
	}
	if held() != 20 {
		t.Fatalf("%d places hold a key, so that none does proves nothing", held())
	}
	m.forget(time.Now())
	if n := held(); n != 0 {
		t.Errorf("%d places still hold a key that was forgotten", n)
	}
}
