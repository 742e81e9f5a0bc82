package store

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/identity"
	"github.com/jisr-exchange/jisr/services/record"
)

const (
	pageDefault = 50
	pageMax     = 100
	// pageBytes ends a page before its size is reached, by what the caller may
	// read of it: a hundred long statements are more than a client takes in one
	// message, and more than a server should hold for one that is slow to take it.
	pageBytes    = 512 << 10
	tokenAge     = 24 * time.Hour
	tokenPadding = 256 // every token is equally long, whatever it holds
)

// Query says which records a list is about.
type Query struct {
	// Type is the records' type.
	Type *record.Type
	// Parent is a case or victim they lie under; empty: across all.
	Parent string
	// State keeps records in that state, among those whose state the caller may see; 0: all.
	State int32
	// StateClass is the class of the state field; needed where State is set.
	StateClass record.Class
	// Size is how many at the most; 0 means 50.
	Size int
	// Token is the token of the page before.
	Token string
}

type position struct {
	created int64
	sort    string
	name    string
}

// List reads a page of records that the caller may know of, by create time and
// name, and the token of the next. Row scope stands in the query, which starts
// from the caller's links: what is hidden changes neither the page nor its cost.
func List[M proto.Message](ctx context.Context, s *Store, c *identity.Caller, q Query, empty func() M) (page []M, next string, err error) {
	if q.Size <= 0 {
		q.Size = pageDefault
	}
	q.Size = min(q.Size, pageMax)
	after, err := s.openToken(c, q)
	if err != nil {
		return nil, "", err
	}
	err = s.read(ctx, func(conn querier) error {
		page, next, err = listed(ctx, s, conn, c, q, after, empty)
		return err
	})
	if err != nil {
		return nil, "", err
	}
	return page, next, nil
}

// listed is List under one snapshot.
func listed[M proto.Message](ctx context.Context, s *Store, conn querier, c *identity.Caller, q Query, after position, empty func() M) (page []M, next string, err error) {
	docket := agreement.DocketFrom(ctx)
	if c == nil || docket == nil {
		return nil, "", fault.New(fault.Internal)
	}
	size, more := 0, true
	for more && len(page) < q.Size && size < pageBytes {
		var found []onPage
		if found, more, err = s.page(conn, c, q, after, q.Size-len(page)); err != nil {
			return nil, "", unavailable(ctx, err)
		}
		for i, f := range found {
			m := empty()
			if err := fill(m, f.row); err != nil {
				return nil, "", err
			}
			docket.Load(f.name, f.loaded)
			page, after = append(page, m), f.position
			if size += readable(c, q.Type, f); size >= pageBytes {
				more = more || i < len(found)-1
				break
			}
		}
	}
	if more {
		next = s.sealToken(c, q, after)
	}
	if len(page) == 0 { // what is there is held against the agreement in force when it is shown
		err = s.current(ctx, conn, c.Law)
	}
	return page, next, err
}

// onPage is a record of a page, with its place there and how it was loaded.
type onPage struct {
	position
	row    row
	loaded agreement.Loaded
}

// page reads what lies after a place: the records with the caller's links to each
// by one statement, and by another the consents in force of all they are about. It
// ends early where what was read, hidden sections among it, is as long as a page.
func (s *Store) page(conn querier, c *identity.Caller, q Query, after position, most int) (found []onPage, more bool, err error) {
	query, args := s.pageQuery(c, q, after, most)
	if query == "" {
		return nil, false, nil
	}
	held := 0
	err = each(conn, query, func(st result) error {
		at := position{st.ColumnInt64(0), st.ColumnText(1), st.ColumnText(2)}
		if n := len(found); n == 0 || found[n-1].position != at {
			if n == most || held >= pageBytes {
				more = true
				return errFull
			}
			r := rowAt(st, 3+links, q.Type, at.name)
			held += len(r.header) + len(r.envelope)
			found = append(found, onPage{at, r, agreement.Loaded{Epoch: st.ColumnInt64(3 + links + columns)}})
		}
		addLink(&found[len(found)-1].loaded, st, 3)
		return nil
	}, args...)
	if err != nil && !errors.Is(err, errFull) {
		return nil, false, err
	}
	return found, more, s.completeAll(conn, c, found)
}

// completeAll is complete for a page.
func (s *Store) completeAll(conn querier, c *identity.Caller, found []onPage) error {
	var subjects []string
	if c.Law.ConsentClasses(c.Role) != 0 {
		for _, f := range found {
			subjects = append(subjects, f.row.subject)
		}
	}
	slices.Sort(subjects)
	given := make(map[string][]consentInForce)
	err := s.consents(conn, c, slices.Compact(subjects), func(f consentInForce) error {
		given[f.subject] = append(given[f.subject], f)
		return nil
	})
	if err != nil {
		return err
	}
	for i := range found {
		inOrder(&found[i].loaded)
		if err := stand(c, found[i].row.typ, found[i].row, given[found[i].row.subject], &found[i].loaded); err != nil {
			return err
		}
	}
	return nil
}

