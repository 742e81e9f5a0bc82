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

// errDamaged says that what was durable is not there any more.
var errDamaged = errors.New("a part of it is damaged: put it back as it was, or move it away and lose the entries of the last reads")

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
	left := make(map[int64]int) // halves, by generation
	for n := range j.halves {
		head, err := j.half(n, int64(headerBytes))
		if err != nil {
			return err
		}
		generation := generationOf(head)
		switch {
		case unbegun(head):
			// Nothing that was ever waited for.
		case generation == 0:
			return errDamaged
		case !known || generation <= j.last-lifetime || generation > j.last+int64(len(j.halves)):
			return errForeign
		case generation > j.last:
			left[generation] = n
		}
	}
	if !known {
		j.last = firstGeneration()
		return posted(conn, j.last)
	}
	for generation := j.last + 1; ; generation++ {
		n, there := left[generation]
		if !there {
			break
		}
		b, err := j.half(n, halfBytes)
		if err != nil {
			return err
		}
		k, _, err := keptIn(b, generation)
		if err != nil {
			return err
		}
		if err := recovered(conn, k, generation); err != nil {
			return err
		}
		j.last = generation
		delete(left, generation)
	}
	if len(left) > 0 {
		return errDamaged // the half before it
	}
	return nil
}

// half reads so much of a half as there is.
func (j *journal) half(n int, most int64) ([]byte, error) {
	b := make([]byte, most)
	read, err := j.file.ReadAt(b, int64(n)*halfBytes)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return b[:read], err
}

// recovered posts in a transaction of its own.
func recovered(conn *sqliteConn, k kept, generation int64) (err error) {
	if err := exec(conn, "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	defer func() {
		if !conn.AutocommitEnabled() {
			err = errors.Join(err, exec(conn, "ROLLBACK"))
		}
	}()
	if err := conn.post(k, generation); err != nil {
		return err
	}
	return exec(conn, "COMMIT")
}

func firstGeneration() int64 {
	var b [8]byte
	rand.Read(b[:])
	return int64(binary.BigEndian.Uint64(b[:])>>3) + lifetime
}
