// Package postgres opens a PostgreSQL database as the exchange demands it, and
// brings its schema to the program's. A server that would lose what it
// acknowledged, tell its log what it was given, or answer from yesterday is
// refused with what is wrong and what to do, at the start and on each new connection.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	// statements is how many a connection keeps prepared: more than there are texts in the program.
	statements = 512
	// connectTimeout is how long one server is tried, where the URL names no other
	// time; a node that is gone must not hold a call until its own end.
	connectTimeout = 5 * time.Second
	// lifetime is how long a connection is used: the server's processes keep what
	// they have cached, and a server that came back gets its share again.
	lifetime = 30 * time.Minute
	// abandoned is after what time the server gives up a transaction whose node says
	// nothing more: rows that a node locked which then lost its power or its line
	// would stay locked for the hours that TCP takes to notice.
	abandoned = "15s"
)

// Options say what is demanded of a database beyond what always is.
type Options struct {
	// Application is how the server calls the connections in pg_stat_activity and in its log.
	Application string
	// Program is the number of the program that serves from the database, where one
	// does: its connections tell it behind their name, and no step that would shut it
	// out is made meanwhile.
	Program int
	// Connections bounds the pool.
	Connections int
	// SurvivesNode demands that what is committed survives the loss of a database
	// node: a commit waits for a standby.
	SurvivesNode bool
	// Terms, where given, keeps connections to one primary and not to the one before:
	// one for all pools of a node to a database.
	Terms *Terms
	// Lookups says that every statement looks up a few rows of tables that grow.
	Lookups bool
	// Forgetful takes a server that does not wait for its disk. For tests whose
	// database nobody needs after them.
	Forgetful bool
	// Indexed has each of them go from row to row of an index, by one plan for all parameters.
	Indexed bool
}

// IsURL reports whether a database is named as a PostgreSQL URL; it is a path else.
func IsURL(database string) bool {
	_, ok := scheme(database)
	return ok
}

// Open opens a pool of connections to the database that url names, if it is all
// that is demanded of it. The error never tells the password.
//
// Statements go by the extended protocol, so that a value is never part of a
// text; those without parameters go as they are. Each connection has the settings
// of session, whatever the server's, the database's or the role's are.
func Open(ctx context.Context, url string, o Options) (*pgxpool.Pool, error) {
	if o.Connections < 1 {
		return nil, errors.New("postgres: refusing to open without a bound on the number of connections")
	}
	config, err := configure(url, o)
	if err != nil {
		return nil, err
	}
	config.MaxConns = int32(min(o.Connections, 10_000))
	config.MaxConnLifetime, config.MaxConnLifetimeJitter = lifetime, lifetime/3
	config.PingTimeout = connectTimeout
	config.PrepareConn = func(_ context.Context, conn *pgx.Conn) (bool, error) { return Led(conn.PgConn()).Err() == nil, nil }
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, explain(err, config.ConnConfig)
	}
	if err := Check(ctx, pool, o); err != nil {
		pool.Close()
		return nil, err
	}
	return pool, nil
}

// Connect opens one connection as those of a pool are, for who holds it as long
// as it lasts.
func Connect(ctx context.Context, url string, o Options) (*pgx.Conn, error) {
	config, err := configure(url, o)
	if err != nil {
		return nil, err
	}
	conn, err := pgx.ConnectConfig(ctx, config.ConnConfig)
	if err != nil {
		return nil, explain(err, config.ConnConfig)
	}
	return conn, nil
}

// configure says how connections are made.
func configure(url string, o Options) (*pgxpool.Config, error) {
	if o.Application == "" {
		return nil, errors.New("postgres: refusing to open without a name for the connections")
	}
	config, err := parse(url)
	if err != nil {
		return nil, err
	}
	c := config.ConnConfig
	c.DefaultQueryExecMode, c.StatementCacheCapacity = pgx.QueryExecModeCacheStatement, statements
	c.RuntimeParams = session(o) // all of them: PGOPTIONS names none
	if c.ConnectTimeout == 0 {
		c.ConnectTimeout = connectTimeout
	}
	c.OnNotice, c.DialFunc = note, dial
	c.ValidateConnect = func(ctx context.Context, conn *pgconn.PgConn) error { return examine(ctx, conn, o) }
	return config, nil
}

// serving is the name of a connection, with the number of the program that serves by it.
func serving(o Options) string {
	if o.Program == 0 {
		return o.Application
	}
	return fmt.Sprintf("%s (schema %d)", o.Application, o.Program)
}

// session are the settings of every connection.
func session(o Options) map[string]string {
	settings := map[string]string{
		"application_name": serving(o),
		"client_encoding":  "UTF8",
		// Only the house's own tables; what a session makes for itself comes last.
		"search_path": "public, pg_temp",
		// An acknowledged commit is on the disk, and on a standby's where there is one to wait for.
		"synchronous_commit": "on",
		// What must hold is held by conditions and unique constraints, and tried again by
		// none of the callers.
		"default_transaction_isolation": "read committed",
		// To compile a statement takes longer than to run one of the exchange's, and what a
		// server believes of tables that it has not counted yet can have it do so.
		"jit": "off",
		// A commit is cut off by nothing; reads end with their call.
		"statement_timeout":                   "0",
		"idle_in_transaction_session_timeout": abandoned,
		"standard_conforming_strings":         "on",
		"log_parameter_max_length_on_error":   "0",
	}
	if o.Lookups {
		// A connection keeps the plan of a statement. One that was made while a table had
		// hardly a row would go through all of it when it has many.
		settings["enable_seqscan"] = "off"
	}
	if o.Indexed {
		// What a statement costs must not turn with what was counted from what is asked
		// for to what there is.
		for _, way := range []string{"enable_bitmapscan", "enable_hashjoin", "enable_mergejoin"} {
			settings[way] = "off"
		}
		settings["plan_cache_mode"] = "force_generic_plan"
	}
	return settings
}
