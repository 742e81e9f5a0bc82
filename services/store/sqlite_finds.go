package store

import (
	"fmt"
	"slices"
)

// file puts finds into the widest box, or through it where it is full.
func (c *sqliteConn) file(finds []find) error {
	finds = inOrderOfBoxes(finds)
	for len(finds) > 0 {
		n := min(len(finds), filedAtOnce)
		if err := c.put(finds[:n]); err != nil {
			return err
		}
		finds = finds[n:]
	}
	return nil
}

func (c *sqliteConn) put(finds []find) error {
	row := appendFinds(nil, finds)
	held, last, err := c.heldIn(widestBox)
	if err != nil {
		return err
	}
	if held+max(len(row), rowBytes) < boxBytes {
		return c.addRow(widestBox, last+1, row)
	}
	moving, err := c.empty(widestBox, slices.Clone(finds))
	// Of the boxes within it that are full only the fullest is emptied, then of those
	// within that one: so much is to be done at the most. It is enough, since the fullest
	// gives away about what all of them together were given.
	for box := int64(widestBox); err == nil && box != 0; {
		if box, err = c.pour(box, moving); err == nil && box != 0 {
			moving, err = c.empty(box, nil)
		}
	}
	return err
}

// heldIn says how full a box is, and which row of it is the last.
func (c *sqliteConn) heldIn(box int64) (bytes int, last int64, err error) {
	err = each(c, heldQuery, func(r result) error {
		bytes, last = r.ColumnInt(0), r.ColumnInt64(1)
		return nil
	}, box)
	return bytes, last, err
}

var heldQuery = fmt.Sprintf("SELECT SUM(MAX(LENGTH(finds), %d)), MAX(seq) FROM log_finds WHERE box = ?", rowBytes)

func (c *sqliteConn) addRow(box, place int64, row []byte) error {
	return exec(c, "INSERT INTO log_finds(box, time, seq, finds) VALUES(?, 0, ?, ?)", box, place, row)
}

// empty takes out what is in a box, and returns it in order with what else is given.
func (c *sqliteConn) empty(box int64, finds []find) ([]find, error) {
	err := each(c, "SELECT finds FROM log_finds WHERE box = ?", func(r result) (err error) {
		finds, err = findsIn(blob(r, 0), 0, finds)
		return err
	}, box)
	if err != nil {
		return nil, err
	}
	return inOrderOfBoxes(finds), exec(c, "DELETE FROM log_finds WHERE box = ?", box)
}

// pour puts what was in a box into those within it, and returns the fullest of these if
// it is full.
func (c *sqliteConn) pour(box int64, finds []find) (fullest int64, err error) {
	most := boxBytes - 1
	shift := within(box)
	for len(finds) > 0 {
		n := cut(finds, shift)
		inner := finds[0].box >> shift
		rest, err := c.putOwn(finds[:n], shift == 0)
		if err != nil {
			return 0, err
		}
		finds = finds[n:]
		if len(rest) == 0 {
			continue
		}
		row := appendFinds(nil, rest)
		held, last, err := c.heldIn(inner)
		if err != nil {
			return 0, err
		}
		if err := c.addRow(inner, last+1, row); err != nil {
			return 0, err
		}
		if held += max(len(row), rowBytes); held > most {
			most, fullest = held, inner
		}
	}
	return fullest, nil
}

// putOwn puts finds into their records' own boxes, of which there are many, or all; and
// returns the others.
func (c *sqliteConn) putOwn(finds []find, all bool) (rest []find, err error) {
	for len(finds) > 0 {
		n := cut(finds, 0)
		if all || n >= ownAtOnce {
			err = c.own(finds[:n])
		} else {
			rest = append(rest, finds[:n]...)
		}
		if err != nil {
			return nil, err
		}
		finds = finds[n:]
	}
	return rest, nil
}

// own adds finds of one record to its own box, whose rows follow each other: what was
// made between two finds of a row lies in that row. Mostly they come behind all others.
func (c *sqliteConn) own(finds []find) error {
	for len(finds) > 0 {
		box, first := finds[0].box, finds[0]
		var there []find
		err := each(c, "SELECT finds FROM log_finds WHERE box = ? AND (time, seq) <= (?, ?) ORDER BY time DESC, seq DESC LIMIT 1", func(r result) (err error) {
			there, err = findsIn(blob(r, 0), 0, nil)
			return err
		}, box, first.time, first.seq)
		if err != nil {
			return err
		}
		n := len(finds)
		err = each(c, "SELECT time, seq FROM log_finds WHERE box = ? AND (time, seq) > (?, ?) ORDER BY time, seq LIMIT 1", func(r result) error {
			n, _ = slices.BinarySearchFunc(finds, find{time: r.ColumnInt64(0), seq: r.ColumnInt64(1)}, before)
			return nil
		}, box, first.time, first.seq)
		if err != nil {
			return err
		}
		together := finds[:n]
		if k := len(there); k > 0 && (k < ownRow || before(there[k-1], first) > 0) {
			together = inOrderOfBoxes(append(there, together...))
		}
		for row := range slices.Chunk(together, ownRow) {
			if err := exec(c, "INSERT INTO log_finds(box, time, seq, finds) VALUES(?, ?, ?, ?) ON CONFLICT (box, time, seq) DO UPDATE SET finds = excluded.finds",
				box, row[0].time, row[0].seq, appendFinds(nil, row)); err != nil {
				return err
			}
		}
		finds = finds[n:]
	}
	return nil
}
