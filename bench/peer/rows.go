package peer

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

// EntryGrouped appends entries of reads to the exchange's store, whose writer
// commits together whoever waits.
func EntryGrouped(dir string) (*Peer, error) {
	s, err := OpenShelf(dir)
	if err != nil {
		return nil, err
	}
	r, err := s.firstRead()
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	ctx, c := s.As(Prosecutor)
	return &Peer{Stop: s.Close, spare: reserve(), Work: func(int) error {
		_, err := s.Append(ctx, r.leaf, r.loaded, c.Law)
		return err
	}}, nil
}

func (s *Shelf) firstRead() (read, error) {
	parent, err := s.Case()
	if err != nil {
		return read{}, err
	}
	victim, err := s.Victim(parent, 1)
	if err != nil {
		return read{}, err
	}
	return s.read(victim)
}

// EntryAlone writes the rows of such an entry in one transaction each.
func EntryAlone(dir string) (*Peer, error) {
	return alone(dir, Entry)
}

// Entry gets ready for one entry of a read, which then stands where it is found.
func Entry(s *Shelf) (func() error, error) {
	r, err := s.firstRead()
	ctx, c := s.As(Prosecutor)
	return func() error {
		if _, err := s.Append(ctx, r.leaf, r.loaded, c.Law); err != nil {
			return err
		}
		return s.ProbeLog(ctx) // what is in the journal is posted first
	}, err
}

// ChangeGrouped notifies an agency of a case, time after time, each of a case of its own.
func ChangeGrouped(dir string) (*Peer, error) {
	s, err := OpenShelf(dir)
	if err != nil {
		return nil, err
	}
	var mu sync.Mutex
	var ready []string
	return &Peer{
		Stop: s.Close, spare: reserve(),
		Prepare: func(calls, callers int) error {
			_, err := Drive(calls, callers, func(int) error {
				name, err := s.Case()
				mu.Lock()
				defer mu.Unlock()
				ready = append(ready, name)
				return err
			})
			return err
		},
		Work: func(int) error {
			mu.Lock()
			about := ready[len(ready)-1]
			ready = ready[:len(ready)-1]
			mu.Unlock()
			return s.Notify(about)
		},
	}, nil
}

// ChangeAlone writes the rows of such a notification in one transaction each.
func ChangeAlone(dir string) (*Peer, error) {
	return alone(dir, Notification)
}

// Notification gets ready for one notification.
func Notification(s *Shelf) (func() error, error) {
	about, err := s.Case()
	return func() error { return s.Notify(about) }, err
}

// tableRow is a row that somebody wrote.
type tableRow struct {
	insert string
	values []any
}

// written returns the rows that a change adds or alters, by comparing all of a small database.
func written(path string, change func() error) ([]tableRow, error) {
	conn, err := sqlite.OpenConn(path, sqlite.OpenReadOnly)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	before := make(map[string]bool)
	if err := eachRow(conn, func(r tableRow) { before[fmt.Sprint(r)] = true }); err != nil {
		return nil, err
	}
	if err := change(); err != nil {
		return nil, err
	}
	var rows []tableRow
	err = eachRow(conn, func(r tableRow) {
		// Which entries were posted is noted once for many of them.
		if !before[fmt.Sprint(r)] && !slices.Contains(r.values, any("~journal")) {
			rows = append(rows, r)
		}
	})
	if err == nil && len(rows) == 0 {
		err = errors.New("peer: a change has left no row")
	}
	return rows, err
}

func eachRow(conn *sqlite.Conn, f func(tableRow)) error {
	var tables []string
	err := sqlitex.Execute(conn, "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name",
		&sqlitex.ExecOptions{ResultFunc: func(s *sqlite.Stmt) error {
			tables = append(tables, s.ColumnText(0))
			return nil
		}})
	if err != nil {
		return err
	}
	for _, table := range tables {
		err := sqlitex.Execute(conn, "SELECT * FROM "+table, &sqlitex.ExecOptions{ResultFunc: func(s *sqlite.Stmt) error {
			r := tableRow{values: make([]any, s.ColumnCount())}
			for i := range r.values {
				switch s.ColumnType(i) {
				case sqlite.TypeInteger:
					r.values[i] = s.ColumnInt64(i)
				case sqlite.TypeBlob:
					b := make([]byte, s.ColumnLen(i))
					s.ColumnBytes(i, b)
					r.values[i] = b
				default:
					r.values[i] = s.ColumnText(i)
				}
			}
			marks := strings.TrimSuffix(strings.Repeat("?,", len(r.values)), ",")
			r.insert = "INSERT OR REPLACE INTO " + table + " VALUES(" + marks + ")"
			f(r)
			return nil
		}})
		if err != nil {
			return err
		}
	}
	return nil
}

// ids are those of names, and of the shelfmarks under which records lie.
var ids = regexp.MustCompile(`[a-z2-7]{26}|[0-9A-V]{26}`)

// rising is a number that is higher each time, also than one that another process
// had before: what is written anew lies in the order in which it is made, as what the
// exchange writes.
func rising() int64 { return begun + risen.Add(1) }

var (
	begun = time.Now().UnixMicro() * 1000
	risen atomic.Int64
)

// renamed returns the rows under fresh names, the same for the same.
func renamed(rows []tableRow) []tableRow {
	fresh := make(map[string]string)
	again := make([]tableRow, len(rows))
	for i, r := range rows {
		again[i] = tableRow{insert: r.insert, values: make([]any, len(r.values))}
		for j, v := range r.values {
			switch v := v.(type) {
			case string:
				again[i].values[j] = ids.ReplaceAllStringFunc(v, func(id string) string {
					if fresh[id] == "" {
						fresh[id] = fmt.Sprintf("%s%d", short, first+rising())
					}
					return fresh[id]
				})
			case []byte:
				if j > 0 {
					again[i].values[j] = v
					continue
				}
				key := make([]byte, len(v)) // the first column is the key, here of the idempotency table
				rand.Read(key)
				again[i].values[j] = key
			default:
				again[i].values[j] = v
			}
		}
	}
	return again
}

// entryBytes is about what an entry of a read takes in the log.
const entryBytes = 512

// File appends to a file and waits for the disk, each caller for itself.
func File(dir string) (*Peer, error) {
	f, err := os.OpenFile(filepath.Join(dir, "appended"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	entry := []byte(text(entryBytes))
	return &Peer{Stop: f.Close, Work: func(int) error {
		if _, err := f.Write(entry); err != nil {
			return err
		}
		return unix.Fdatasync(int(f.Fd()))
	}}, nil
}
