package store

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

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
// links, asked for by one statement where the call does not know them, and by
// another the consents in force.
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
	var asked []*view
	for _, t := range touched {
		if !tx.known(t) {
			asked = append(asked, t)
		}
	}
	if err := tx.links(asked); err != nil {
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
		tx.drafting.ends(t.loaded.Until)
		docket.Load(t.row.name, t.loaded)
	}
	return nil
}

// known adds the caller's links to what it touched where the call knows them: to a
// record that it made they are those that it made, and to another those of before,
// unless it made or ended any.
func (tx *Tx) known(t *view) bool {
	if tx.conn.relinked {
		return false
	}
	var own []sightRow
	for _, r := range tx.made[t.row.name] {
		if slices.Contains(tx.holders, any(r.holder)) {
			own = append(own, r)
		}
	}
	if !tx.born[t.row.name] {
		before, ok := agreement.DocketFrom(tx.ctx).Loaded(t.row.name)
		if !ok || len(own) > 0 {
			return false
		}
		t.loaded.Standing.Links, t.loaded.Until = before.Standing.Links, before.Until
		return true
	}
	if sealed, known := tx.sealed[t.row.caseName]; sealed || !known && !tx.born[t.row.caseName] {
		return false
	}
	tx.ownLinks(&t.loaded, own, t.row.typ)
	return true
}

// touchedTogether is how many records one statement asks about: a call mostly touches no more.
const touchedTogether = 4

// links adds the caller's links to each of what it touched.
func (tx *Tx) links(touched []*view) error {
	hs := tx.holders
	query := touchedQuery(len(hs))
	for some := range slices.Chunk(touched, touchedTogether) {
		args := make([]any, touchedTogether, touchedTogether+len(hs)+1)
		at := make(map[string]*view, len(some))
		for i := range args {
			args[i] = "" // no record's name, so that the query has one text
		}
		for i, t := range some {
			args[i], at[t.row.name] = t.row.name, t
		}
		args = append(append(args, hs...), tx.store.Clock().UnixMicro())
		err := each(tx.conn, query, func(st result) error {
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

// touchedQuery is sightQuery for several records: for each of them by itself. Joined
// with their names, or asked for them by a list, PostgreSQL would find links by their
// holder while sight has few rows, and keep to that plan when it has many.
func touchedQuery(holders int) string {
	if known, ok := touchedTexts.Load(holders); ok {
		return known.(string)
	}
	hs := make([]string, holders)
	for i := range hs {
		hs[i] = fmt.Sprintf("(?%d)", touchedTogether+1+i)
	}
	all := make([]string, touchedTogether)
	for i := range all {
		all[i] = fmt.Sprintf("SELECT %s, s.name FROM (VALUES %s) h CROSS JOIN sight s WHERE s.holder = h.column1 AND s.name = ?%d"+
			" AND s.visible = 1 AND (s.until_time = 0 OR s.until_time > ?%d)", linkColumns, strings.Join(hs, ","), i+1, touchedTogether+holders+1)
	}
	text := strings.Join(all, " UNION ALL ")
	touchedTexts.Store(holders, text)
	return text
}

// touchedTexts are the texts of touchedQuery: agencies have few different numbers of holders.
var touchedTexts sync.Map
