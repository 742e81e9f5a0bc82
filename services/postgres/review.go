package postgres

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"slices"

	"github.com/jackc/pgx/v5/pgxpool"
)

// ReviewURL says what is wrong with a URL, asking no server: Refusals, or nothing.
func ReviewURL(database string) error {
	_, err := parse(database)
	return err
}

// HoldsPassword reports whether a URL holds a password itself, or may hold one.
func HoldsPassword(database string) bool {
	u, err := url.Parse(database)
	if err != nil {
		return true
	}
	_, there := u.User.Password()
	return there || u.Query().Has("password")
}

// PrivateFiles are the files that a URL, or the environment beside it, names and
// that nobody but their owner may read: of passwords, and of a client's key.
func PrivateFiles(database string) []string {
	var files []string
	u, err := url.Parse(database)
	if err != nil {
		return nil
	}
	for key, variable := range map[string]string{"passfile": "PGPASSFILE", "sslkey": "PGSSLKEY"} {
		name := u.Query().Get(key)
		if name == "" {
			name = os.Getenv(variable)
		}
		if name != "" {
			files = append(files, name)
		}
	}
	slices.Sort(files)
	return files
}

// Same reports whether two URLs name one database, as far as they tell.
func Same(one, other string) bool {
	a, err := parse(one)
	if err != nil {
		return false
	}
	b, err := parse(other)
	if err != nil || a.ConnConfig.Database != b.ConnConfig.Database {
		return false
	}
	servers := func(c *pgxpool.Config) (all []string) {
		all = append(all, fmt.Sprint(c.ConnConfig.Host, " ", c.ConnConfig.Port))
		for _, f := range c.ConnConfig.Fallbacks {
			all = append(all, fmt.Sprint(f.Host, " ", f.Port))
		}
		return all
	}
	theirs := servers(b)
	return slices.ContainsFunc(servers(a), func(s string) bool { return slices.Contains(theirs, s) })
}

// Review asks a server whether a database is all that is demanded of it, and
// whether this program can run on its schema. It makes and changes nothing. ask,
// where given, is asked on a schema that is there.
func Review(ctx context.Context, database string, o Options, m Migrations, ask func(context.Context, *pgxpool.Pool) error) error {
	pool, err := Open(ctx, database, o)
	if err != nil {
		return err
	}
	defer pool.Close()
	at, err := stands(ctx, pool)
	if err != nil {
		return err
	}
	if err := m.refuse(at); err != nil {
		return err
	}
	if len(m.missing(at)) > 0 {
		var may bool
		if err := pool.QueryRow(ctx, "SELECT has_schema_privilege('public', 'CREATE')").Scan(&may); err != nil {
			return err
		}
		if !may {
			return Refusals{fmt.Sprintf("the database has schema %d and this program needs %d, which its role may not make: %s", at.schema, m.Program(), asOwner)}
		}
	}
	if at.schema == 0 || ask == nil {
		return nil
	}
	return ask(ctx, pool)
}

// asOwner is what to do about a schema that a node's role may not change.
const asOwner = "run jisrd --schema once with a configuration whose URL names the role that owns the database"

// Upgrade opens a database and brings its schema to this program's.
func Upgrade(ctx context.Context, database string, o Options, m Migrations) error {
	pool, err := Open(ctx, database, o)
	if err != nil {
		return err
	}
	defer pool.Close()
	return Migrate(ctx, pool, m)
}
