package store

import (
	"context"
	"encoding/base64"
	"encoding/binary"
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

// List reads a page of records that the caller may know of, by create time and, of
// one time, by their marks; and the token of the next. Row scope stands in the query,
// which starts from the caller's links: what is hidden changes neither the page nor
// its cost.
// As with Get, what it answers leaves behind an entry or not at all, and is of each
// record the name.
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
			setName(m, f.name)
			docket.Load(f.name, f.loaded)
			page, after = append(page, m), f.position
			if size += f.readable; size >= pageBytes {
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
	plain = protowire.AppendString(protowire.AppendString(plain, p.sort), p.name)
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
	sort, n := protowire.ConsumeString(plain[16:])
	if n < 0 {
		return position{}, refused
	}
	name, n := protowire.ConsumeString(plain[16+n:])
	if n < 0 {
		return position{}, refused
	}
	return position{created: int64(binary.BigEndian.Uint64(plain[8:])), sort: sort, name: name}, nil
}
