package store

import (
	"errors"
	"fmt"
	"strings"

	"github.com/jisr-exchange/jisr/services/keyring"
)

// errOtherKeyring says that what lies in a database has its names by another keyring.
var errOtherKeyring = errors.New("store: the database belongs to another keyring: name the one that it was filled with, and look whether its volume is mounted (where no keyring is, a new one is made); a backup of the database goes with the keyring of today; a new keyring goes with a new database")

// unbound says what to do where a database cannot be asked for its keyring.
func unbound(err error) string {
	switch {
	case sqlState(err) == "42501":
		return "its schema is newer than the rights: run deploy/postgres/exchange.sql"
	case sqlState(err) == "42P01", strings.Contains(err.Error(), "no such table"):
		return "it was made by a program from before the first release, whose names lead nowhere here: serve it by that one, or begin with a new one"
	}
	return "by which keyring it has its names"
}

// bond is what a database says of the keyring that it is bound to.
func bond(keys interface{ Secret(use string) []byte }) string {
	return fmt.Sprintf("%x", keys.Secret("database"))
}

// boundTo asks a database for its bond; empty where it is new.
func boundTo(conn querier) (to string, err error) {
	err = each(conn, "SELECT value FROM bound WHERE id = 'keyring'", func(r result) error {
		to = r.ColumnText(0)
		return nil
	})
	if err != nil {
		err = fmt.Errorf("store: the database: %s: %w", unbound(err), err)
	}
	return to, err
}

// bind binds a new database to a keyring, and refuses one that is bound to another:
// nothing would be found in it, and an exchange that has everything would say that it
// has nothing.
func bind(conn querier, ring *keyring.Ring) error {
	if ring == nil {
		return nil
	}
	ours := bond(ring)
	to, err := boundTo(conn)
	if err == nil && to == "" {
		// Of several nodes that do so at once one succeeds.
		if err = exec(conn, "INSERT INTO bound(id, value) VALUES('keyring', ?) ON CONFLICT DO NOTHING", ours); err == nil {
			to, err = boundTo(conn)
		}
	}
	if err == nil && to != ours {
		err = errOtherKeyring
	}
	return err
}
