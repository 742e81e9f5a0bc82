package store

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/audit"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/identity"
	"github.com/jisr-exchange/jisr/services/record"
)

// Append writes an entry and returns when it is durable. What is about to be shown
// it holds against what is in force: who may see what has not moved since the
// records were read, else it fails with agreement.ErrMoved; so nothing is released
// on a consent that has just ended. It does not listen to the client's context: a
// client that hangs up cannot keep its entry out of the log.
func (s *Store) Append(ctx context.Context, leaf *jisrv1.LogLeaf, shown []agreement.Loaded, law *agreement.Law) (string, error) {
	// The entry is made before its turn comes, since the turn is everybody's.
	e, err := newEntry(s.Random, leaf)
	if err == nil {
		err = s.enter(&showing{ctx: context.WithoutCancel(ctx), store: s, entry: e, shown: shown, law: law})
	}
	if err == nil {
		return e.name, nil
	}
	if errors.Is(err, agreement.ErrMoved) {
		for _, l := range shown {
			s.recent.forget(l.Case) // it is read again, and not found here
		}
	}
	var f *fault.Fault
	if !errors.Is(err, agreement.ErrMoved) && (!errors.As(err, &f) || f.Reason() == fault.StoreUnavailable) {
		err = errors.Join(fault.New(fault.LogUnavailable), err)
	}
	return "", err
}

// showing is the entry of what is about to be shown, and under what it was read.
type showing struct {
	ctx   context.Context // of its call, which does not end it
	store *Store
	entry *entry
	shown []agreement.Loaded
	law   *agreement.Law // nil: nothing is shown
}

// current asks what no database knows: whether this node is still under the
// agreement of the read, and whether a term has run out.
func (w *showing) current() error {
	if w.law != nil && w.store.Law() != w.law {
		return agreement.ErrMoved
	}
	now := w.store.Clock()
	for _, l := range w.shown {
		if !l.Until.IsZero() && !now.Before(l.Until) {
			return agreement.ErrMoved
		}
	}
	return nil
}

// entry is an entry as it is stored.
type entry struct {
	name                   string
	kind                   jisrv1.LogEntry_Kind
	time                   int64
	leaf, salt, commitment []byte
	records                [][]byte              // the names of those it is about, as its leaf has them
	room                   [audit.SaltBytes]byte // of the salt
}

var logEntry = record.ByName("LogEntry")

func newEntry(random io.Reader, leaf *jisrv1.LogLeaf) (*entry, error) {
	encoded, err := audit.Encode(leaf)
	if err != nil {
		return nil, err
	}
	e := &entry{kind: leaf.GetKind(), leaf: encoded}
	if e.time, e.records, err = audit.Find(encoded, nil); err != nil {
		return nil, err
	}
	e.salt = e.room[:]
	if _, err := io.ReadFull(random, e.salt); err != nil {
		return nil, err
	}
	if e.name, err = record.NewName(logEntry, "", random); err != nil {
		return nil, err
	}
	e.commitment = audit.Commit(e.salt, encoded)
	return e, nil
}

// about are the rows by which an entry is found from what it is about.
func (e *entry) about(seq int64) [][]any {
	rows, room := make([][]any, len(e.records)), make([]any, 0, 3*len(e.records))
	at, n := any(e.time), any(seq) // boxed once
	for i, name := range e.records {
		room = append(room, subjectKey(name), at, n)
		rows[i] = room[3*i : 3*i+3]
	}
	return rows
}

// subjectKey is what entries about a record are found by: there are many times more
// of such rows than of anything else, a hundred for a page that is read, and a name
// is long. Whether an entry is about the record itself, its leaf says.
func subjectKey[N string | []byte](name N) int64 {
	sum := sha256.Sum256([]byte(name))
	return int64(binary.BigEndian.Uint64(sum[:]))
}

// Entries reads a page of the entries about a record, newest first, for the
// owner of its case and for the monitor; to everyone else the record is as
// absent as it would be to them. The agency behind an entry is shown only where
// what linked it to the record is evident.
func (s *Store) Entries(ctx context.Context, c *identity.Caller, name string, q Query) (page []*jisrv1.LogEntry, next string, err error) {
	n, ok := record.ParseName(name)
	if !ok {
		return nil, "", fault.New(fault.NotFound)
	}
	if q.Size <= 0 {
		q.Size = pageDefault
	}
	q.Type, q.Parent, q.Size = logEntry, name, min(q.Size, pageMax)
	after, err := s.openToken(c, q)
	if err != nil {
		return nil, "", err
	}
	// Only who may ask has them posted.
	err = s.read(ctx, func(conn querier) error {
		_, err := s.auditor(ctx, conn, c, n)
		return err
	})
	if err != nil {
		return nil, "", err
	}
	if err := s.post(); err != nil {
		return nil, "", unavailable(ctx, err)
	}
	err = s.read(ctx, func(conn querier) error {
		l, err := s.auditor(ctx, conn, c, n)
		if err != nil {
			return err
		}
		var last position
		var more bool
		// A token names the entry that a page ended with and not its number, which counts
		// what is hidden too: of those of its time it is looked for.
		until, end := after.sort, find{time: after.created, seq: math.MaxInt64}
		if until == "" {
			end = lastFind // from the newest on
		}
		for !more {
			finds, err := found(conn, name, end, q.Size+1)
			if err != nil {
				return unavailable(ctx, err)
			}
			err = eachEntry(conn, finds, func(e foundEntry) error {
				at := position{created: e.time, sort: e.name}
				if until != "" && at.created == after.created {
					if at.sort == until {
						until = ""
					}
					return nil
				}
				until, after = "", at
				shown, err := s.showEntry(ctx, conn, c, l, name, e)
				if err != nil || shown == nil {
					return err
				}
				if len(page) == q.Size {
					more = true
					return errFull
				}
				last = after
				page = append(page, shown)
				return nil
			})
			if err != nil && !errors.Is(err, errFull) {
				return unavailable(ctx, err)
			}
			if len(finds) <= q.Size {
				break // there are no more, or the page is full
			}
			end = finds[len(finds)-1]
		}
		if more {
			next = s.sealToken(c, q, last)
		}
		return nil
	})
	if err != nil {
		return nil, "", err
	}
	return page, next, nil
}

