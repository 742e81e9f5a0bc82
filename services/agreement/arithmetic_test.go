package agreement

import (
	"testing"

	"pgregory.net/rapid"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/record"
)

// anyLaw is a law of one role with arbitrary cells, so that the arithmetic is
// held to what cells could say and not only to what the shipped ones say.
func anyLaw(rt *rapid.T, role jisrv1.Role, purpose jisrv1.Purpose) *Law {
	l := &Law{answers: anySet(rt, "answers")}
	for _, class := range every[jisrv1.DataClass]() {
		l.cells[role][class] = Cell{
			Read:    ConditionSet(rapid.Uint32Range(0, 255).Draw(rt, "read")),
			Write:   ConditionSet(rapid.Uint32Range(0, 255).Draw(rt, "write")),
			Consent: rapid.Bool().Draw(rt, "consent"),
		}
	}
	l.lenses[role] = makeLens(&l.cells[role])
	l.purposes[role] = 1 << uint(purpose)
	l.ceilings[purpose] = anySet(rt, "ceiling") | anySet(rt, "more")
	return l
}

// TestLensIsWhatTheCellsSay holds the precomputed bit sets against the cells
// read one by one, over arbitrary laws: for each link alone, and for some together.
func TestLensIsWhatTheCellsSay(t *testing.T) {
	role, purpose := jisrv1.Role_ROLE_NGO, jisrv1.Purpose_PURPOSE_ASSISTANCE
	rapid.Check(t, func(rt *rapid.T) {
		l := anyLaw(rt, role, purpose)
		own, consented := anySet(rt, "own"), anySet(rt, "consented")
		var all []InForce
		for _, link := range every[jisrv1.Link]() {
			all = append(all, InForce{Link: link, Scope: anySet(rt, "scope")})
		}
		for i := range all {
			sameLens(rt, l, role, purpose, Standing{Links: all[i : i+1], Own: own, Consented: consented})
		}
		some := rapid.SliceOfN(rapid.SampledFrom(all), 0, 4).Draw(rt, "links")
		sameLens(rt, l, role, purpose, Standing{Links: some, Own: own, Consented: consented})
	})
}

func anySet(rt *rapid.T, name string) record.ClassSet {
	return record.ClassSet(rapid.Uint64().Draw(rt, name))
}

func sameLens(rt *rapid.T, l *Law, role jisrv1.Role, purpose jisrv1.Purpose, st Standing) {
	read, write := l.Read(role, purpose, st), l.Write(role, purpose, st)
	for _, class := range every[jisrv1.DataClass]() {
		if got, want := read.Has(class), slowRead(l, role, purpose, st, class); got != want {
			rt.Errorf("%v: reads %v, by the cell %v, under %v", class, got, want, st)
		}
		if got, want := write.Has(class), slowWrite(l, role, purpose, st, class); got != want {
			rt.Errorf("%v: tells %v, by the cell %v, under %v", class, got, want, st)
		}
	}
}

func slowRead(l *Law, role jisrv1.Role, purpose jisrv1.Purpose, st Standing, class record.Class) bool {
	if len(st.Links) == 0 || !l.ceiling(role, purpose).Has(class) {
		return false
	}
	cell := l.Cell(role, class)
	for _, link := range st.Links {
		if link.Link == jisrv1.Link_LINK_DISCLOSED && cell.Read.Has(jisrv1.Condition_CONDITION_ORDER) && link.Scope.Has(class) {
			return true
		}
	}
	if cell.Consent && !st.Consented.Has(class) {
		return false
	}
	if !cell.Read.Never() && st.Own.Has(class) {
		return true
	}
	for _, link := range st.Links {
		inScope := link.Scope.Has(class) || dealings.Has(class)
		switch link.Link {
		case jisrv1.Link_LINK_PARTICIPANT, jisrv1.Link_LINK_RECEIVER, jisrv1.Link_LINK_NOTIFIED:
			if !inScope {
				continue
			}
		case jisrv1.Link_LINK_DISCLOSED:
			if class != jisrv1.DataClass_DATA_CLASS_REFERENCE {
				continue
			}
		case jisrv1.Link_LINK_ADDRESSED:
			if class == jisrv1.DataClass_DATA_CLASS_COURT_ORDERS &&
				(cell.Read.Has(jisrv1.Condition_CONDITION_ORDER) || cell.Read.Has(jisrv1.Condition_CONDITION_LINKED) || cell.Read.Has(jisrv1.Condition_CONDITION_ALWAYS)) {
				return true
			}
		}
		if slowMeets(link.Link, class, cell.Read) {
			return true
		}
	}
	return false
}

func slowWrite(l *Law, role jisrv1.Role, purpose jisrv1.Purpose, st Standing, class record.Class) bool {
	if len(st.Links) == 0 || !l.ceiling(role, purpose).Has(class) {
		return false
	}
	cell := l.Cell(role, class)
	if cell.Write.Has(jisrv1.Condition_CONDITION_OWN) && st.Own.Has(class) {
		return true
	}
	for _, link := range st.Links {
		if link.Link == jisrv1.Link_LINK_NOTIFIED && (!link.Scope.Has(class) || !l.answers.Has(class)) {
			continue
		}
		if link.Link != jisrv1.Link_LINK_DISCLOSED && slowMeets(link.Link, class, cell.Write) {
			return true
		}
	}
	return false
}

// slowMeets says in words what the table in lens.go says in sets.
func slowMeets(link jisrv1.Link, class record.Class, conditions ConditionSet) bool {
	always := conditions.Has(jisrv1.Condition_CONDITION_ALWAYS)
	linked := conditions.Has(jisrv1.Condition_CONDITION_LINKED)
	switch link {
	case jisrv1.Link_LINK_OWNER:
		return always || linked || conditions.Has(jisrv1.Condition_CONDITION_OWNER)
	case jisrv1.Link_LINK_SENDER, jisrv1.Link_LINK_RECEIVER:
		return always || linked || conditions.Has(jisrv1.Condition_CONDITION_PARTY)
	case jisrv1.Link_LINK_PARTICIPANT, jisrv1.Link_LINK_ASSIGNED, jisrv1.Link_LINK_NOTIFIED:
		return always || linked
	case jisrv1.Link_LINK_PAST:
		ended := class == jisrv1.DataClass_DATA_CLASS_REFERRAL_REQUEST || class == jisrv1.DataClass_DATA_CLASS_REFERRAL_LOGISTICS
		return (always || conditions.Has(jisrv1.Condition_CONDITION_PARTY)) && dealings.Has(class) && !ended
	case jisrv1.Link_LINK_TERRITORY:
		return always || conditions.Has(jisrv1.Condition_CONDITION_TERRITORY)
	case jisrv1.Link_LINK_OVERSIGHT, jisrv1.Link_LINK_DISCLOSED:
		return always
	}
	return always && dealings.Has(class)
}
