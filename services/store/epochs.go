package store

import (
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

// settle writes what still waits and counts this transaction once in every case
// in which it wrote anything. It runs before the reply is rendered, so that the
// standing of a receipt is of the count that it leaves behind.
func (tx *Tx) settle() error {
	if err := tx.conn.write(); err != nil {
		return err
	}
	names := slices.Sorted(maps.Keys(tx.moved)) // in one order, so that no two transactions wait for each other
	clear(tx.moved)
	tx.counted = append(tx.counted, names...)
	rows := make([][]any, len(names))
	for i, name := range names {
		rows[i] = []any{name, 1}
	}
	return insertAll(tx.conn, intoEpochs, rows)
}
