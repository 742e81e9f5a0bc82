package store

import (
	"time"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/record"
)

// SetEndangered notes which victims a suspect endangers: whoever is linked to
// one of them may know of the suspect, and nobody else comes to know by it.
func (tx *Tx) SetEndangered(s *jisrv1.Suspect) error {
	name := s.GetName()
	n, _ := record.ParseName(name)
	if err := exec(tx.conn, "DELETE FROM endangered WHERE suspect = ?", name); err != nil {
		return err
	}
	for _, victim := range s.GetEndangers() {
		if err := exec(tx.conn, "INSERT INTO endangered(suspect, victim) VALUES(?,?) ON CONFLICT DO NOTHING", name, victim); err != nil {
			return err
		}
	}
	tx.unlinked(n.Case)
	r, err := tx.row(name)
	if err != nil {
		return err
	}
	// The links by victims are made anew; those of the whole case, the author's and
	// what an order opened of the suspect stay.
	if err := exec(tx.conn, "DELETE FROM sight WHERE name = ?1 AND subject NOT IN ('', ?1)", name); err != nil {
		return err
	}
	persons := append([]string{name}, s.GetEndangers()...)
	if err := tx.placeChild("Suspect", name, n.Case, persons, time.UnixMicro(r.created)); err != nil {
		return err
	}
	tx.move(n.Case)
	return nil
}