// pageQuery asks for a page of records with a caller's links to each; the query
// is empty where no link lets the caller know of any. Within it a page of names
// is found first, one ordered range a holder, merged: what a record holds is
// fetched by those names alone, in their order, and goes through no sort.
func (s *Store) pageQuery(c *identity.Caller, q Query, after position, most int) (string, []any) {
	shelf := c.Law.Shelf(c.Role, q.Type.Name)
	set := shelf
	if q.State != 0 {
		set &= opening(c, q.StateClass) // a filter by what the caller may not see would be an oracle
	}
	if set == 0 {
		return "", nil
	}
	now := s.Clock().UnixMicro()
	hs := holders(c)
	var args []any
	for _, h := range hs {
		args = append(args, h, q.Type.Name, after.created, after.sort, now, int64(set))
		if q.Parent != "" {
			args = append(args, q.Parent+"/", q.Parent+"0")
		}
		if q.State != 0 {
			args = append(args, q.State, int64(record.Classes(q.StateClass)))
		}
		args = append(args, most+1)
	}
	args = append(append(append(args, most+1), hs...), now, int64(shelf))
	return pageText(q, len(hs)), args
}

func pageText(q Query, holders int) string {
	one := "SELECT * FROM (" + holderPage(q) + ") h"
	names := one + strings.Repeat(" UNION "+one, holders-1) + " ORDER BY t, o " + limit
	return "SELECT p.t, p.o, p.n, " + linkColumns + ", " + recordColumns + " FROM (" + names + `) p CROSS JOIN sight s CROSS JOIN records r
		WHERE s.name = p.n AND s.holder IN (` + marks(holders) + ") AND " + standsNow + " AND r.name = p.n ORDER BY p.t, p.o"
}

// readable is how many bytes of a record's sections the caller may read; what it
// may not has no part in where a page ends.
func readable(c *identity.Caller, t *record.Type, f onPage) (n int) {
	e, err := record.LendEnvelope(f.row.envelope)
	if err != nil {
		return 0 // the page refuses such a record
	}
	defer e.GiveBack()
	lens := c.Law.Read(c.Role, c.Purpose, f.loaded.Standing)
	for _, section := range e.Sections {
		if f, ok := t.Field(section.Number); ok && lens.Has(f.Class) {
			n += len(section.Sealed)
		}
	}
	return n
}

// limit is no bare parameter: SQLite prepares a query anew whenever one is bound
// that its planner looks at, and it looks at that.
const limit = "LIMIT CAST(? AS BIGINT)"

// holderPage asks for a page of what one holder knows of, in the order in which
// it lies: what comes after the page is not looked at.
func holderPage(q Query) string {
	page := "SELECT DISTINCT s.create_time AS t, s.sort AS o, s.name AS n FROM sight s"
	if q.State != 0 {
		page += " JOIN records r ON r.name = s.name"
	}
	page += " WHERE s.holder = ? AND s.type = ? AND (s.create_time, s.sort) > (?, ?) AND " + standsNow
	if q.Parent != "" {
		page += " AND s.name > ? AND s.name < ?" // names of children begin with their parent's
	}
	if q.State != 0 {
		page += " AND r.state = ? AND (s.scope & ?) <> 0"
	}
	return page + " ORDER BY t, o " + limit
}

// opening returns the links that let a caller see a class.
func opening(c *identity.Caller, class record.Class) (set agreement.LinkSet) {
	for n := range jisrv1.Link_name {
		link := agreement.InForce{Link: jisrv1.Link(n), Scope: record.EveryClass}
		if c.Law.Read(c.Role, c.Purpose, agreement.Standing{Links: []agreement.InForce{link}}).Has(class) {
			set |= agreement.Links(link.Link)
		}
	}
	return set
}

// binding is what a token is good for: this caller, this list, this agreement.
func (q Query) binding(c *identity.Caller) []byte {
	var b []byte
	for _, part := range []string{c.Agency, c.Role.String(), c.Purpose.String(), q.Type.Name, q.Parent, jisrv1.Case_State(q.State).String(), c.Law.Hash()} {
		b = protowire.AppendString(b, part)
	}
	return b
}

func (s *Store) sealToken(c *identity.Caller, q Query, p position) string {
	plain := binary.BigEndian.AppendUint64(nil, uint64(s.Clock().Add(tokenAge).UnixMicro()))
	plain = binary.BigEndian.AppendUint64(plain, uint64(p.created))
	plain = protowire.AppendString(plain, p.sort)
	plain = append(plain, make([]byte, max(0, tokenPadding-len(plain)))...)
	nonce := make([]byte, s.secrets.token.NonceSize())
	s.random(nonce)
	return base64.RawURLEncoding.EncodeToString(s.secrets.token.Seal(nonce, nonce, plain, q.binding(c)))
}

func (s *Store) openToken(c *identity.Caller, q Query) (position, error) {
	if q.Token == "" {
		return position{}, nil
	}
	refused := fault.Invalid(fault.Violation{Field: "page_token", Rule: "must be the unchanged next_page_token of the same list, by the same agency, role and purpose, within a day and under the same agreement"})
	raw, err := base64.RawURLEncoding.DecodeString(q.Token)
	if err != nil || len(raw) < s.secrets.token.NonceSize() {
		return position{}, refused
	}
	n := s.secrets.token.NonceSize()
	plain, err := s.secrets.token.Open(nil, raw[:n], raw[n:], q.binding(c))
	if err != nil || len(plain) < 17 {
		return position{}, refused
	}
	if time.UnixMicro(int64(binary.BigEndian.Uint64(plain))).Before(s.Clock()) {
		return position{}, refused
	}
	sort, m := protowire.ConsumeString(plain[16:])
	if m < 0 {
		return position{}, refused
	}
	return position{created: int64(binary.BigEndian.Uint64(plain[8:])), sort: sort}, nil
}
