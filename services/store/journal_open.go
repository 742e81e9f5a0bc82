package store

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
)

// openJournal opens the journal beside a database, or begins one. What a process
// that was killed has left in it is posted before anything else.
func openJournal(path string, conn *sqliteConn, meter Meter, fatal func(error)) (*journal, error) {
	path += "-entries"
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("store: journal: %w", err)
	}
	j := &journal{file: f, meter: meter, fatal: fatal, due: make(chan struct{}, 1)}
	j.free = sync.NewCond(&j.disk)
	if err := errors.Join(j.recover(conn), syncFolder(filepath.Dir(path))); err != nil {
		return nil, errors.Join(fmt.Errorf("store: journal %s: %w", path, err), f.Close())
	}
	return j, nil
}

// syncFolder makes the names in a folder durable.
func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// errForeign says that a journal is another database's.
var errForeign = errors.New("it is not of this database, or of a newer copy: put the two side by side that belong together, or move the journal away")

// lifetime is more generations than a database ever has. They are counted from a
// random number on, so that a journal is known to be this database's.
const lifetime = 1 << 40

// recover posts what is there and was not posted yet.
func (j *journal) recover(conn *sqliteConn) error {
	known := false
	err := each(conn, "SELECT value FROM counters WHERE name = ?", func(r result) error {
		known, j.last = true, r.ColumnInt64(0)
		return nil
	}, postedGeneration)
	if err != nil {
		return err
	}
	left := make(map[int64][]byte) // halves, by generation
	for n := range j.halves {
		b := make([]byte, halfBytes)
		read, err := j.file.ReadAt(b, int64(n)*halfBytes)
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		generation := generationOf(b[:read])
		switch {
		case generation == 0:
			// Nothing that was ever waited for.
		case !known || generation <= j.last-lifetime || generation > j.last+int64(len(j.halves)):
			return errForeign
		case generation > j.last:
			left[generation] = b[:read]
		}
	}
	if !known {
		j.last = firstGeneration()
		return posted(conn, j.last)
	}
	for generation := j.last + 1; left[generation] != nil; generation++ {
		entries, err := entriesIn(left[generation], generation)
		if err != nil {
			return err
		}
		if err := recovered(conn, entries, generation); err != nil {
			return err
		}
		j.last = generation
	}
	return nil
}

// recovered is write in a transaction of its own.
func recovered(conn *sqliteConn, entries []*entry, generation int64) (err error) {
	if err := exec(conn, "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	defer func() {
		if !conn.AutocommitEnabled() {
			err = errors.Join(err, exec(conn, "ROLLBACK"))
		}
	}()
	if err := write(conn, entries, generation); err != nil {
		return err
	}
	return exec(conn, "COMMIT")
}

func firstGeneration() int64 {
	var b [8]byte
	rand.Read(b[:])
	return int64(binary.BigEndian.Uint64(b[:])>>3) + lifetime
}
