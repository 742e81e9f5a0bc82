package peer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// servedRow is a row of a PostgreSQL database that the exchange wrote.
type servedRow struct {
	table   string
	columns []column
	// altered says that the row was there, and that some columns of it were changed.
	altered bool
}

// column is a value of a row.
type column struct {
	name    string
	value   any
	key     bool // part of the row's key
	own     bool // given by the database
	changed bool
}

// exchanged lets the exchange make one change of a kind on a laid directory, and
// returns the rows that it added or altered: first the log's entry, whose number
// others name.
func exchanged(ctx context.Context, dir string, prepare func(*Shelf) (func() error, error)) (url string, rows []servedRow, err error) {
	at, err := databases(dir)
	if err != nil {
		return "", nil, err
	}
	s, err := OpenShelf(dir)
	if err != nil {
		return "", nil, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	change, err := prepare(s)
	if err != nil {
		return "", nil, err
	}
	conn, err := pgx.Connect(ctx, at.Records)
	if err != nil {
		return "", nil, err
	}
	defer conn.Close(ctx)
	before, err := everyRow(ctx, conn)
	if err != nil {
		return "", nil, err
	}
	if err := change(); err != nil {
		return "", nil, err
	}
	after, err := everyRow(ctx, conn)
	if err != nil {
		return "", nil, err
	}
	for key, r := range after {
		old, there := before[key]
		r.altered = there
		for i := range r.columns {
			r.columns[i].changed = !there || fmt.Sprint(r.columns[i].value) != fmt.Sprint(old.columns[i].value)
		}
		if slices.ContainsFunc(r.columns, func(c column) bool { return c.changed }) {
			rows = append(rows, r)
		}
	}
	slices.SortFunc(rows, func(a, b servedRow) int { return strings.Compare(a.order(), b.order()) })
	return at.Records, rows, nil
}

// logged is the table of the log's entries.
const logged = "log_entries"

// order is the log's entry first, then what is added, then what is altered, each by its table.
func (r servedRow) order() string {
	return fmt.Sprint(r.table != logged, r.altered, r)
}

// everyRow reads all of a small database, by table and key.
func everyRow(ctx context.Context, conn *pgx.Conn) (map[string]servedRow, error) {
	described, err := conn.Query(ctx, `SELECT c.relname::text, a.attname::text, a.attidentity <> '', COALESCE(a.attnum = ANY(i.indkey), false)
		FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
			LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
		WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace ORDER BY c.relname, a.attnum`)
	if err != nil {
		return nil, err
	}
	tables := make(map[string][]column)
	var table string
	var c column
	if _, err := pgx.ForEachRow(described, []any{&table, &c.name, &c.own, &c.key}, func() error {
		tables[table] = append(tables[table], c)
		return nil
	}); err != nil {
		return nil, err
	}
	all := make(map[string]servedRow)
	for table, columns := range tables {
		rows, err := conn.Query(ctx, "SELECT * FROM "+table)
		if err != nil {
			return nil, err
		}
		for rows.Next() {
			values, err := rows.Values()
			if err != nil {
				return nil, err
			}
			r, key := servedRow{table: table, columns: slices.Clone(columns)}, table
			for i, v := range values {
				r.columns[i].value = v
				if r.columns[i].key {
					key += fmt.Sprint(" ", v)
				}
			}
			all[key] = r
		}
		if err := rows.Err(); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// standing is how many rows there are of each that a change alters: of each kind
// as many cases, of which a change takes one.
const standing = 10_000

// altered are the ids by which altered rows are found.
func altered(rows []servedRow) map[string]bool {
	found := make(map[string]bool)
	for _, r := range rows {
		for _, c := range r.columns {
			if text, ok := c.value.(string); ok && r.altered && c.key {
				for _, id := range ids.FindAllString(text, -1) {
					found[id] = true
				}
			}
		}
	}
	return found
}

// stand puts the rows in place that changes are to alter, so many of each.
func stand(ctx context.Context, url string, rows []servedRow) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	in := altered(rows)
	for _, r := range rows {
		if !r.altered {
			continue
		}
		var values []string
		for _, c := range r.columns {
			values = append(values, literal(c.value, func(id string) string {
				if in[id] {
					return "n::text"
				}
				return quote(id[len(short):])
			}))
		}
		if _, err := conn.Exec(ctx, fmt.Sprintf("INSERT INTO %s SELECT %s FROM generate_series(%d::bigint, %d) n",
			r.table, strings.Join(values, ","), first, first+standing-1)); err != nil {
			return err
		}
	}
	_, err = conn.Exec(ctx, "VACUUM ANALYZE")
	return err
}

// Ids under which rows are written anew: letters and a number of nineteen digits.
const (
	short       = "aaaaaaa"
	first int64 = 1e18
)

// literal is a value in SQL, with what stands for each id in it.
func literal(value any, id func(string) string) string {
	switch v := value.(type) {
	case string:
		var parts []string
		at := 0
		for _, span := range ids.FindAllStringIndex(v, -1) {
			parts = append(parts, quote(v[at:span[0]]+short), id(v[span[0]:span[1]]))
			at = span[1]
		}
		if rest := v[at:]; rest != "" || at == 0 {
			parts = append(parts, quote(rest))
		}
		return strings.Join(parts, " || ")
	case []byte:
		return fmt.Sprintf(`'\x%x'`, v)
	default:
		return fmt.Sprint(v)
	}
}

// quote writes a text without a colon, at which pgbench would look for a variable.
func quote(text string) string {
	return "E'" + strings.NewReplacer(`\`, `\\`, "'", `\'`, ":", `\x3a`).Replace(text) + "'"
}
