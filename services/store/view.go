package store

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/identity"
	"github.com/jisr-exchange/jisr/services/record"
)

// row is a record at rest.
type row struct {
	typ      *record.Type
	name     string
	caseName string
	subject  string
	created  int64
	revision int64
	header   []byte
	envelope []byte
}

// View reads the record of that name into m: its header set, its sections
// sealed, its standing on the call's docket. A record that the caller has no
// link to is NOT_FOUND, and so is one that never existed.
func (s *Store) View(ctx context.Context, c *identity.Caller, name string, m proto.Message) error {
	return s.read(ctx, func(conn querier) error { return s.view(ctx, conn, c, c.Law, name, m) })
}

func (s *Store) view(ctx context.Context, conn querier, c *identity.Caller, law *agreement.Law, name string, m proto.Message) error {
	docket := agreement.DocketFrom(ctx)
	if c == nil || docket == nil {
		return fault.New(fault.Internal) // a call without a caller or docket did not come through the door
	}
	n, ok := record.ParseName(name)
	if !ok || n.Type != record.TypeOf(m) {
		return fault.New(fault.NotFound)
	}
	r, l, known, err := s.sighted(conn, c, law, n.Type, name)
	if err != nil {
		return unavailable(ctx, err)
	}
	if !known {
		return fault.New(fault.NotFound)
	}
	if err := s.complete(conn, c, law, n.Type, r, &l); err != nil {
		return unavailable(ctx, err)
	}
	if err := fill(m, r); err != nil {
		return err
	}
	docket.Load(name, l)
	return nil
}

// fill sets a record's header and attaches its sealed sections.
func fill(m proto.Message, r row) error {
	if err := unmarshalHeader(r.header, m); err != nil {
		return err
	}
	record.Attach(m, r.envelope)
	return nil
}

func unmarshalHeader(header []byte, m proto.Message) error {
	return proto.UnmarshalOptions{DiscardUnknown: true}.Unmarshal(header, m)
}

func loadRow(conn querier, name string) (r row, found bool, err error) {
	err = each(conn, "SELECT type, case_name, subject, create_time, revision, header, envelope FROM records WHERE name = ?",
		func(s result) error {
			found = true
			r = row{
				typ: record.ByName(s.ColumnText(0)), name: name, caseName: s.ColumnText(1), subject: s.ColumnText(2),
				created: s.ColumnInt64(3), revision: s.ColumnInt64(4), header: blob(s, 5), envelope: blob(s, 6),
			}
			return nil
		}, name)
	return r, found, err
}

// sighted reads a record by way of a caller's links to it. The links are asked
// for first, and nothing of the record before there is one, so that a hidden
// record costs what an absent one costs.
func (s *Store) sighted(conn querier, c *identity.Caller, law *agreement.Law, t *record.Type, name string) (r row, l agreement.Loaded, known bool, err error) {
	hs := holders(c)
	err = each(conn, sightQuery(recordColumns, recordJoin, len(hs)),
		func(st result) error {
			addLink(&l, st)
			if known {
				return nil
			}
			known = true
			r = row{
				typ: t, name: name, caseName: st.ColumnText(4), subject: st.ColumnText(5),
				created: st.ColumnInt64(6), revision: st.ColumnInt64(7), header: blob(st, 8), envelope: blob(st, 9),
			}
			l.Epoch = st.ColumnInt64(10)
			return nil
		}, s.sightArgs(c, law, t, name, hs)...)
	inOrder(&l)
	return r, l, known, err
}

// standing loads what links a caller to a record now, and whether that lets it
// know that the record exists.
func (s *Store) standing(conn querier, c *identity.Caller, law *agreement.Law, t *record.Type, name string, r row) (l agreement.Loaded, known bool, err error) {
	if known, err = s.links(conn, c, law, t, name, &l); err != nil {
		return l, false, err
	}
	if l.Epoch, err = number(conn, "SELECT epoch FROM epochs WHERE case_name = ?", r.caseName); err != nil {
		return l, false, err
	}
	return l, known, s.complete(conn, c, law, t, r, &l)
}

// links loads a caller's links to a record.
func (s *Store) links(conn querier, c *identity.Caller, law *agreement.Law, t *record.Type, name string, l *agreement.Loaded) (known bool, err error) {
	hs := holders(c)
	err = each(conn, sightQuery(linkColumns, "WHERE", len(hs)),
		func(st result) error {
			known = true
			addLink(l, st)
			return nil
		}, s.sightArgs(c, law, t, name, hs)...)
	inOrder(l)
	return known, err
}

// What a query of sight asks for: the links, or with each the record too.
const (
	linkColumns   = "s.link, s.scope, s.via, s.until_time"
	recordColumns = linkColumns + `, r.case_name, r.subject, r.create_time, r.revision, r.header, r.envelope,
		(SELECT epoch FROM epochs e WHERE e.case_name = r.case_name)`
	recordJoin = "CROSS JOIN records r WHERE r.name = s.name AND"
)

