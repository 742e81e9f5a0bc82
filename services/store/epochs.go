package store

import (
	"maps"
	"slices"
	"strings"
)

// move notes that something in a case was written: a record, its state, a link,
// a consent, an order, a seal or a delivery.
func (tx *Tx) move(caseName string) {
	if caseName != "" {
		tx.moved[caseName] = true
	}
}

// countEpochs counts this transaction once in every case in which it wrote
// anything. It runs when all of that is written and before the reply is rendered,
// so that the standing of a receipt is of the count that it leaves behind.
func (tx *Tx) countEpochs() error {
	names := slices.Sorted(maps.Keys(tx.moved)) // in one order, so that no two transactions wait for each other
	clear(tx.moved)
	for chunk := range slices.Chunk(names, epochChunk) {
		args := make([]any, len(chunk))
		for i, name := range chunk {
			args[i] = name
		}
		err := exec(tx.conn, "INSERT INTO epochs(case_name, epoch) VALUES "+strings.TrimSuffix(strings.Repeat("(?,1),", len(chunk)), ",")+
			" ON CONFLICT (case_name) DO UPDATE SET epoch = epochs.epoch + 1", args...)
		if err != nil {
			return err
		}
	}
	return nil
}

// epochChunk bounds the parameters of one statement.
const epochChunk = 64
