package store

import (
	"crypto/rand"
	"encoding/binary"
	"maps"
	"slices"
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
	return insertAll(tx.conn, intoEpochs, newEpochs(tx.settled()))
}

// settled are the cases in which this transaction has written.
func (tx *Tx) settled() []string {
	names := slices.Sorted(maps.Keys(tx.moved)) // in one order, so that no two transactions wait for each other
	clear(tx.moved)
	tx.counted = append(tx.counted, names...)
	return names
}

// newEpochs are rows that give each of some cases a new epoch.
func newEpochs(cases []string) [][]any {
	epoch := newEpoch()
	rows := make([][]any, len(cases))
	for i, name := range cases {
		rows[i] = []any{name, epoch}
	}
	return rows
}
