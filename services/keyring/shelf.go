package keyring

import (
	"context"
	"errors"

	"github.com/jisr-exchange/jisr/services/postgres"
)

// shelf keeps wrapped keys. A file and PostgreSQL do, and one suite of tests
// runs on both.
type shelf interface {
	// look reads a wrapped key, nil where there is none, and the generation of the
	// same moment.
	look(ctx context.Context, id string) (wrapped []byte, g generation, err error)
	// change adds keys and removes others, all or nothing, and returns when that is
	// durable and every later look tells it. Asked to change nothing, it finds out
	// whether the shelf is the one that was opened and takes a change.
	change(ctx context.Context, add []key, remove []string) (removed int, err error)
	close() error
}

// key is a wrapped key as it stands on the shelf.
type key struct {
	id      string
	wrapped []byte
}

// The statements are one text for both shelves. That every deletion makes another
// generation is the database's own doing, so that one by hand is heard of, too.
const (
	lookQuery   = "SELECT r.id, r.generation, k.wrapped FROM ring r LEFT JOIN keys k ON k.id = $1"
	ringQuery   = "SELECT id FROM ring"
	addQuery    = "INSERT INTO keys(id, wrapped) VALUES($1, $2)"
	removeQuery = "DELETE FROM keys WHERE id = $1"
	// probeQuery changes nothing, and has to be written all the same.
	probeQuery = "UPDATE ring SET generation = generation"
)

// errGone says that the keyring is not where it was opened. What is written to
// one that nobody finds again is lost with the process.
var errGone = errors.New("the keyring is gone or is another one: put it back and restart")

// errUnclear says that a commit was cut off: what was to change may have changed.
var errUnclear = errors.New("the commit was cut off")

// Demand is what a keyring's database must be beyond what is always demanded of one.
type Demand func(*postgres.Options)

// SurvivesNode demands that keys survive the loss of a database node.
func SurvivesNode(o *postgres.Options) { o.SurvivesNode = true }

// Forgetful takes a server that does not wait for its disk, for tests.
func Forgetful(o *postgres.Options) { o.Forgetful = true }

// openShelf opens the shelf at a path or a URL; shared says whether other nodes
// may use it at the same time.
func openShelf(place string, demands []Demand) (s shelf, shared bool, err error) {
	if !postgres.IsURL(place) {
		s, err = openFile(place)
		return s, false, err
	}
	o := postgres.Options{Application: "jisr keyring", Connections: connections}
	for _, demand := range demands {
		demand(&o)
	}
	s, err = openServed(context.Background(), place, o)
	return s, true, err
}
