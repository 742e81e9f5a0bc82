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

// viewRecent is View for what leaves behind an entry: it may take a record that
// was read before, since Append finds out if that has moved. Into m goes the name
// alone; what leaves is on the docket.
func (s *Store) viewRecent(ctx context.Context, c *identity.Caller, name string, m proto.Message) error {
	docket, n, err := asked(ctx, c, name, m)
	if err != nil {
		return err
	}
	key := keyOf(c, name)
	v := s.recent.get(key, s.Clock())
	if v == nil {
		v = &view{}
		err := s.read(ctx, func(conn querier) (err error) {
			v.row, v.loaded, err = s.load(ctx, conn, c, c.Law, n)
			return err
		})
		if err != nil {
			return err
		}
		if err := s.outline(c, v); err != nil {
			return err
		}
		s.recent.put(key, v, false)
	}
	setName(m, name)
	docket.Load(name, v.loaded)
	return nil
}

func (s *Store) view(ctx context.Context, conn querier, c *identity.Caller, law *agreement.Law, name string, m proto.Message) error {
	docket, n, err := asked(ctx, c, name, m)
	if err != nil {
		return err
	}
	r, l, err := s.load(ctx, conn, c, law, n)
	if err != nil {
		return err
	}
	if err := fill(m, r); err != nil {
		return err
	}
	docket.Load(name, l)
	return nil
}

// asked is what a call asks for by a name, and its docket.
func asked(ctx context.Context, c *identity.Caller, name string, m proto.Message) (*agreement.Docket, record.Name, error) {
	docket := agreement.DocketFrom(ctx)
	if c == nil || docket == nil {
		return nil, record.Name{}, fault.New(fault.Internal) // a call without a caller or docket did not come through the door
	}
	n, ok := record.ParseName(name)
	if !ok || n.Type != record.TypeOf(m) {
		return nil, record.Name{}, fault.New(fault.NotFound)
	}
	return docket, n, nil
}

// load reads a record and the caller's standing to it.
func (s *Store) load(ctx context.Context, conn querier, c *identity.Caller, law *agreement.Law, n record.Name) (row, agreement.Loaded, error) {
	r, l, known, err := s.known(ctx, conn, c, law, n)
	if err == nil && !known {
		err = s.absent(ctx, conn, law)
	}
	return r, l, err
}

// absent is what is answered where nothing is known of a record. What is there is held
// against the agreement in force when it is shown.
func (s *Store) absent(ctx context.Context, conn querier, law *agreement.Law) error {
	if err := s.current(ctx, conn, law); err != nil {
		return err
	}
	return fault.New(fault.NotFound)
}

// known reads a record and the caller's standing to it, if it is known to the caller.
func (s *Store) known(ctx context.Context, conn querier, c *identity.Caller, law *agreement.Law, n record.Name) (row, agreement.Loaded, bool, error) {
	r, l, known, err := s.sighted(conn, c, law, n.Type, n.Full)
	if err == nil && known {
		err = s.complete(conn, c, law, n.Type, r, &l)
	}
	switch {
	case err != nil:
		return row{}, agreement.Loaded{}, false, unavailable(ctx, err)
	case !known:
		return row{}, agreement.Loaded{}, false, nil
	}
	return r, l, true, nil
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
	err = each(conn, sightQuery(linkColumns+", "+recordColumns, recordJoin, len(hs)),
		func(st result) error {
			addLink(&l, st, 0)
			if !known {
				known = true
				r, l.Epoch = rowAt(st, links, t, name), st.ColumnInt64(links+columns)
			}
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
			addLink(l, st, 0)
			return nil
		}, s.sightArgs(c, law, t, name, hs)...)
	inOrder(l)
	return known, err
}

// What a query of sight asks for: links, and with each the record and its epoch.
const (
	linkColumns   = "s.link, s.scope, s.via, s.until_time"
	links         = 4
	recordColumns = `r.case_name, r.subject, r.create_time, r.revision, r.header, r.envelope,
		(SELECT e.epoch FROM epochs e WHERE e.case_name = r.case_name)`
	columns    = 6
	recordJoin = "CROSS JOIN records r WHERE r.name = s.name AND"
)

// standsNow keeps the links that let a role know of a record now. One that does
// not let it know of such a record opens nothing of it and is left out. PostgreSQL
// takes what it cannot reckon for rarely equal and mostly unequal: taken for rare,
// a page would be found by sorting all that its holder knows of.
const standsNow = "s.visible = 1 AND (s.until_time = 0 OR s.until_time > ?) AND ((CAST(? AS BIGINT) >> s.link) & 1) <> 0"

