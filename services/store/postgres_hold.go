package store

import (
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/jisr-exchange/jisr/services/record"
)

// hold locks the row of a record's case. A record that lies in no case has no
// such row, and its revision alone is its fence.
func (c *pgConn) hold(name string, holders ...any) func(string) error {
	n, ok := record.ParseName(name)
	key, query := n.Case, "SELECT 1 FROM epochs WHERE case_name = ?"
	if key == "" {
		key, query = name, "SELECT 1 FROM epochs WHERE case_name = (SELECT case_name FROM records WHERE name = ?)"
	}
	if ok && !c.held[key] {
		args := []any{key}
		if len(holders) > 0 {
			query += " AND EXISTS (SELECT 1 FROM sight WHERE name = ? AND visible = 1 AND holder IN (" + placeholders(len(holders)) + "))"
			args = append(append(args, name), holders...)
		}
		query += " FOR UPDATE"
		if !c.first || len(c.needs) > 0 {
			query += " NOWAIT"
		}
		c.needs = append(c.needs, need{name, holders})
		c.queue(query, args...).Exec(func(tag pgconn.CommandTag) error {
			if tag.RowsAffected() > 0 {
				c.held[key] = true
				c.holding = append(c.holding, key)
			}
			return nil
		})
	}
	return func(caseName string) error {
		if caseName != "" && !c.held[key] {
			return errBehind // somebody made the link while the case was asked for
		}
		return nil
	}
}

// need is a record whose case a call has asked for, and through whose link; for the
// exchange's own act through nobody's.
type need struct {
	name    string
	holders []any
}

// holdAll holds the cases that a call has turned out to need, in one order: those
// who wait for several all wait in the same. It holds none that the call was not let
// hold before: a caller may have named what is hidden from it, and how long it waits
// must not tell that somebody is at work there.
func (c *pgConn) holdAll(needs []need) {
	var args []any
	of := make([]string, len(needs))
	for i, n := range needs {
		of[i] = "SELECT r.case_name FROM records r WHERE r.name = ?"
		args = append(args, n.name)
		if len(n.holders) > 0 {
			of[i] += " AND EXISTS (SELECT 1 FROM sight WHERE name = ? AND visible = 1 AND holder IN (" + placeholders(len(n.holders)) + "))"
			args = append(append(args, n.name), n.holders...)
		}
	}
	c.queue("SELECT case_name FROM epochs WHERE case_name IN ("+strings.Join(of, " UNION ALL ")+") ORDER BY case_name FOR UPDATE", args...).Query(func(r pgx.Rows) error {
		for r.Next() {
			key := pgRow{r.RawValues(), c.marks}.ColumnText(0)
			c.held[key] = true
			c.holding = append(c.holding, key)
		}
		return r.Err()
	})
}
