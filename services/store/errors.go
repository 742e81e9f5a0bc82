package store

import (
	"context"
	"errors"

	"golang.org/x/sys/unix"
	"zombiezen.com/go/sqlite"

	"github.com/jisr-exchange/jisr/services/fault"
)

// errClearSection says that a section came to the shelf in clear: a fault of this program.
var errClearSection = errors.New("store: a section in clear")

// errStorage keeps the database's own error for the server's log; it never
// crosses, and tells its code alone, since its text may hold a value.
type errStorage struct{ err error }

func (e errStorage) Error() string { return "store: " + e.code() }

// SQLState is PostgreSQL's own code; empty where it has none.
func (e errStorage) SQLState() string { return sqlState(e.err) }

func (e errStorage) code() string {
	if state := sqlState(e.err); state != "" {
		return "SQLSTATE_" + state
	}
	if errors.Is(e.err, errLost) {
		return "SQLSTATE_08006" // connection failure
	}
	return sqlite.ErrCode(e.err).String()
}

// ofFile is the system's error of a file that the store writes by itself, under the
// code by which SQLite would tell it: an operator looks up one list of codes.
func ofFile(failed sqlite.ResultCode, err error) errStorage {
	if errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) {
		failed = sqlite.ResultFull
	}
	return errStorage{errors.Join(failed.ToError(), err)}
}

// Code is the database's own code behind an error, for the server's log.
func Code(err error) (string, bool) {
	var s errStorage
	if !errors.As(err, &s) {
		return "", false
	}
	return s.code(), true
}

func isIOError(err error) bool {
	return sqlite.ErrCode(err).ToPrimary() == sqlite.ResultIOErr
}

func isFull(err error) bool {
	return sqlite.ErrCode(err).ToPrimary() == sqlite.ResultFull
}

// isStorage reports whether the database can no longer write; such an error ends the whole batch.
func isStorage(err error) bool {
	switch sqlite.ErrCode(err).ToPrimary() {
	case sqlite.ResultIOErr, sqlite.ResultFull, sqlite.ResultReadOnly, sqlite.ResultCorrupt, sqlite.ResultNoMem, sqlite.ResultCantOpen, sqlite.ResultNotADB:
		return true
	}
	// The exchange was moved away while this process was running, and the database takes nothing more.
	return sqlite.ErrCode(err) == sqlite.ResultConstraintTrigger
}

// contextFault is what a call is told whose own context ended.
func contextFault(ctx context.Context) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fault.New(fault.DeadlineExceeded)
	}
	return fault.New(fault.Cancelled)
}

// unavailable is what a call is told whose read the database refused.
func unavailable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return contextFault(ctx)
	}
	return errors.Join(fault.New(fault.StoreUnavailable), errStorage{err})
}
