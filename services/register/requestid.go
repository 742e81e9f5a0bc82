package register

import (
	"strconv"
	"strings"

	"github.com/google/uuid"
)

// namespace is the UUID namespace of request ids made from registers. Changing
// it would let a register that is already in the exchange be imported again.
var namespace = uuid.MustParse("8b5f1c0e-5d0b-5c6b-9d0a-6a1f4f0c7e52")

// RequestID returns the request id under which a row's record is created: a
// UUID (version 5) of the register, the row's id in it, the kind of record and
// its ordinal among that row's records of the kind. The same row gives the same
// id on every run, so the exchange keeps one effect (AIP-155).
func RequestID(register, externalID string, kind Kind, ordinal int) string {
	// NUL keeps "a"+"bc" and "ab"+"c" apart; it cannot stand in a register's cell.
	name := strings.Join([]string{register, externalID, kind.String(), strconv.Itoa(ordinal)}, "\x00")
	return uuid.NewSHA1(namespace, []byte(name)).String()
}
