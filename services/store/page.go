package store

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/identity"
	"github.com/jisr-exchange/jisr/services/record"
)

// onPage is a record of a page, with its place there.
type onPage struct {
	position
	*view
}

// page reads what lies after a place. Its names are found anew; what the caller
// has read before of the records is at hand, and only what is missing is read.
//
// What is at hand may be older than the names, and each of another moment. Links
// come and go by what is written in the case, and go by a term: a view within its
// terms whose epoch stands when Append looks is what would have been read along with
// the names. If one epoch does not stand, nothing of the page is released, nor the
// place where it ends, since whatever decided that is on the page.
//
// It ends early where what was read, hidden sections among it, is as long as a page.
func (s *Store) page(conn querier, c *identity.Caller, q Query, after position, most int) (found []onPage, more bool, err error) {
	found, more, err = s.names(conn, c, q, after, most)
	if err != nil {
		return nil, false, err
	}
	missing := s.recent.list(c, found, s.Clock())
	if len(missing) == 0 {
		return found, more, nil
	}
	read, full, err := s.readAll(conn, c, q.Type, missing)
	if err != nil {
		return nil, false, err
	}
	for i := range found {
		if found[i].view == nil {
			found[i].view = read[found[i].name]
		}
		if full && found[i].view == nil {
			return found[:i], true, nil
		}
	}
	// A name without a record has no place on a page.
	return slices.DeleteFunc(found, func(f onPage) bool { return f.view == nil }), more, nil
}

// names finds what the caller may know of after a place, one ordered range a
// holder, merged; and whether there may be more. Where several holders know of the
// same, it may find fewer than there are.
func (s *Store) names(conn querier, c *identity.Caller, q Query, after position, most int) (found []onPage, more bool, err error) {
	query, args, rows := s.namesQuery(c, q, after, most)
	if query == "" {
		return nil, false, nil
	}
	found = make([]onPage, 0, most)
	err = each(conn, query, func(st result) error {
		rows--
		at := position{st.ColumnInt64(0), st.ColumnText(1), st.ColumnText(2)}
		if len(found) > 0 && found[len(found)-1].position == at {
			return nil // another holder knows of it too
		}
		if len(found) == most {
			return errFull
		}
		found = append(found, onPage{position: at})
		return nil
	}, args...)
	switch {
	case errors.Is(err, errFull):
		return found, true, nil
	case rows == 0 && len(found) == most:
		// Whether another comes behind the last is not known. It is not the only one.
		return found[:most-1], true, err
	}
	return found, rows == 0, err
}

// namesQuery is empty where no link lets the caller know of anything in the list.
// rows bounds what it asks for, of which a file's reader takes no more than a page
// needs, and a server's all: a record is mostly known by two holders, its owner and
// its territory. It has room for one that all of them know and the next.
func (s *Store) namesQuery(c *identity.Caller, q Query, after position, most int) (query string, args []any, rows int) {
	set := c.Law.Shelf(c.Role, q.Type.Name)
	if q.State != 0 {
		set &= opening(c, q.StateClass) // a filter by what the caller may not see would be an oracle
	}
	if set == 0 {
		return "", nil, 0
	}
	now := s.Clock().UnixMicro()
	hs := holders(c)
	for _, h := range hs {
		args = append(args, h, q.Type.Name, after.created, after.sort, after.name, now, int64(set))
		if q.Parent != "" {
			args = append(args, q.Parent[:min(caseBytes, len(q.Parent))], q.Parent, q.Parent)
		}
		if q.State != 0 {
			args = append(args, q.State, int64(record.Classes(q.StateClass)))
		}
	}
	rows = min(len(hs), 2)*(most+1) + len(hs)
	return namesText(q, len(hs)), append(args, rows), rows
}

func namesText(q Query, holders int) string {
	one := holderNames(q)
	return one + strings.Repeat(" UNION ALL "+one, holders-1) + " ORDER BY t, o, n " + limit
}

// limit is no bare parameter: SQLite prepares a query anew whenever one is bound
// that its planner looks at, and it looks at that.
const limit = "LIMIT CAST(? AS BIGINT)"

// caseBytes is how long the name of a case is, with which the names of all that
// lies in it begin.
const caseBytes = len("cases/") + 26

// ofCases is in the words of the index of what lies in cases, which is followed by
// who asks for nothing else.
const ofCases = " AND s.type NOT IN ('Case', 'Notification', 'Delivery')"

// inCase keeps what lies in one case, and below a parent there: names of children
// begin with their parent's.
var inCase = fmt.Sprintf(" AND substr(s.name, 1, %d) = ? AND s.name > ? || '/' AND s.name < ? || '0'", caseBytes) + ofCases

