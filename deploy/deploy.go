// Package deploy holds what operators run beside the exchange, as far as the
// exchange reads it itself: what it needs is said once.
package deploy

import _ "embed" // for the files below

// Exchange is exchange.sql, by which a node's role is given what it needs in the
// database of the cases.
//
//go:embed postgres/exchange.sql
var Exchange string

// Keyring is keyring.sql, by which it is in the database of the keys.
//
//go:embed postgres/keyring.sql
var Keyring string
