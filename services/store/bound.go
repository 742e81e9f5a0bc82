package store

import (
	"errors"
	"fmt"

	"github.com/jisr-exchange/jisr/services/keyring"
)

// errOtherKeyring says that what lies in a database has its names by another keyring.
var errOtherKeyring = errors.New("store: the database belongs to another keyring: name the one that it was filled with; a backup of the database goes with the keyring of today, and not with a new one")

// bind binds a new database to a keyring, and refuses one that is bound to another:
// nothing would be found in it, and an exchange that has everything would say that it
// has nothing.
func bind(conn querier, ring *keyring.Ring) error {
	if ring == nil {
		return nil
	}
	ours := fmt.Sprintf("%x", ring.Secret("database"))
	bound := func() (to string, err error) {
		err = each(conn, "SELECT value FROM bound", func(r result) error {
			to = r.ColumnText(0)
			return nil
		})
		return to, err
	}
	to, err := bound()
	if err == nil && to == "" {
		// Of several nodes that do so at once one succeeds.
		if err = exec(conn, "INSERT INTO bound(id, value) VALUES('keyring', ?) ON CONFLICT DO NOTHING", ours); err == nil {
			to, err = bound()
		}
	}
	switch {
	case err != nil:
		return fmt.Errorf("store: by which keyring it has its names: %w", err)
	case to != ours:
		return errOtherKeyring
	}
	return nil
}
