package store

import (
	"math"
	"slices"
)

// lastFind is behind all others.
var lastFind = find{time: math.MaxInt64, seq: math.MaxInt64}

const (
	rowsQuery = `SELECT time, seq FROM log_subjects WHERE record = ? AND (time, seq) < (?, ?) ORDER BY time DESC, seq DESC ` + limit
	ownQuery  = `SELECT time, seq, finds FROM log_finds WHERE box = ? AND (time, seq) < (?, ?) ORDER BY time DESC, seq DESC LIMIT 1`
)

var (
	aroundQuery  = "SELECT finds FROM log_finds WHERE box IN (" + placeholders(ownBits/boxBits) + ")"
	entriesQuery = "SELECT seq, name, time, leaf, commitment FROM log_entries WHERE seq IN (" + placeholders(entriesAtOnce) + ")"
)

// found finds entries by what they are about, up to so many before one of them, the
// newest first: by rows of their own, in the boxes around the record, and in the
// record's own.
func found(conn querier, about string, end find, most int) (finds []find, err error) {
	err = each(conn, rowsQuery, func(r result) error {
		finds = append(finds, find{time: r.ColumnInt64(0), seq: r.ColumnInt64(1)})
		return nil
	}, subjectKey(about), end.time, end.seq, most)
	if err != nil {
		return nil, err
	}
	own := ownBox(about)
	err = each(conn, aroundQuery, func(r result) (err error) {
		finds, err = findsIn(blob(r, 0), own, finds)
		return err
	}, anys(boxesAround(own))...)
	if err != nil {
		return nil, err
	}
	// A row of the own box has nothing that is newer than what a row behind it has.
	for row, n, more := end, 0, true; more && n < most; {
		more = false
		at := len(finds)
		err := each(conn, ownQuery, func(r result) (err error) {
			row, more = find{time: r.ColumnInt64(0), seq: r.ColumnInt64(1)}, true
			finds, err = findsIn(blob(r, 2), own, finds)
			return err
		}, own, row.time, row.seq)
		if err != nil {
			return nil, err
		}
		for _, f := range finds[at:] {
			if before(f, end) < 0 {
				n++
			}
		}
	}
	for i := range finds {
		finds[i].box = own
	}
	finds = slices.DeleteFunc(finds, func(f find) bool { return before(f, end) >= 0 })
	slices.SortFunc(finds, func(a, b find) int { return before(b, a) })
	finds = slices.Compact(finds)
	return finds[:min(len(finds), most)], nil
}

// foundEntry is an entry as it is read.
type foundEntry struct {
	find
	name             string
	leaf, commitment []byte
}

// entriesAtOnce is how many entries are read at once: some are long, and a page may be full before.
const entriesAtOnce = 32

// eachEntry reads the entries that were found, in their order.
func eachEntry(conn querier, finds []find, f func(foundEntry) error) error {
	for some := range slices.Chunk(finds, entriesAtOnce) {
		numbers := make([]any, entriesAtOnce)
		for i := range numbers {
			numbers[i] = int64(0) // no entry's
			if i < len(some) {
				numbers[i] = some[i].seq
			}
		}
		read := make(map[int64]foundEntry, len(some))
		err := each(conn, entriesQuery, func(r result) error {
			seq := r.ColumnInt64(0)
			read[seq] = foundEntry{find{time: r.ColumnInt64(2), seq: seq}, r.ColumnText(1), blob(r, 3), blob(r, 4)}
			return nil
		}, numbers...)
		if err != nil {
			return err
		}
		for _, at := range some {
			if e, there := read[at.seq]; there {
				if err := f(e); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
