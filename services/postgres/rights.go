package postgres

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// Rights are what a role needs to serve from a database: the text by which operators
// grant it, read back, so that there is no second list.
type Rights struct {
	file                        string
	objects, columns, privilege []string // one line of each for each right; no column: of all of the object
}

var (
	grantLine = regexp.MustCompile(`(?m)^GRANT ([^;]+) ON ([^;]+) TO ([^;]+);`)
	granted   = regexp.MustCompile(`([A-Z]+)(?: \(([a-z_, ]+)\))?`)
	ofTables  = regexp.MustCompile(`^(?:SEQUENCE )?([a-z_]+(?:, [a-z_]+)*)$`)
)

// ReadRights reads what a file of deploy/postgres grants to a role. What stands in a
// block of its own there depends on the server, and a node does without it.
func ReadRights(file, text, role string) (Rights, error) {
	r := Rights{file: file}
	for _, line := range grantLine.FindAllStringSubmatch(text, -1) {
		if !slices.Contains(strings.Split(line[3], ", "), role) || line[2] == "SCHEMA public" {
			continue // without the schema nothing is found at all, which whoever asks is told
		}
		on := ofTables.FindStringSubmatch(line[2])
		if on == nil {
			return r, fmt.Errorf("postgres: %s grants something that is not understood: %s", file, line[0])
		}
		for _, object := range strings.Split(on[1], ", ") {
			for _, p := range granted.FindAllStringSubmatch(line[1], -1) {
				for _, column := range strings.Split(p[2], ", ") {
					r.objects, r.columns, r.privilege = append(r.objects, object), append(r.columns, column), append(r.privilege, p[1])
				}
			}
		}
	}
	if len(r.objects) == 0 {
		return r, fmt.Errorf("postgres: %s grants nothing to %s", file, role)
	}
	return r, nil
}

// Part are the rights to those objects of which something is so, and the others.
func (r Rights) Part(is func(object string) bool) (those, others Rights) {
	those.file, others.file = r.file, r.file
	for i, object := range r.objects {
		to := &others
		if is(object) {
			to = &those
		}
		to.objects, to.columns, to.privilege = append(to.objects, object), append(to.columns, r.columns[i]), append(to.privilege, r.privilege[i])
	}
	return those, others
}

// lackingQuery asks for the rights that the role of the connection does not have. It
// reads no table but the server's own, a row for each right. What is not there has
// been dropped by a newer program, which then said that this one does without it.
const lackingQuery = `SELECT r.privilege || CASE WHEN r.col = '' THEN '' ELSE ' (' || r.col || ')' END || ' ON ' || r.object
	FROM unnest($1::text[], $2::text[], $3::text[]) r(object, col, privilege)
	JOIN pg_class c ON c.oid = to_regclass('public.' || r.object)
	LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = r.col AND NOT a.attisdropped
	WHERE NOT CASE
		WHEN c.relkind = 'S' THEN has_sequence_privilege(c.oid, r.privilege)
		WHEN r.col = '' THEN has_table_privilege(c.oid, r.privilege)
		ELSE has_column_privilege(c.oid, a.attnum, r.privilege) END`

// Asker is a connection, a transaction or a pool.
type Asker interface {
	Query(ctx context.Context, query string, args ...any) (pgx.Rows, error)
}

// Held fails with Lacking if the role of a connection does not have all of the rights.
func (r Rights) Held(ctx context.Context, db Asker) error {
	rows, err := db.Query(ctx, lackingQuery, r.objects, r.columns, r.privilege)
	if err != nil {
		return err
	}
	lacking, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(lacking) == 0 {
		return err
	}
	slices.Sort(lacking)
	return Lacking{file: r.file, rights: lacking}
}

// Lacking are the rights that a role has lost, or was never given.
type Lacking struct {
	file   string
	rights []string
}

func (l Lacking) Error() string {
	return "postgres: the role in the URL lacks rights that a node needs: " + strings.Join(l.rights, "; ") +
		": run " + l.file + " in the database, as its owner"
}

// SQLState is the code by which the server would refuse what the rights are for.
func (Lacking) SQLState() string { return "42501" }
