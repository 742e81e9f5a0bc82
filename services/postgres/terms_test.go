package postgres

import (
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/jisr-exchange/jisr/services/postgres/throwaway"
)

// Two servers of one database take connections and writes: the one that was promoted,
// and the one in whose place it was.
func TestWhoHasMetThePromotedServerHasNothingMoreToDoWithTheOneBefore(t *testing.T) {
	c := throwaway.Durable(t)
	u := c.Database(t)
	s := c.Standby(t)
	at := func(hosts string) string {
		return strings.Replace(u, url.QueryEscape(c.Folder()), url.QueryEscape(hosts), 1)
	}
	promoted, both := at(s.Folder()), at(c.Folder()+","+s.Folder())
	open := func(database string, terms *Terms) *pgxpool.Pool {
		o := plain
		o.Terms = terms
		return opened(t, database, o)
	}
	terms := &Terms{}
	before := open(u, terms)
	held, err := before.Acquire(t.Context())
	must(t, err)
	led := Led(held.Conn().PgConn())
	o := plain
	o.Terms = terms
	must(t, Look(t.Context(), both, o)) // a standby is in nobody's place
	must(t, s.Promote())
	must(t, s.Set("full_page_writes", "off"))
	must(t, Look(t.Context(), both, o)) // nor is one that is refused
	if led.Err() != nil {
		t.Error("a server is left before anybody has met another one")
	}
	must(t, s.Set("full_page_writes", "on"))
	must(t, Look(t.Context(), both, o))
	if led.Err() == nil || Led(held.Conn().PgConn()).Err() == nil {
		t.Error("what waits for the one before goes on waiting")
	}
	held.Release()
	if _, err := before.Exec(t.Context(), "SELECT 1"); err == nil || !strings.Contains(err.Error(), left) {
		t.Errorf("a pool that knows the one before alone is answered %v", err)
	}
	// Of several the right one is found, wherever it is named.
	for _, pool := range []*pgxpool.Pool{open(promoted, terms), open(both, terms)} {
		var timeline string
		must(t, pool.QueryRow(t.Context(), "SELECT "+termQuery).Scan(&timeline))
		if timeline != "00000002" {
			t.Errorf("a connection is to the server of timeline %s", timeline)
		}
	}
	// Control: who has not met it takes the first that there is.
	var timeline string
	must(t, open(both, &Terms{}).QueryRow(t.Context(), "SELECT "+termQuery).Scan(&timeline))
	if timeline != "00000001" {
		t.Errorf("without anything known the server of timeline %s is taken", timeline)
	}
}
