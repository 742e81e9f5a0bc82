package store

import (
	"crypto/rand"
	"encoding/binary"
	"slices"
	"strings"
	"sync"
)

// move notes that something in a case was written: a record, its state, a link,
// a consent, an order, a seal or a delivery.
func (tx *Tx) move(caseName string) {
	if caseName != "" {
		tx.moved[caseName] = true
	}
}

// newEpoch draws an epoch that no case has had. It is no count: a database that was
// put back, by a failover or from a backup, would come to the same counts again
// by other changes, and what a node had read before would pass for what is there.
func newEpoch() int64 {
	var b [8]byte
	rand.Read(b[:])
	return int64(binary.BigEndian.Uint64(b[:])>>2) + 1 // 0 is that of a case in which nothing was written yet
}

// settle writes what still waits and gives a new epoch to every case in which
// this transaction wrote anything. It runs before the reply is rendered, so that the
// standing of a receipt is of the epoch that it leaves behind.
func (tx *Tx) settle() error {
	if err := tx.conn.write(); err != nil {
		return err
	}
	return tx.conn.draw(tx.settled())
}

// settled are the cases in which this transaction has written, with a new epoch of each.
func (tx *Tx) settled() []movedCase {
	epoch := newEpoch()
	moved := make([]movedCase, 0, len(tx.moved))
	for name := range tx.moved {
		moved = append(moved, movedCase{name, epoch})
	}
	// In the order in which rows are held, so that no two transactions wait for each other.
	slices.SortFunc(moved, func(a, b movedCase) int {
		return strings.Compare(tx.store.marks.of(a.name), tx.store.marks.of(b.name))
	})
	clear(tx.moved)
	tx.counted = append(tx.counted, moved...)
	return moved
}

// movedCase is a case and its new epoch.
type movedCase struct {
	name  string
	epoch int64
}

// epochRows are the rows that tell of new epochs.
func epochRows(moved []movedCase) [][]any {
	rows := make([][]any, len(moved))
	for i, m := range moved {
		rows[i] = []any{m.name, m.epoch}
	}
	return rows
}

// namesOf are the names of cases that have moved.
func namesOf(moved []movedCase) []string {
	names := make([]string, len(moved))
	for i, m := range moved {
		names[i] = m.name
	}
	return names
}

// epochs are those of cases that were asked for or have moved of late, for the one
// process that writes a file: what it remembers is what is there.
type epochs struct {
	mu         sync.Mutex
	young, old map[string]int64
	commits    uint64 // in which any case has moved
}

// epochsKept bounds each half of what is remembered, at some hundred bytes a case.
const epochsKept = 8192

func newEpochsKept() *epochs {
	return &epochs{young: make(map[string]int64)}
}

// moved takes the new epochs of a commit, before anybody is told of it.
func (e *epochs) moved(cases []movedCase) {
	if len(cases) == 0 {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.commits++
	for _, c := range cases {
		e.put(c.name, c.epoch)
	}
}

// of is the epoch of a case, if it is remembered.
func (e *epochs) of(name string) (epoch int64, known bool, commits uint64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	epoch, known = e.young[name]
	if !known {
		if epoch, known = e.old[name]; known {
			e.put(name, epoch)
		}
	}
	return epoch, known, e.commits
}

// learn remembers what was read after so many commits, unless there were more.
func (e *epochs) learn(name string, epoch int64, commits uint64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.commits == commits {
		e.put(name, epoch)
	}
}

func (e *epochs) put(name string, epoch int64) {
	if len(e.young) >= epochsKept {
		e.old, e.young = e.young, make(map[string]int64)
	}
	e.young[name] = epoch
	delete(e.old, name)
}
