package postgres

import (
	"context"
	"strconv"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Terms are those of the primaries that a node has met. A standby that is promoted
// begins a new timeline of the log, whose number is the next one: by it a primary is
// told from the one before, which may live on, take connections and answer from the
// past. A node that has met the newer one has nothing more to do with the older.
// What it has not met it cannot know: Look has it meet all that its URL names.
type Terms struct {
	mu     sync.Mutex
	newest int64
	led    context.Context // ends when a newer one is met
	end    context.CancelFunc
}

// termQuery asks for the timeline of a primary; a standby has none of its own.
const termQuery = "CASE WHEN pg_is_in_recovery() THEN '' ELSE left(pg_walfile_name(pg_current_wal_insert_lsn()), 8) END"

// left is said of a server in whose place another one was promoted.
const left = "another server was promoted in the place of this one, which lives on: end it, or make it a standby of the other"

// met is what a connection knows of its server.
type met struct {
	terms *Terms
	term  int64
}

const metKey = "jisr: the term of the server"

// meet notes whose connection it is, and reports whether no newer primary is known.
func (t *Terms) meet(conn *pgconn.PgConn, timeline string) bool {
	term, err := strconv.ParseInt(timeline, 16, 64)
	if t == nil || err != nil {
		return true
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if term > t.newest {
		if t.end != nil {
			t.end()
		}
		t.newest = term
		t.led, t.end = context.WithCancel(context.Background())
	}
	conn.CustomData()[metKey] = met{t, term}
	return term == t.newest
}

// Term is that of the server of a connection; 0 where nobody has asked.
func Term(conn *pgconn.PgConn) int64 {
	m, _ := conn.CustomData()[metKey].(met)
	return m.term
}

// Led is a context that ends when the server of a connection is known to have been
// left for another one.
func Led(conn *pgconn.PgConn) context.Context {
	m, ok := conn.CustomData()[metKey].(met)
	if !ok {
		return context.Background()
	}
	m.terms.mu.Lock()
	defer m.terms.mu.Unlock()
	if m.term == m.terms.newest {
		return m.terms.led
	}
	gone, end := context.WithCancel(context.Background())
	end()
	return gone
}

// lookEvery is how often a node looks for a primary that was promoted while it still
// talks to the one before.
const lookEvery = 5 * time.Second

// LookAround meets, until ctx ends, every server that a URL names; where it names but
// one, the node hears of another by being led there.
func LookAround(ctx context.Context, url string, o Options) {
	if config, err := parse(url); err != nil || len(servers(config.ConnConfig)) < 2 {
		return
	}
	o.Application += " look"
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		_ = Look(ctx, url, o) // the URL is understood
	}
}

// Look meets every server that a URL names. Who is not reached is no concern of it.
func Look(ctx context.Context, url string, o Options) error {
	config, err := configure(url, o)
	if err != nil {
		return err
	}
	for _, ways := range servers(config.ConnConfig) {
		one := config.ConnConfig.Copy()
		one.Host, one.Port, one.TLSConfig, one.Fallbacks = ways[0].Host, ways[0].Port, ways[0].TLSConfig, ways[1:]
		if conn, err := pgx.ConnectConfig(ctx, one); err == nil {
			_ = conn.Close(ctx) // the server ends what is not closed well
		}
	}
	return nil
}

// servers are those that a configuration names, each with the ways to it, with TLS
// and without.
func servers(c *pgx.ConnConfig) (all [][]*pgconn.FallbackConfig) {
	for _, f := range append([]*pgconn.FallbackConfig{{Host: c.Host, Port: c.Port, TLSConfig: c.TLSConfig}}, c.Fallbacks...) {
		if last := len(all) - 1; last >= 0 && all[last][0].Host == f.Host && all[last][0].Port == f.Port {
			all[last] = append(all[last], f)
			continue
		}
		all = append(all, []*pgconn.FallbackConfig{f})
	}
	return all
}
