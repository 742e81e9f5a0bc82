package store

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"
	"zombiezen.com/go/sqlite"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/audit"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/identity"
	"github.com/jisr-exchange/jisr/services/record"
)

// Append writes an entry and returns when it is durable. For what is about to be
// shown it checks, in the same transaction, that who may see what has not moved
// since the records were read (agreement.ErrMoved); so nothing is released on a
// consent that has just ended. It does not listen to the client's context: a
// client that hangs up cannot keep its entry out of the log.
func (s *Store) Append(ctx context.Context, leaf *jisrv1.LogLeaf, shown []agreement.Loaded, law *agreement.Law) (string, error) {
	var entry string
	err := s.writer.do(context.WithoutCancel(ctx), func(conn *sqlite.Conn) error {
		if err := s.unmoved(conn, shown, law); err != nil {
			return err
		}
		var err error
		entry, err = s.appendEntry(conn, leaf)
		return err
	})
	var f *fault.Fault
	if err != nil && !errors.Is(err, agreement.ErrMoved) && (!errors.As(err, &f) || f.Reason() == fault.StoreUnavailable) {
		err = errors.Join(fault.New(fault.LogUnavailable), err)
	}
	return entry, err
}

func (s *Store) unmoved(conn *sqlite.Conn, shown []agreement.Loaded, law *agreement.Law) error {
	if law != nil && s.Law() != law {
		return agreement.ErrMoved
	}
	now := s.Clock()
	seen := make(map[string]int64, 1)
	for _, l := range shown {
		if !l.Until.IsZero() && !now.Before(l.Until) {
			return agreement.ErrMoved
		}
		epoch, checked := seen[l.Case]
		if !checked {
			var err error
			if epoch, err = number(conn, "SELECT epoch FROM epochs WHERE case_name = ?", l.Case); err != nil {
				return err
			}
			seen[l.Case] = epoch
		}
		if epoch != l.Epoch {
			return agreement.ErrMoved
		}
	}
	return nil
}

func (s *Store) appendEntry(conn *sqlite.Conn, leaf *jisrv1.LogLeaf) (string, error) {
	encoded, err := audit.Encode(leaf)
	if err != nil {
		return "", err
	}
	salt := make([]byte, audit.SaltBytes)
	s.random(salt)
	name, err := record.NewName(record.ByName("LogEntry"), "", s.Random)
	if err != nil {
		return "", err
	}
	err = exec(conn, "INSERT INTO log_entries(name, time, leaf, salt, commitment) VALUES(?,?,?,?,?)",
		name, leaf.GetTimeMicros(), encoded, salt, audit.Commit(salt, encoded))
	if err != nil {
		return "", err
	}
	for _, subject := range leaf.GetSubjects() {
		if err := exec(conn, "INSERT INTO log_subjects(record, time, entry) VALUES(?,?,?) ON CONFLICT DO NOTHING",
			subject.GetRecord(), leaf.GetTimeMicros(), name); err != nil {
			return "", err
		}
	}
	return name, nil
}

