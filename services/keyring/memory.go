package keyring

import (
	"context"
	"crypto/cipher"
	"sync"
	"time"
)

const (
	// cached bounds the ciphers held in memory (about 0.8 kB each).
	cached = 4096
	// remembered bounds the wrapped keys held in memory (about 200 bytes each). They
	// spare the shelf, and open nothing without the key-encryption key.
	remembered = 4 * cached
)

// generation stands for all that was ever destroyed on a shelf: each destruction
// makes it another one. It is random: counted, a shelf that was put back to an
// earlier state would come again to numbers that stood for other keys.
type generation [16]byte

// memory holds ciphers and wrapped keys of this node, of one generation of the shelf.
//
// A key is kept only under the generation in which it was read, and every
// destruction makes another: so while the shelf is in this generation, all keys
// here are on it. When this node hears of another, it forgets them all.
// Destruction is rare, and to know which key it was would take a list of the
// destroyed.
type memory struct {
	mu         sync.Mutex // held for moments, never while a shelf is asked
	keys       map[string]*kept
	built      []*kept    // those that have a cipher, in a circle of cached at the most
	hand       int        // where in the circle the next one is given up
	generation generation // zero, which no shelf is in, when this node does not know
	heard      time.Time  // when the look began that last told the generation
}

// kept is a key in memory.
type kept struct {
	wrapped []byte
	cipher  cipher.AEAD // nil where none is built
	used    bool        // since the hand last came by
}

func newMemory() memory { return memory{keys: make(map[string]*kept)} }

// known is what is in memory of a key.
type known struct {
	cipher     cipher.AEAD // nil where there is none
	wrapped    []byte      // nil where there is none, or a cipher
	generation generation
	fresh      bool // the key was on the shelf at some moment after the call began
}

func (m *memory) find(id string, began time.Time) known {
	m.mu.Lock()
	defer m.mu.Unlock()
	k := known{generation: m.generation, fresh: m.heard.After(began)}
	switch key := m.keys[id]; {
	case key == nil:
	case key.cipher == nil:
		k.wrapped = key.wrapped
	default:
		k.cipher, key.used = key.cipher, true
	}
	return k
}

// note takes in the generation that a look told. A look that began before the
// last one that was noted tells nothing that is newer for sure.
func (m *memory) note(began time.Time, g generation) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !began.After(m.heard) {
		return
	}
	m.heard = began
	if g != m.generation {
		m.empty()
		m.generation = g
	}
}

// keep keeps a key that was on the shelf in a generation; c may be nil.
func (m *memory) keep(id string, wrapped []byte, c cipher.AEAD, g generation) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if g != m.generation || g == (generation{}) {
		return // something was destroyed meanwhile, and it may be this key
	}
	key := m.keys[id]
	if key == nil {
		if len(m.keys) >= remembered {
			m.drop()
		}
		key = &kept{}
		m.keys[id] = key
	}
	key.wrapped = wrapped
	if c != nil {
		m.build(key, c)
	}
}

// drop makes room for a key.
func (m *memory) drop() {
	for id, key := range m.keys { // any one: the map's order is as good as random
		if key.cipher == nil {
			delete(m.keys, id)
			return
		}
	}
}

// build keeps a key's cipher, in the place of one that nobody has asked for since
// the hand last came by: what is asked for over and over is not built over and over.
func (m *memory) build(key *kept, c cipher.AEAD) {
	if key.cipher != nil {
		key.cipher = c
		return
	}
	key.cipher, key.used = c, false
	if len(m.built) < cached {
		m.built = append(m.built, key)
		return
	}
	for m.built[m.hand].used {
		m.built[m.hand].used = false
		m.hand = (m.hand + 1) % cached
	}
	m.built[m.hand].cipher = nil
	m.built[m.hand] = key
	m.hand = (m.hand + 1) % cached
}

// forget forgets every key, and lets nothing be kept that was read before now.
func (m *memory) forget(now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.empty()
	m.generation, m.heard = generation{}, now
}

func (m *memory) empty() {
	clear(m.keys)
	clear(m.built) // an array that is only cut short keeps what was in it alive
	m.built, m.hand = m.built[:0], 0
}

// now is the generation that this node knows the shelf to be in, or to have been in.
func (m *memory) now() generation {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.generation
}

func (m *memory) size() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.built)
}

// ear is where the calls of this node wait that want to hear what was destroyed:
// one asks for all who came before it asked.
type ear struct {
	turn chan struct{} // holds one: whose turn it is to ask

	mu    sync.Mutex
	asked time.Time // when the last one asked
	err   error     // and what came of it
}

func newEar() *ear { return &ear{turn: make(chan struct{}, 1)} }

// told says what came of a look that began after a call did; known is false where
// there was none. A node that is alone (began is zero) waits for nobody's look.
func (e *ear) told(began time.Time) (known bool, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if began.IsZero() || !e.asked.After(began) {
		return false, nil
	}
	return true, e.err
}

func (e *ear) tell(asked time.Time, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if asked.After(e.asked) {
		e.asked, e.err = asked, err
	}
}

// hear returns once this node knows of everything whose destruction was
// acknowledged before began. Whoever comes while another asks waits, and asks
// only if that one asked too early; so there is one look at a time, however many
// wait. What failed has failed for all who waited for it.
func (r *Ring) hear(ctx context.Context, began time.Time) error {
	select {
	case r.ear.turn <- struct{}{}:
		defer func() { <-r.ear.turn }()
	case <-ctx.Done():
		return unavailable("read", ctx.Err())
	}
	if known, err := r.ear.told(began); known {
		return err
	}
	asked := time.Now()
	secret, _, err := r.look(ctx, secretID)
	if err == nil && secret == nil {
		r.memory.forget(asked)
		err = unavailable("read", errGone) // it was truncated, which no generation tells
	}
	r.ear.tell(asked, err)
	return err
}

type beganKey struct{}

// AsOfNow marks a call, so that all keys that it asks for under this context are
// those of this moment, and the shelf is asked once for all of them. It is for
// one reply or one change; under the mark of a stream that lasts, destroyed keys
// would go on opening.
func (r *Ring) AsOfNow(ctx context.Context) context.Context {
	if !r.shared {
		return ctx // nobody else destroys
	}
	return context.WithValue(ctx, beganKey{}, time.Now())
}

// began is when a call began: at its mark, else now. Nobody destroys behind the
// back of a node that is alone on its shelf, so what it remembers is always fresh.
func (r *Ring) began(ctx context.Context) time.Time {
	if !r.shared {
		return time.Time{}
	}
	if t, marked := ctx.Value(beganKey{}).(time.Time); marked {
		return t
	}
	return time.Now()
}