// errFull ends a query whose page is full.
var errFull = errors.New("store: the page is full")

// auditor returns the standing of a caller that may audit a record: the owner's
// or the monitor's link and nothing else.
func (s *Store) auditor(ctx context.Context, conn querier, c *identity.Caller, n record.Name) (agreement.Loaded, error) {
	_, l, err := s.load(ctx, conn, c, c.Law, n)
	if err != nil {
		return agreement.Loaded{}, err
	}
	l.Standing.Links = slices.DeleteFunc(l.Standing.Links, func(f agreement.InForce) bool {
		return f.Link != jisrv1.Link_LINK_OWNER && f.Link != jisrv1.Link_LINK_OVERSIGHT
	})
	if len(l.Standing.Links) == 0 {
		return agreement.Loaded{}, fault.New(fault.NotFound)
	}
	l.Standing.Own, l.Standing.Consented = 0, 0
	return l, nil
}

// showEntry renders one entry and puts on the docket how much of it the caller
// may see; nil where it is not about the record, or where all that linked its agency
// is closed to the caller by a seal.
func (s *Store) showEntry(ctx context.Context, conn querier, c *identity.Caller, l agreement.Loaded, about string, found foundEntry) (_ *jisrv1.LogEntry, err error) {
	leaf := &jisrv1.LogLeaf{}
	if err := proto.Unmarshal(found.leaf, leaf); err != nil {
		return nil, err
	}
	var subject *jisrv1.LogSubject
	for _, candidate := range leaf.GetSubjects() {
		if candidate.GetRecord() == about {
			subject = candidate
		}
	}
	if subject == nil {
		return nil, nil // it is about another record of the same key
	}
	if sealed, err := s.closedBySeal(conn, c, subject); sealed || err != nil {
		return nil, err
	}
	e := audit.Show(found.name, leaf, subject, found.commitment)
	setCreateTime(e, time.UnixMicro(leaf.GetTimeMicros()))
	own := l
	if !shows(c, leaf, subject) {
		own.Standing.Shut = record.Classes(jisrv1.DataClass_DATA_CLASS_LOG_AGENCY)
	}
	if own.Header, err = marshalHeader(record.TypeOf(e), e); err != nil {
		return nil, err
	}
	agreement.DocketFrom(ctx).Load(e.GetName(), own)
	return e, nil
}

// closedBySeal reports whether all that linked an entry's agency is closed to the
// caller by a seal. Sealed matters are not in the log of who is not named, not
// even as somebody's.
func (s *Store) closedBySeal(conn querier, c *identity.Caller, subject *jisrv1.LogSubject) (bool, error) {
	if len(subject.GetVia()) == 0 || slices.ContainsFunc(subject.GetLinks(), byItself.Has) {
		return false, nil
	}
	for _, name := range subject.GetVia() {
		sealed, err := number(conn, `SELECT EXISTS (SELECT 1 FROM records r JOIN seals l ON l.case_name = r.case_name
			WHERE r.name = ?1 AND (l.subject = '' OR l.subject IN (r.subject, r.name) OR l.name = r.name)
			  AND NOT EXISTS (SELECT 1 FROM seals n WHERE n.name = l.name AND n.agency = ?2))`, name, c.Agency)
		if err != nil || sealed == 0 {
			return false, err
		}
	}
	return true, nil
}

// byItself are the links that no record makes.
var byItself = evident | agreement.Links(jisrv1.Link_LINK_AUTHOR)

// evident are links that the owner of a case knows of without any record: its
// own, the territory's and the monitor's.
var evident = agreement.Links(jisrv1.Link_LINK_OWNER, jisrv1.Link_LINK_TERRITORY, jisrv1.Link_LINK_OVERSIGHT)

// shows reports whether an entry names its agency to the caller: its own, and
// one whose link to the subject is evident. A link by a record that the caller
// knows does not name it, since the agency may have another: whoever told many
// could see by whom the log left unnamed which of them has one.
func shows(c *identity.Caller, leaf *jisrv1.LogLeaf, subject *jisrv1.LogSubject) bool {
	return leaf.GetAgency() == c.Agency || slices.ContainsFunc(subject.GetLinks(), evident.Has)
}

// Refuse writes a REFUSED entry; what was asked for is named only where it is a well-formed record name.
func (s *Store) Refuse(ctx context.Context, c *identity.Caller, rpc string, reason fault.Reason, asked string) error {
	leaf := audit.Leaf(c, jisrv1.LogEntry_KIND_REFUSED, rpc, s.now())
	leaf.SetRefusal(string(reason))
	if n, ok := record.ParseName(strings.TrimSpace(asked)); ok {
		leaf.SetSubjects([]*jisrv1.LogSubject{jisrv1.LogSubject_builder{Record: n.Full}.Build()})
	}
	if c != nil {
		ctx = identity.NewContext(ctx, c) // where entries have turns, it takes that agency's
	}
	_, err := s.Append(ctx, leaf, nil, nil)
	return err
}
