package move

import (
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"strconv"
	"time"

	"github.com/jisr-exchange/jisr/services/postgres"
)

// State is where the exchange of a database is; empty where it is simply there.
type State string

const (
	// Arriving says that a copy is not finished: no node serves it.
	Arriving State = "arriving"
	// Arrived says that a copy was finished and compared; it is served.
	Arrived State = "arrived"
	// Left says that the exchange was moved away: no node serves what is left.
	Left State = "left"
)

// Mark is what a database says of a move.
type Mark struct {
	ID     string // of the move; both ends have the same
	State  State
	Origin string // which exchange it is
	Place  string // the other end
	Time   time.Time
}

// MarkQuery asks a database for its mark: state, place and time in microseconds
// since 1970; no row where there is none.
const MarkQuery = "SELECT state, place, time FROM moved"

// markTable is the table of the mark, which every component's schema has and which is never copied.
const markTable = "moved"

// Refuse says why a database with a mark may not be served, or nothing.
func Refuse(component, state, place string, micros int64) error {
	m := Mark{State: State(state), Place: place, Time: time.UnixMicro(micros)}
	switch m.State {
	case "", Arrived:
		return nil
	case Arriving:
		return &Refusal{fmt.Sprintf("the %s is an unfinished copy of %s", component, m.Place), "run jisr migrate again, which finishes it"}
	}
	return &Refusal{fmt.Sprintf("the exchange of this %s was moved, %s", component, m.when()),
		"serve it from there; jisr migrate --help says how a move is taken back"}
}

func (m Mark) when() string {
	return "to " + m.Place + " on " + m.Time.UTC().Format("2006-01-02 at 15:04 UTC")
}

// Place names a database for people, without a role or a password.
func Place(database string) string {
	if !postgres.IsURL(database) {
		if path, err := filepath.Abs(database); err == nil {
			return path
		}
		return database
	}
	u, err := url.Parse(database)
	if err != nil {
		return "a database of PostgreSQL"
	}
	q := u.Query()
	host, port, name := u.Hostname(), u.Port(), u.Path
	if h := q.Get("host"); h != "" {
		host = h
	}
	if p := q.Get("port"); p != "" {
		port = p
	}
	if n := q.Get("dbname"); n != "" {
		name = "/" + n
	}
	if n, err := strconv.Atoi(port); err == nil && n > 0 {
		host = net.JoinHostPort(host, port)
	}
	return "postgres://" + host + name
}