// holderNames asks for what one holder knows of, everywhere or in one case, in the
// order in which it lies: what comes after a page is not looked at.
func holderNames(q Query) string {
	names := "SELECT DISTINCT s.create_time AS t, s.sort AS o, s.name AS n FROM sight s"
	if q.State != 0 {
		names += " JOIN records r ON r.name = s.name"
	}
	names += " WHERE s.holder = ? AND s.type = ? AND (s.create_time, s.sort, s.name) > (?, ?, ?) AND " + standsNow
	if q.Parent != "" {
		names += inCase
	}
	if q.State != 0 {
		names += " AND r.state = ? AND (s.scope & ?) <> 0"
	}
	return names
}

// readAll reads records that the caller may know of by their names, each with the
// caller's links to it, then the consents in force of all they are about; and keeps
// them. full says that some were left unread, which are not the first.
func (s *Store) readAll(conn querier, c *identity.Caller, t *record.Type, names []string) (read map[string]*view, full bool, err error) {
	hs := holders(c)
	room, named := inRoom(names)
	views := make([]*view, len(names))
	for i := range views {
		views[i] = &view{} // each by itself, since each is kept by itself
	}
	args := slices.Concat(hs, []any{s.Clock().UnixMicro(), int64(c.Law.Shelf(c.Role, t.Name))}, named)
	held := 0
	err = each(conn, recordsQuery(room, len(hs)), func(st result) error {
		if held >= pageBytes && views[0].row.typ != nil {
			return errFull
		}
		i := st.ColumnInt(0)
		v := views[i]
		v.row, v.loaded.Epoch = rowAt(st, 2, t, names[i]), st.ColumnInt64(2+columns)
		held += len(v.row.header) + len(v.row.envelope)
		return s.addLinks(&v.loaded, string(blob(st, 1)))
	}, args...)
	if full = errors.Is(err, errFull); err != nil && !full {
		return nil, false, err
	}
	views = slices.DeleteFunc(views, func(v *view) bool { return v.row.typ == nil || len(v.loaded.Standing.Links) == 0 })
	if err := s.completeAll(conn, c, views); err != nil {
		return nil, false, err
	}
	read = make(map[string]*view, len(views))
	for _, v := range views {
		if err := s.outline(c, v); err != nil {
			return nil, false, err
		}
		read[v.row.name] = v
		s.recent.put(keyOf(c, v.row.name), v, true)
	}
	return read, full, nil
}

// recordsQuery asks for so many records, each as one row with the caller's links to
// it. They are looked up for each by itself: joined with all the names, PostgreSQL
// would go through all that a holder knows of while sight has few rows, and keep to
// that plan when it has many.
func recordsQuery(names, holders int) string {
	return "SELECT p.column1, (SELECT string_agg(s.link || ' ' || s.scope || ' ' || s.until_time || ' ' || s.via, ',') FROM sight s WHERE s.name = p.column2 AND s.holder IN (" +
		placeholders(holders) + ") AND " + standsNow + "), " + recordColumns + " FROM (VALUES " + numberedRows(names) + ") p CROSS JOIN records r WHERE r.name = p.column2"
}

// addLinks takes links as recordsQuery writes them, and as they lie.
func (s *Store) addLinks(l *agreement.Loaded, written string) error {
	if written == "" {
		return nil
	}
	for one := range strings.SplitSeq(written, ",") {
		var numbers [3]int64
		for i := range numbers {
			number, rest, _ := strings.Cut(one, " ")
			n, err := strconv.ParseInt(number, 10, 64)
			if err != nil {
				return errLink
			}
			numbers[i], one = n, rest
		}
		l.Standing.Links = append(l.Standing.Links, agreement.InForce{
			Link: jisrv1.Link(numbers[0]), Scope: record.ClassSet(numbers[1]), Via: s.marks.name(strings.Clone(one)),
		})
		keepUntil(l, numbers[2])
	}
	return nil
}

var errLink = errors.New("store: a link that is not understood")

// completeAll is complete for several records.
func (s *Store) completeAll(conn querier, c *identity.Caller, views []*view) error {
	var subjects []string
	if c.Law.ConsentClasses(c.Role) != 0 {
		for _, v := range views {
			subjects = append(subjects, v.row.subject)
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
	for _, v := range views {
		inOrder(&v.loaded)
		if err := stand(c, v.row.typ, v.row, given[v.row.subject], &v.loaded); err != nil {
			return err
		}
	}
	return nil
}

// outline has the page make what goes out of a record before anything is opened, once
// for all who read it from what is kept. What the caller may not read of it has no
// part in where a page ends.
func (s *Store) outline(c *identity.Caller, v *view) (err error) {
	if v.loaded.Outline, err = s.Page.Outline(c, v.row.name, v.row.typ, v.loaded, v.row.envelope); err == nil {
		v.readable = v.loaded.Outline.Readable()
	}
	return err
}
