package agreement

import (
	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/record"
)

// Withheld says, for every class that the schema has and the lens lacks, why
// and whom to ask, ascending by class. It is the same whether the class is
// filled in or not, and its reasons depend only on the role, the purpose and
// what the lens shows anyway: a reason that told more would be a read. Sealed
// matters are not mentioned.
func (l *Law) Withheld(role jisrv1.Role, purpose jisrv1.Purpose, asker jisrv1.Jurisdiction, st Standing, lens, schema record.ClassSet) []*jisrv1.Withholding {
	// Nothing is ever said about seals: that an order could have one would raise
	// the question whether this one has.
	missing := schema &^ lens &^ record.Classes(jisrv1.DataClass_DATA_CLASS_COURT_SEALED)
	if missing == 0 {
		return nil
	}
	list := make([]*jisrv1.Withholding, 0, missing.Len())
	for class := range missing.All() {
		list = append(list, jisrv1.Withholding_builder{
			DataClass: class,
			Reason:    l.why(role, purpose, st, lens, class),
			AskAgency: l.Ask(class, asker),
		}.Build())
	}
	return list
}

// why returns the reason for one class. The order is from what holds for every
// record to what depends on this one.
func (l *Law) why(role jisrv1.Role, purpose jisrv1.Purpose, st Standing, lens record.ClassSet, class record.Class) jisrv1.Withholding_Reason {
	if !known(role) || !l.lenses[role].everRead.Has(class) {
		return jisrv1.Withholding_REASON_ROLE_NOT_GRANTED
	}
	t := &l.lenses[role]
	switch {
	case !l.ceiling(role, purpose).Has(class):
		return jisrv1.Withholding_REASON_PURPOSE_NOT_GRANTED
	case t.onlyOrder.Has(class):
		return jisrv1.Withholding_REASON_ORDER_REQUIRED
	case !t.consent.Has(class):
		return jisrv1.Withholding_REASON_LINK_REQUIRED
	case lens.Has(jisrv1.DataClass_DATA_CLASS_CONSENT_SCOPE) && !st.Consented.Has(class):
		return jisrv1.Withholding_REASON_CONSENT_REQUIRED
	default:
		// Whether consent or a link is missing is a fact about the person
		// that this caller may not see.
		return jisrv1.Withholding_REASON_NOT_AVAILABLE
	}
}
