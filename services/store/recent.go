package store

import (
	"container/list"
	"sync"
	"time"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/identity"
)

// recentBytes bounds what is kept of records that were read, if Options do not.
const recentBytes = 16 << 20

// recent keeps records as they were last read, sealed, each with the standing of
// whoever read it.
//
// What is kept may be old, and is never shown for being kept: Append holds the
// epoch of each record that is about to be shown against what is in force when its
// entry is durable. So only what leaves behind such an entry may come from
// here, and only what has an epoch, that of its case. Nothing is kept of what a
// caller may not know of: what is hidden costs what is absent costs.
type recent struct {
	mu    sync.Mutex
	most  int // bytes
	held  int // bytes
	views map[viewKey]*list.Element
	order *list.List // of *recentView, the last used first
	cases map[string]*recentCase
}

// viewKey is who reads what, and by which agreement, of which territories and
// jurisdiction follow.
type viewKey struct {
	law     string // its hash
	agency  string
	role    jisrv1.Role
	purpose jisrv1.Purpose
	name    string
}

type recentView struct {
	key    viewKey
	row    row
	loaded agreement.Loaded
	size   int
	kept   int // recentCase.forgotten when it was kept
}

// recentCase is a case of which views are kept: how many, and how often they were
// all given up.
type recentCase struct {
	views, forgotten int
}

func newRecent(most int) *recent {
	if most == 0 {
		most = recentBytes
	}
	return &recent{most: most, views: make(map[viewKey]*list.Element), order: list.New(), cases: make(map[string]*recentCase)}
}

func keyOf(c *identity.Caller, name string) viewKey {
	return viewKey{c.Law.Hash(), c.Agency, c.Role, c.Purpose, name}
}

// get returns a view that is kept, unless its case has moved since or a part of its
// standing has run out. Row and standing are shared: they are only read.
func (r *recent) get(key viewKey, now time.Time) (row, agreement.Loaded, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	at, ok := r.views[key]
	if !ok {
		return row{}, agreement.Loaded{}, false
	}
	v := at.Value.(*recentView)
	if v.kept != r.cases[v.loaded.Case].forgotten || !v.loaded.Until.IsZero() && !now.Before(v.loaded.Until) {
		r.drop(at)
		return row{}, agreement.Loaded{}, false
	}
	r.order.MoveToFront(at)
	return v.row, v.loaded, true
}

// put keeps a view, in the place of those that were not used for longest.
func (r *recent) put(key viewKey, is row, l agreement.Loaded) {
	v := &recentView{key: key, row: is, loaded: l}
	v.size = v.bytes()
	if l.Case == "" || v.size > r.most {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if at, ok := r.views[key]; ok {
		r.drop(at)
	}
	c := r.cases[l.Case]
	if c == nil {
		c = &recentCase{}
		r.cases[l.Case] = c
	}
	c.views++
	v.kept = c.forgotten
	r.views[key] = r.order.PushFront(v)
	for r.held += v.size; r.held > r.most; {
		r.drop(r.order.Back())
	}
}

// forget gives up what is kept of cases that have moved.
func (r *recent) forget(cases ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, name := range cases {
		if c := r.cases[name]; c != nil {
			c.forgotten++
		}
	}
}

// forgetAll gives up everything that is kept.
func (r *recent) forgetAll() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.cases {
		c.forgotten++
	}
}

func (r *recent) drop(at *list.Element) {
	v := at.Value.(*recentView)
	r.order.Remove(at)
	delete(r.views, v.key)
	r.held -= v.size
	c := r.cases[v.loaded.Case]
	if c.views--; c.views == 0 {
		delete(r.cases, v.loaded.Case)
	}
}

// perView is what a view takes beside the bytes it holds: its own fields, its
// places in two maps and in the order, and its part of a case.
const perView = 768

func (v *recentView) bytes() int {
	n := perView + len(v.row.header) + len(v.row.envelope) + len(v.row.name) + len(v.row.caseName) + len(v.row.subject)
	for _, l := range v.loaded.Standing.Links {
		n += 32 + len(l.Via)
	}
	return n
}
