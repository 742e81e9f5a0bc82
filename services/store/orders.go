package store

import (
	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/record"
)

// PutOrder puts an order in force.
func (tx *Tx) PutOrder(o *jisrv1.Order) error {
	n, _ := record.ParseName(o.GetName())
	until := int64(0)
	// A seal never lapses: past its date it raises a review and stays.
	if o.HasUntilTime() && o.GetKind() != jisrv1.Order_KIND_SEAL {
		until = o.GetUntilTime().AsTime().UnixMicro()
	}
	if err := exec(tx.conn, "INSERT INTO orders(name, case_name, target, kind, until_time) VALUES(?,?,?,?,?)",
		o.GetName(), n.Case, o.GetTarget(), int(o.GetKind()), until); err != nil {
		return err
	}
	tx.move(n.Case)
	return nil
}

// DropOrder takes an order out of force.
func (tx *Tx) DropOrder(name string) error {
	n, _ := record.ParseName(name)
	if err := exec(tx.conn, "DELETE FROM orders WHERE name = ?", name); err != nil {
		return err
	}
	tx.move(n.Case)
	return nil
}

// OrderInForce reports whether an order of a kind is in force for a person or
// for the whole case it is in.
func (tx *Tx) OrderInForce(kind jisrv1.Order_Kind, target string) (in bool, err error) {
	n, _ := record.ParseName(target)
	err = each(tx.conn, `SELECT until_time FROM orders WHERE case_name = ? AND kind = ? AND target IN (?, ?)
		AND (until_time = 0 OR until_time > ?)`, func(s result) error {
		in = true
		tx.drafting.ends(term(s.ColumnInt64(0)))
		return nil
	}, n.Case, int(kind), target, n.Case, tx.now.UnixMicro())
	return in, err
}
