package store

import (
	"maps"
	"slices"

	"google.golang.org/protobuf/proto"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/agreement"
)

// render gives the reply's records their standing of after the change, and
// lets the page gate show their headers under it.
func (tx *Tx) render(reply proto.Message) (proto.Message, error) {
	if err := tx.stand(); err != nil {
		return nil, err
	}
	out, classes, err := tx.store.Page.Receipt(tx.ctx, tx.caller, reply)
	if err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(classes)) {
		tx.touch(name, classes[name], nil)
	}
	return out, nil
}

// stand puts on the docket how the caller stands now to all that it touched: its
// links by one statement, and by another the consents in force.
func (tx *Tx) stand() error {
	var touched []*view
	for _, name := range tx.order {
		r, found, err := tx.find(name)
		if err != nil {
			return err
		}
		if found {
			touched = append(touched, &view{row: r})
		}
	}
	if err := tx.links(touched); err != nil {
		return err
	}
	if err := tx.store.completeAll(tx.conn, tx.caller, touched); err != nil {
		return err
	}
	docket := agreement.DocketFrom(tx.ctx)
	for _, t := range touched {
		if before, ok := docket.Loaded(t.row.name); ok && len(t.loaded.Standing.Links) == 0 {
			// Its own act ended the caller's sight; it may still read what it did.
			t.loaded.Standing = before.Standing
		}
		docket.Load(t.row.name, t.loaded)
	}
	return nil
}

// touchedTogether is how many records one statement asks about: a call mostly touches no more.
const touchedTogether = 4

// links adds the caller's links to each of what it touched.
func (tx *Tx) links(touched []*view) error {
	hs := holders(tx.caller)
	for some := range slices.Chunk(touched, touchedTogether) {
		args := make([]any, touchedTogether, touchedTogether+len(hs)+1)
		at := make(map[string]*view, len(some))
		for i := range args {
			args[i] = "" // no record's name, so that the query has one text
		}
		for i := range some {
			args[i], at[some[i].row.name] = some[i].row.name, some[i]
		}
		args = append(append(args, hs...), tx.store.Clock().UnixMicro())
		err := each(tx.conn, touchedQuery(len(hs)), func(st result) error {
			t := at[st.ColumnText(links)]
			if tx.law.Shelf(tx.caller.Role, t.row.typ.Name).Has(jisrv1.Link(st.ColumnInt(0))) {
				addLink(&t.loaded, st, 0)
			}
			return nil
		}, args...)
		if err != nil {
			return err
		}
	}
	return nil
}

// touchedQuery is sightQuery for several records.
func touchedQuery(holders int) string {
	return "SELECT " + linkColumns + ", s.name FROM (VALUES " + rows(touchedTogether) + ") n CROSS JOIN (VALUES " + rows(holders) + `) h CROSS JOIN sight s
		WHERE s.name = n.column1 AND s.holder = h.column1 AND s.visible = 1 AND (s.until_time = 0 OR s.until_time > ?)`
}
