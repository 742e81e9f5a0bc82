package store

import (
	"context"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/identity"
)

// Get reads one record for the call's caller; it is the whole of a Get rpc. What it
// answers leaves behind an entry or not at all, so that it may come from what was read
// before. Into m goes the record's name alone; who needs more of it asks View.
func Get[M proto.Message](ctx context.Context, s *Store, name string, m M) (M, error) {
	c, err := identity.FromContext(ctx)
	if err != nil {
		return m, err
	}
	return m, s.viewRecent(ctx, c, name, m)
}

// Update is the whole of an Update rpc: the caller changes the fields that mask
// names. after, where given, runs in the same transaction with the record as it is then.
func Update[M proto.Message](ctx context.Context, s *Store, call Call, incoming M, mask *fieldmaskpb.FieldMask, empty M, after func(*Tx, M) error) (M, error) {
	c, err := identity.FromContext(ctx)
	if err != nil {
		return empty, err
	}
	if len(mask.GetPaths()) == 0 {
		return empty, fault.Invalid(fault.Violation{Field: "update_mask", Rule: "must name at least one field"})
	}
	return Change(ctx, s, c, call, empty, func(tx *Tx) (M, error) {
		m := proto.Clone(empty).(M)
		if err := tx.View(nameOf(incoming), m); err != nil {
			return m, err
		}
		if err := tx.Tell(m, incoming, mask.GetPaths(), etagOf(incoming)); err != nil {
			return m, err
		}
		if after == nil {
			return m, nil
		}
		return m, after(tx, m)
	})
}

// Child creates a record in a case: the caller must know of the parent, and
// tells as its standing to the parent lets it.
func (tx *Tx) Child(parent proto.Message, parentName string, m proto.Message, caseName string, subjects ...string) error {
	if err := tx.View(parentName, parent); err != nil {
		return err
	}
	return tx.Create(m, New{Parent: parentName, Case: caseName, Subjects: subjects, Standing: tx.Standing(parentName)})
}

func etagOf(m proto.Message) string {
	r, fd := field(m, "etag")
	return r.Get(fd).String()
}
