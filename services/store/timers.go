package store

import (
	"context"

	"google.golang.org/protobuf/types/known/timestamppb"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/agreement"
)

// Overdue are the names of records in force whose term has passed. What they
// opened has closed with the term; their states still have to say so.
type Overdue struct {
	// Consents, Orders and Shares, each by name.
	Consents, Orders, Shares []string
}

// Overdue finds what has passed its term.
func (s *Store) Overdue(ctx context.Context) (o Overdue, err error) {
	now := s.now().UnixMicro()
	err = s.read(ctx, func(conn querier) error {
		collect := func(names *[]string, query string, args ...any) error {
			return each(conn, query, func(st result) error {
				*names = append(*names, st.ColumnText(0))
				return nil
			}, args...)
		}
		if err := collect(&o.Consents, "SELECT name FROM consents WHERE until_time <> 0 AND until_time <= ? LIMIT 100", now); err != nil {
			return err
		}
		if err := collect(&o.Orders, "SELECT name FROM orders WHERE until_time <> 0 AND until_time <= ? LIMIT 100", now); err != nil {
			return err
		}
		// Found by its term and by nothing else: while the tables have hardly a row, any
		// other index would do.
		return collect(&o.Shares, `SELECT DISTINCT s.via FROM sight s WHERE s.until_time <> 0 AND s.until_time <= ? AND s.link + 0 = ?
			AND (SELECT COUNT(*) FROM records r WHERE r.name = s.via AND r.type = 'Share' AND r.state = ?) > 0 LIMIT 100`,
			now, int(jisrv1.Link_LINK_PARTICIPANT), int(jisrv1.Share_STATE_ACTIVE))
	})
	return o, err
}

// Act runs the exchange's own act, which no agency asked for, with its log
// entry, in one transaction. f must not ask for a caller.
func (s *Store) Act(ctx context.Context, f func(*Tx) error) error {
	ctx, _ = agreement.WithDocket(ctx)
	var tx *Tx
	err := s.writer.do(ctx, func(conn transaction) error {
		agreement.DocketFrom(ctx).Clear()
		tx = s.newTx(context.WithoutCancel(ctx), conn, nil)
		if err := conn.decidedBy(tx.law.Hash()); err != nil {
			return err
		}
		if err := f(tx); err != nil {
			return err
		}
		if err := tx.settle(); err != nil {
			return err
		}
		if len(tx.order) == 0 {
			return nil
		}
		e, err := tx.changedEntry("")
		if err != nil {
			return err
		}
		return conn.enter(e)
	})
	if tx != nil {
		s.written(namesOf(tx.counted), err)
	}
	return err
}

// Passed reports whether a term has passed at the transaction's time; no term never passes.
func (tx *Tx) Passed(term *timestamppb.Timestamp) bool {
	return term != nil && !tx.now.Before(term.AsTime())
}