// Entries reads a page of the entries about a record, newest first, for the
// owner of its case and for the monitor; to everyone else the record is as
// absent as it would be to them. The agency behind an entry is shown only where
// the caller may know what linked that agency to the record.
func (s *Store) Entries(ctx context.Context, c *identity.Caller, name string, q Query) (page []*jisrv1.LogEntry, next string, err error) {
	n, ok := record.ParseName(name)
	if !ok {
		return nil, "", fault.New(fault.NotFound)
	}
	if q.Size <= 0 {
		q.Size = pageDefault
	}
	q.Type, q.Parent, q.Size = record.ByName("LogEntry"), name, min(q.Size, pageMax)
	after, err := s.openToken(c, q)
	if err != nil {
		return nil, "", err
	}
	err = s.read(ctx, func(conn *sqlite.Conn) error {
		l, err := s.auditor(ctx, conn, c, n)
		if err != nil {
			return err
		}
		query := `SELECT e.name, e.time, e.leaf, e.commitment FROM log_subjects s JOIN log_entries e ON e.name = s.entry
			WHERE s.record = ? AND (? = '' OR (s.time, s.entry) < (?, ?)) ORDER BY s.time DESC, s.entry DESC LIMIT ?`
		var last position
		var more bool
		err = each(conn, query, func(st *sqlite.Stmt) error {
			if len(page) == q.Size {
				more = true
				return nil
			}
			e, err := s.showEntry(ctx, conn, c, l, name, st)
			if err != nil {
				return err
			}
			last = position{created: st.ColumnInt64(1), sort: st.ColumnText(0)}
			page = append(page, e)
			return nil
		}, name, after.sort, after.created, after.sort, q.Size+1)
		if err != nil {
			return unavailable(ctx, err)
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

// auditor returns the standing of a caller that may audit a record: the owner's
// or the monitor's link and nothing else.
func (s *Store) auditor(ctx context.Context, conn *sqlite.Conn, c *identity.Caller, n record.Name) (agreement.Loaded, error) {
	r, found, err := loadRow(conn, n.Full)
	if err != nil {
		return agreement.Loaded{}, unavailable(ctx, err)
	}
	l, known, err := s.standing(conn, c, c.Law, n.Type, n.Full, r)
	if err != nil {
		return agreement.Loaded{}, unavailable(ctx, err)
	}
	if !found || !known {
		return agreement.Loaded{}, fault.New(fault.NotFound)
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

// showEntry renders one entry and puts on the docket how much of it the caller may see.
func (s *Store) showEntry(ctx context.Context, conn *sqlite.Conn, c *identity.Caller, l agreement.Loaded, about string, st *sqlite.Stmt) (_ *jisrv1.LogEntry, err error) {
	leaf := &jisrv1.LogLeaf{}
	if err := proto.Unmarshal(blob(st, 2), leaf); err != nil {
		return nil, err
	}
	subject := &jisrv1.LogSubject{}
	for _, candidate := range leaf.GetSubjects() {
		if candidate.GetRecord() == about {
			subject = candidate
		}
	}
	e := audit.Show(st.ColumnText(0), leaf, subject, blob(st, 3))
	setCreateTime(e, time.UnixMicro(leaf.GetTimeMicros()))
	own := l
	if visible, err := s.seesLink(conn, c, subject); err != nil {
		return nil, err
	} else if !visible && leaf.GetAgency() != c.Agency {
		own.Standing.Shut = record.Classes(jisrv1.DataClass_DATA_CLASS_LOG_AGENCY)
	}
	if own.Header, err = marshalHeader(record.TypeOf(e), e); err != nil {
		return nil, err
	}
	agreement.DocketFrom(ctx).Load(e.GetName(), own)
	return e, nil
}

// evident are links that the owner of a case knows of without any record: its
// own, the territory's and the monitor's.
var evident = agreement.Links(jisrv1.Link_LINK_OWNER, jisrv1.Link_LINK_TERRITORY, jisrv1.Link_LINK_OVERSIGHT)

// seesLink reports whether the caller may know what linked the agency of an
// entry to its subject: all that did, since one that it may not know of could be
// why. A refused call had no link, so its agency stays hidden.
func (s *Store) seesLink(conn *sqlite.Conn, c *identity.Caller, subject *jisrv1.LogSubject) (bool, error) {
	for _, name := range subject.GetVia() {
		if known, err := s.knows(conn, c, agreement.InForce{Via: name}); err != nil || !known {
			return false, err
		}
	}
	if len(subject.GetVia()) > 0 {
		return true, nil
	}
	for _, link := range subject.GetLinks() {
		if evident.Has(link) {
			return true, nil
		}
	}
	return false, nil
}

// Refuse writes a REFUSED entry; what was asked for is named only where it is a well-formed record name.
func (s *Store) Refuse(ctx context.Context, c *identity.Caller, rpc string, reason fault.Reason, asked string) error {
	leaf := audit.Leaf(c, jisrv1.LogEntry_KIND_REFUSED, rpc, s.now())
	leaf.SetRefusal(string(reason))
	if _, ok := record.ParseName(strings.TrimSpace(asked)); ok {
		leaf.SetSubjects([]*jisrv1.LogSubject{jisrv1.LogSubject_builder{Record: asked}.Build()})
	}
	_, err := s.Append(ctx, leaf, nil, nil)
	return err
}

// ballast is how much a probe writes: more than a call does, so that a disk with
// room for a probe has room for what agencies were refused.
const ballast = 64 << 10

// Probe reports whether the store can write, by writing.
func (s *Store) Probe(ctx context.Context) error {
	return s.writer.do(ctx, func(conn *sqlite.Conn) error {
		// Other bytes each time: what stays the same is not written.
		fresh := make([]byte, ballast)
		rand.Read(fresh)
		return exec(conn, "INSERT INTO probes(id, ballast) VALUES(1, ?) ON CONFLICT (id) DO UPDATE SET ballast = excluded.ballast", fresh)
	})
}
