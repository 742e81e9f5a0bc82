package keyring

import (
	"errors"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/jisr-exchange/jisr/services/move"
)

// Schema is what a keyring is, for `jisr migrate` to move: its keys go as they
// are, wrapped. Each of the wrappers, those of the old place and of the new, must
// open the exchange's own secret; nothing else is opened, and that one at once forgotten.
func Schema(wrappers ...Wrapper) (move.Schema, error) {
	steps, err := steps()
	return move.Schema{
		Component: "keyring",
		Open:      func(path string) (*sqlite.Conn, error) { return openAlone(path) },
		Make:      func(conn *sqlite.Conn) error { return sqlitex.ExecuteScript(conn, fileSchema, nil) },
		Current:   current,
		Steps:     steps,
		Origin:    ringQuery,
		Own:       "ring",
		Check: func(ask func(string) ([]byte, error)) error {
			wrapped, err := ask("SELECT wrapped FROM keys WHERE id = '" + secretID + "'")
			if err != nil {
				return err
			}
			for _, w := range wrappers {
				if wrapped == nil {
					return &move.Refusal{Text: "the keyring holds no exchange's secret", Do: "check which one is named"}
				}
				if _, err := w.Unwrap(secretID, wrapped); err != nil {
					return &move.Refusal{Text: "a key-encryption key is not this keyring's", Do: "name the one under which it was made, the same before and after the move"}
				}
			}
			return nil
		},
	}, err
}

// current says why a file is not at this program's schema.
func current(conn *sqlite.Conn) error {
	known, err := knowsMoves(conn)
	if err == nil && !known {
		err = &move.Refusal{Text: "the keyring is none, or of an older version", Do: "start this version's jisrd on it once"}
	}
	return err
}

// knowsMoves reports whether a file has a place for the mark of a move.
func knowsMoves(conn *sqlite.Conn) (known bool, err error) {
	err = sqlitex.Execute(conn, "SELECT 1 FROM sqlite_schema WHERE name = 'moved'", &sqlitex.ExecOptions{
		ResultFunc: func(*sqlite.Stmt) error {
			known = true
			return nil
		},
	})
	return known, err
}

// atHome refuses a keyring that was moved away, or whose copy is not finished.
func atHome(conn *sqlite.Conn) error {
	known, err := knowsMoves(conn)
	if err != nil || !known {
		return err
	}
	var refused error
	err = sqlitex.Execute(conn, move.MarkQuery, &sqlitex.ExecOptions{
		ResultFunc: func(s *sqlite.Stmt) error {
			refused = move.Refuse("keyring", s.ColumnText(0), s.ColumnText(1), s.ColumnInt64(2))
			return nil
		},
	})
	return errors.Join(err, refused)
}