// sightQuery asks for a caller's links s to one record. A link that does not
// let the role know of such a record opens nothing of it and is left out. The
// holders are rows: for a list after IN, SQLite makes a table at each asking.
func sightQuery(columns, join string, holders int) string {
	return "SELECT " + columns + " FROM (VALUES " + rows(holders) + ") h CROSS JOIN sight s " + join + `
		s.holder = h.column1 AND s.name = ? AND s.visible = 1
		AND (s.until_time = 0 OR s.until_time > ?) AND ((CAST(? AS BIGINT) >> s.link) & 1) = 1`
}

// rows returns n rows of one placeholder.
func rows(n int) string { return strings.TrimSuffix(strings.Repeat("(?),", n), ",") }

func (s *Store) sightArgs(c *identity.Caller, law *agreement.Law, t *record.Type, name string, holders []any) []any {
	return append(holders, name, s.Clock().UnixMicro(), int64(law.Shelf(c.Role, t.Name)))
}

// addLink takes a link from linkColumns.
func addLink(l *agreement.Loaded, st result) {
	l.Standing.Links = append(l.Standing.Links, agreement.InForce{
		Link: jisrv1.Link(st.ColumnInt(0)), Scope: record.ClassSet(st.ColumnInt64(1)), Via: st.ColumnText(2),
	})
	keepUntil(l, st.ColumnInt64(3))
}

// inOrder gives links an order that does not depend on how they were found.
func inOrder(l *agreement.Loaded) {
	slices.SortFunc(l.Standing.Links, func(a, b agreement.InForce) int {
		return cmp.Or(cmp.Compare(a.Link, b.Link), strings.Compare(a.Via, b.Via))
	})
}

// keepUntil notes when the first of a standing's parts runs out.
func keepUntil(l *agreement.Loaded, until int64) {
	if at := time.UnixMicro(until); until != 0 && (l.Until.IsZero() || at.Before(l.Until)) {
		l.Until = at
	}
}

// complete adds to a standing what stands with the record: consents in force,
// where the role reads anything by consent, and authorship.
func (s *Store) complete(conn querier, c *identity.Caller, law *agreement.Law, t *record.Type, r row, l *agreement.Loaded) error {
	l.Header, l.Case = r.header, r.caseName
	if law.ConsentClasses(c.Role) != 0 {
		err := s.consents(conn, c, r.subject, func(f consentInForce) error {
			l.Standing.Consented |= f.classes
			keepUntil(l, f.until)
			return nil
		})
		if err != nil {
			return err
		}
	}
	e, err := record.LendEnvelope(r.envelope)
	if err != nil {
		return err
	}
	defer e.GiveBack()
	l.Standing.Own = e.Own(t, c.Agency)
	return nil
}

// Names lists, in order, the names of everything in a case that the caller may
// know of, the case first; for reading a whole file record by record.
func (s *Store) Names(ctx context.Context, c *identity.Caller, caseName string) ([]string, error) {
	order := []string{"Case", "Victim", "Suspect", "Referral", "Consent", "Order", "Share"}
	var names []string
	err := s.read(ctx, func(conn querier) error {
		for _, typeName := range order {
			found, err := s.namesIn(conn, c, caseName, typeName)
			if err != nil {
				return unavailable(ctx, err)
			}
			names = append(names, found...)
		}
		return nil
	})
	if err == nil && !slices.Contains(names, caseName) {
		return nil, fault.New(fault.NotFound)
	}
	return names, err
}

func (s *Store) namesIn(conn querier, c *identity.Caller, caseName, typeName string) (names []string, err error) {
	links := linkList(c.Law.Shelf(c.Role, typeName))
	hs := holders(c)
	if len(links) == 0 {
		return nil, nil
	}
	query := `SELECT DISTINCT s.create_time, s.sort, s.name FROM records r JOIN sight s ON s.name = r.name
		WHERE r.case_name = ? AND r.type = ? AND s.visible = 1 AND (s.until_time = 0 OR s.until_time > ?)
		  AND s.holder IN (` + marks(len(hs)) + `) AND s.link IN (` + marks(len(links)) + `)
		ORDER BY s.create_time, s.sort`
	args := append([]any{caseName, typeName, s.Clock().UnixMicro()}, append(hs, links...)...)
	err = each(conn, query, func(st result) error {
		if name := st.ColumnText(2); !slices.Contains(names, name) {
			names = append(names, name)
		}
		return nil
	}, args...)
	return names, err
}

func linkList(set agreement.LinkSet) (links []any) {
	for n := range jisrv1.Link_name {
		if set.Has(jisrv1.Link(n)) {
			links = append(links, int(n))
		}
	}
	slices.SortFunc(links, func(a, b any) int { return a.(int) - b.(int) })
	return links
}