// rowAt takes a record from recordColumns, which begin at a column.
func rowAt(st result, col int, t *record.Type, name string) row {
	return row{
		typ: t, name: name, caseName: st.ColumnText(col), subject: st.ColumnText(col + 1),
		created: st.ColumnInt64(col + 2), revision: st.ColumnInt64(col + 3), header: blob(st, col+4), envelope: blob(st, col+5),
	}
}

// sightQuery asks for a caller's links s to one record. The
// holders are rows: for a list after IN, SQLite makes a table at each asking.
func sightQuery(columns, join string, holders int) string {
	return "SELECT " + columns + " FROM (VALUES " + rows(holders) + ") h CROSS JOIN sight s " + join +
		" s.holder = h.column1 AND s.name = ? AND " + standsNow
}

func (s *Store) sightArgs(c *identity.Caller, law *agreement.Law, t *record.Type, name string, holders []any) []any {
	return append(holders, name, s.Clock().UnixMicro(), int64(law.Shelf(c.Role, t.Name)))
}

// addLink takes a link from linkColumns, which begin at a column.
func addLink(l *agreement.Loaded, st result, col int) {
	l.Standing.Links = append(l.Standing.Links, agreement.InForce{
		Link: jisrv1.Link(st.ColumnInt(col)), Scope: record.ClassSet(st.ColumnInt64(col + 1)), Via: st.ColumnText(col + 2),
	})
	keepUntil(l, st.ColumnInt64(col+3))
}

// inOrder gives links an order that does not depend on how they were found.
func inOrder(l *agreement.Loaded) {
	slices.SortFunc(l.Standing.Links, func(a, b agreement.InForce) int {
		return cmp.Or(cmp.Compare(a.Link, b.Link), strings.Compare(a.Via, b.Via))
	})
}

// keepUntil notes when the first of a standing's parts runs out.
func keepUntil(l *agreement.Loaded, until int64) {
	if at := term(until); !at.IsZero() && (l.Until.IsZero() || at.Before(l.Until)) {
		l.Until = at
	}
}

// term is the time that a column of terms holds; zero: there is none.
func term(until int64) time.Time {
	if until == 0 {
		return time.Time{}
	}
	return time.UnixMicro(until)
}

// complete adds to a standing what stands with the record: consents in force,
// where the role reads anything by consent, and authorship.
func (s *Store) complete(conn querier, c *identity.Caller, law *agreement.Law, t *record.Type, r row, l *agreement.Loaded) error {
	var given []consentInForce
	if law.ConsentClasses(c.Role) != 0 {
		if err := s.consents(conn, c, []string{r.subject}, func(f consentInForce) error {
			given = append(given, f)
			return nil
		}); err != nil {
			return err
		}
	}
	return stand(c, t, r, given, l)
}

// stand is complete for who has looked up the consents.
func stand(c *identity.Caller, t *record.Type, r row, given []consentInForce, l *agreement.Loaded) error {
	l.Header, l.Case = r.header, r.caseName
	for _, f := range given {
		l.Standing.Consented |= f.classes
		keepUntil(l, f.until)
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
// know of, the case first; for reading a whole file record by record. Below the case
// they are found as a list is: what is hidden there is not looked at.
func (s *Store) Names(ctx context.Context, c *identity.Caller, caseName string) (names []string, err error) {
	err = s.read(ctx, func(conn querier) error {
		names, err = s.namesIn(ctx, conn, c, caseName)
		return err
	})
	return names, err
}

func (s *Store) namesIn(ctx context.Context, conn querier, c *identity.Caller, caseName string) ([]string, error) {
	n, ok := record.ParseName(caseName)
	if !ok {
		return nil, fault.New(fault.NotFound)
	}
	if _, _, err := s.load(ctx, conn, c, c.Law, n); err != nil {
		return nil, err
	}
	names := []string{caseName}
	for _, typeName := range []string{"Victim", "Suspect", "Referral", "Consent", "Order", "Share"} {
		q := Query{Type: record.ByName(typeName), Parent: caseName}
		for after, more := (position{}), true; more; {
			found, further, err := s.names(conn, c, q, after, pageMax)
			if err != nil {
				return nil, unavailable(ctx, err)
			}
			for _, f := range found {
				names, after = append(names, f.name), f.position
			}
			more = further
		}
	}
	return names, nil
}
