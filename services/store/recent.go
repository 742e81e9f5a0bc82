package store

import (
	"container/list"
	"sync"
	"time"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/identity"
)

// Recent bounds what is kept of records that were read, in bytes, if Options do not.
const Recent = 16 << 20

// recent keeps records as they were last read, sealed, each with the standing of
// whoever read it: to look one up is a fraction of the work of reading it.
//
// What is kept may be old, and is never shown for being kept: Append holds the
// epoch of each record that is about to be shown against the one in force where
// its entry is written. So only what leaves behind such an entry may come from
// here, and only what has an epoch, that of its case. Nothing is kept of what a
// caller may not know of: what is hidden costs what is absent costs.
//
// Where there is no room, whoever holds the most gives way, so that an agency that
// lists all there is pushes out its own; and of that first what came along with
// its lists, down to a quarter, so that a list does not push out what is read by name.
type recent struct {
	mu     sync.Mutex
	most   int // bytes
	held   int // bytes
	views  map[viewKey]*recentView
	shares map[string]*share // by agency
	cases  map[string]*recentCase
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

// view is a record as a caller may know it. Who has one only reads it.
type view struct {
	row      row
	loaded   agreement.Loaded
	readable int // bytes of its sections that the caller may read
}

// share is what is kept for one agency: what it read by name, and what it only listed.
type share struct {
	got, listed order
}

func (s *share) held() int { return s.got.held + s.listed.held }

// order has what was used last in front.
type order struct {
	list.List // of *recentView
	held      int
}

type recentView struct {
	*view
	key  viewKey
	in   *order
	at   *list.Element
	size int
	kept int // recentCase.forgotten when it was kept
}

// recentCase is a case of which views are kept: how many, and how often they were
// all given up.
type recentCase struct {
	views, forgotten int
}

func newRecent(most int) *recent {
	return &recent{most: most, views: make(map[viewKey]*recentView), shares: make(map[string]*share), cases: make(map[string]*recentCase)}
}

func keyOf(c *identity.Caller, name string) viewKey {
	return viewKey{c.Law.Hash(), c.Agency, c.Role, c.Purpose, name}
}

// get returns what is kept of a record for who reads it by name, unless its case
// has moved since or a part of its standing has run out.
func (r *recent) get(key viewKey, now time.Time) *view {
	r.mu.Lock()
	defer r.mu.Unlock()
	v := r.current(key, now)
	if v == nil {
		return nil
	}
	if got := &r.shares[key.agency].got; v.in != got {
		v.leave()
		v.enter(got)
	} else {
		got.MoveToFront(v.at)
	}
	return v.view
}

// list sets what is kept of the records on a page, and returns the names of the others.
func (r *recent) list(c *identity.Caller, page []onPage, now time.Time) (missing []string) {
	key := keyOf(c, "")
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range page {
		key.name = page[i].name
		v := r.current(key, now)
		if v == nil {
			missing = append(missing, key.name)
			continue
		}
		page[i].view = v.view
		if listed := &r.shares[key.agency].listed; v.in == listed {
			listed.MoveToFront(v.at)
		}
	}
	return missing
}

func (r *recent) current(key viewKey, now time.Time) *recentView {
	v := r.views[key]
	if v == nil {
		return nil
	}
	if v.kept != r.cases[v.loaded.Case].forgotten || !v.loaded.Until.IsZero() && !now.Before(v.loaded.Until) {
		r.drop(v)
		return nil
	}
	return v
}

// put keeps a view that was read by name, or came along with a list.
func (r *recent) put(key viewKey, is *view, listed bool) {
	v := &recentView{view: is, key: key}
	v.size = v.bytes()
	if is.loaded.Case == "" || v.size > r.most {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if before := r.views[key]; before != nil {
		r.drop(before)
	}
	c := r.cases[is.loaded.Case]
	if c == nil {
		c = &recentCase{}
		r.cases[is.loaded.Case] = c
	}
	c.views++
	v.kept = c.forgotten
	r.views[key] = v
	s := r.shares[key.agency]
	if s == nil {
		s = &share{}
		r.shares[key.agency] = s
	}
	if listed {
		v.enter(&s.listed)
	} else {
		v.enter(&s.got)
	}
	for r.held += v.size; r.held > r.most; {
		r.drop(r.last())
	}
}

// last is what gives way.
func (r *recent) last() *recentView {
	largest := &share{}
	for _, s := range r.shares { // as many as the agreement has agencies
		if s.held() > largest.held() {
			largest = s
		}
	}
	from := &largest.got
	if largest.listed.held > largest.held()/4 {
		from = &largest.listed
	}
	return from.Back().Value.(*recentView)
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

func (r *recent) drop(v *recentView) {
	v.leave()
	delete(r.views, v.key)
	r.held -= v.size
	c := r.cases[v.loaded.Case]
	if c.views--; c.views == 0 {
		delete(r.cases, v.loaded.Case)
	}
}

func (v *recentView) enter(o *order) {
	v.in, v.at = o, o.PushFront(v)
	o.held += v.size
}

func (v *recentView) leave() {
	v.in.Remove(v.at)
	v.in.held -= v.size
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
