package agreement

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"
)

// Docket holds the standing under which each record of one call was loaded. The
// store writes it, the page gate reads it, and handlers have no use for it: a
// record that is not on the docket does not leave.
type Docket struct {
	mu       sync.Mutex
	loaded   []load         // each record once
	at       map[string]int // where each is, once there are more than few
	finished proto.Message
	receipt  string
	kept     []string
	keeps    bool
	term     int64
}

const (
	// few records are found by looking at each: most calls load one.
	few = 8
	// page is how many a call loads that loads more, but for few.
	page = 100
)

type load struct {
	name string
	Loaded
}

// Loaded is how one record was loaded.
type Loaded struct {
	// Standing is what links the caller to it.
	Standing Standing
	// Header is its encoded header.
	Header []byte
	// Outline is what the caller sees of it before anything is opened, where that was
	// made when it was read: then the reply holds of the record nothing but its name.
	Outline *Outline
	// Case is the case whose epoch covers it; empty for records outside of cases.
	Case string
	// Epoch is that case's epoch when the record was read: while it stands, nothing in the case has changed.
	Epoch int64
	// Until is when the first link, consent or order of the standing runs out; zero: none does.
	Until time.Time
}

// ErrMoved says that who may see what changed after a record was read; the read
// must be done again before anything is released.
var ErrMoved = errors.New("agreement: standing moved")

type docketKey struct{}

// docketed is the context in which a docket is found.
type docketed struct {
	context.Context
	docket Docket
}

// Value finds the docket.
func (d *docketed) Value(key any) any {
	if key == (docketKey{}) {
		return &d.docket
	}
	return d.Context.Value(key)
}

// WithDocket gives a call an empty docket of its own.
func WithDocket(ctx context.Context) (context.Context, *Docket) {
	d := &docketed{Context: ctx}
	return d, &d.docket
}

// DocketFrom returns the call's docket, or nil.
func DocketFrom(ctx context.Context) *Docket {
	d, _ := ctx.Value(docketKey{}).(*Docket)
	return d
}

// Load notes how a record was loaded; the last load counts.
func (d *Docket) Load(name string, l Loaded) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if i := d.find(name); i >= 0 {
		d.loaded[i].Loaded = l
		return
	}
	d.loaded = append(d.loaded, load{name, l})
	if d.at == nil && len(d.loaded) > few {
		d.at, d.loaded = make(map[string]int, page), slices.Grow(d.loaded, page)
		for i := range d.loaded {
			d.at[d.loaded[i].name] = i
		}
	}
	if d.at != nil {
		d.at[name] = len(d.loaded) - 1
	}
}

// find returns where a record is, or -1.
func (d *Docket) find(name string) int {
	if d.at != nil {
		if i, ok := d.at[name]; ok {
			return i
		}
		return -1
	}
	for i := range d.loaded {
		if d.loaded[i].name == name {
			return i
		}
	}
	return -1
}

// Loaded tells how a record was loaded.
func (d *Docket) Loaded(name string) (Loaded, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	i := d.find(name)
	if i < 0 {
		return Loaded{}, false
	}
	return d.loaded[i].Loaded, true
}

// Keep notes what a call took before it reads: a read that is done again must
// not take a second time.
func (d *Docket) Keep(names []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.kept, d.keeps = names, true
}

// Kept returns what the call has taken already, if it has.
func (d *Docket) Kept() ([]string, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.kept, d.keeps
}

// Read notes the term of the primary that something was read from, where there are
// several that may have been one; of two it is the earlier.
func (d *Docket) Read(term int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.term == 0 || term < d.term {
		d.term = term
	}
}

// Term is that of the earliest primary that was read from; 0 if none was.
func (d *Docket) Term() int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.term
}

// Names returns the names of the records loaded, in order.
func (d *Docket) Names() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	names := make([]string, len(d.loaded))
	for i := range d.loaded {
		names[i] = d.loaded[i].name
	}
	slices.Sort(names)
	return names
}

// Forget drops a record that was released, so that a long stream stays small.
func (d *Docket) Forget(name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	i, last := d.find(name), len(d.loaded)-1
	if i < 0 {
		return
	}
	d.loaded[i] = d.loaded[last]
	d.loaded[last] = load{}
	d.loaded = d.loaded[:last]
	if d.at != nil {
		delete(d.at, name)
		if i < last {
			d.at[d.loaded[i].name] = i
		}
	}
}

// Clear forgets what was loaded, before a call is run again.
func (d *Docket) Clear() {
	d.mu.Lock()
	defer d.mu.Unlock()
	clear(d.loaded)
	d.loaded, d.at = d.loaded[:0], nil
	d.finished, d.receipt, d.term = nil, "", 0
}

// Finish notes that the reply of a change was rendered by the page gate inside
// the change's own transaction and is covered by that log entry.
func (d *Docket) Finish(reply proto.Message, receipt string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.finished, d.receipt = reply, receipt
}

// Finished reports whether reply is that very message, and which log entry covers it.
func (d *Docket) Finished(reply proto.Message) (receipt string, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.finished == nil || d.finished != reply {
		return "", false
	}
	return d.receipt, true
}
