package store

import (
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/fault"
)

// errLost says that the connection is gone, or is not where it should be.
var errLost = errors.New("store: the connection to the server was lost")

func lost(err error) error { return fmt.Errorf("%w: %w", errLost, err) }

// sqlState is PostgreSQL's own code behind an error (its appendix A); empty where it has none.
func sqlState(err error) string {
	var coded interface{ SQLState() string }
	if errors.As(err, &coded) {
		return coded.SQLState()
	}
	return ""
}

// inTheWay reports whether a call met others in their work and is run again: it
// may do all of it when it has its turn alone.
func inTheWay(err error) bool {
	if errors.Is(err, errBehind) {
		return true
	}
	switch sqlState(err) {
	case "55P03", // somebody holds the row
		"40P01", "40001", // two waited for each other
		"23505": // somebody wrote the same key meanwhile
		return true
	}
	return false
}

// answer is what a call is told whose own statement the server refused. What is
// no refusal of jisr's and no trouble of the server is a fault of this program.
func answer(err error) error {
	var said *pgconn.PgError
	if !errors.As(err, &said) {
		return err // a refusal, or a fault that no database told of
	}
	var f *fault.Fault
	if errors.As(err, &f) && f.Reason() != fault.StoreUnavailable {
		return err
	}
	// A right that was taken away, and a disk that was made read-only, have one code.
	if said.Code == "42501" {
		return errors.Join(fault.New(fault.StoreUnavailable), errStorage{said})
	}
	switch said.Code[:2] {
	case "08", "25", "28", "40", "53", "54", "55", "57", "58", "F0", "XX":
		return errors.Join(fault.New(fault.StoreUnavailable), errStorage{said})
	}
	return errStorage{said}
}

// kept says what is known of a commit that was answered with an error. A server
// that refused it, or something before it, has kept nothing. One that was ended,
// that gave itself up (PANIC: its log's volume is full), or of which nothing is heard,
// has kept all of it or nothing: nobody knows.
func (c *pgConn) kept(err error) error {
	var said *pgconn.PgError
	if !c.conn.IsClosed() && errors.As(err, &said) && said.SeverityUnlocalized == "ERROR" {
		c.giveUp()
		return answer(err)
	}
	return errors.Join(fault.New(fault.OutcomeUnknown), errStorage{err})
}

// moved reports whether a call was decided by an agreement that is not in force here.
func moved(err error) bool { return errors.Is(err, agreement.ErrMoved) }
