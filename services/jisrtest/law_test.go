package jisrtest_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/jisrtest"
	"github.com/jisr-exchange/jisr/services/jisrtest/oracle"
	"github.com/jisr-exchange/jisr/services/record"
)

// The shipped agreement and the matrix that was transcribed by hand from the
// domain must open the same classes to every role, for every purpose, under
// every link, with and without consent, authorship and order.
func TestTheAgreementGrantsWhatTheHandTranscribedMatrixGrants(t *testing.T) {
	law, err := agreement.Parse(jisrtest.Agreement(t))
	if err != nil {
		t.Fatal(err)
	}
	compared := 0
	for _, role := range oracle.Roles() {
		for _, class := range oracle.Classes() {
			n, differ := compareCell(law, role, class)
			compared += n
			if len(differ) > 0 {
				t.Errorf("%s %s (%s): %s", agreement.RoleName(role), agreement.ClassName(class), oracle.CellOf(role, class).Text, strings.Join(differ, ", "))
			}
		}
	}
	if compared < 10000 {
		t.Errorf("only %d decisions were compared", compared)
	}
}

// Every cell of the agreement that can open or close anything is held by the
// comparison: turned around, it is noticed.
func TestACellTurnedAroundIsNoticed(t *testing.T) {
	text := jisrtest.Agreement(t)
	whole := &jisrv1.Agreement{}
	if err := prototext.Unmarshal(text, whole); err != nil {
		t.Fatal(err)
	}
	law, err := agreement.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	noticed := 0
	for _, terms := range whole.GetClasses() {
		// All cells of a class at once, but for the roles of which the agreement
		// itself refuses to be told more: monitors and operations, one by one.
		batches := [][]*jisrv1.ClassCell{nil}
		for _, cell := range terms.GetCells() {
			if law.Pseudonymous(cell.GetRole()) || cell.GetRole() == jisrv1.Role_ROLE_OPERATIONS {
				batches = append(batches, []*jisrv1.ClassCell{cell})
				continue
			}
			batches[0] = append(batches[0], cell)
		}
		for _, cells := range batches {
			if other, ok := turned(t, whole, cells); ok {
				noticed += unnoticed(t, law, other, terms.GetDataClass(), cells)
			}
		}
	}
	if noticed < 600 {
		t.Errorf("only %d cells were turned around", noticed)
	}
}

// turned parses the agreement with some cells turned around, and leaves whole as it was.
func turned(t *testing.T, whole *jisrv1.Agreement, cells []*jisrv1.ClassCell) (*agreement.Law, bool) {
	t.Helper()
	before := make([]proto.Message, len(cells))
	for i, cell := range cells {
		before[i] = proto.Clone(cell)
		turn(cell)
	}
	text, err := prototext.Marshal(whole)
	if err != nil {
		t.Fatal(err)
	}
	for i, cell := range cells {
		proto.Reset(cell)
		proto.Merge(cell, before[i])
	}
	law, err := agreement.Parse(text)
	return law, err == nil
}

// unnoticed fails the test for every turned cell that the comparison passes, and counts the others.
func unnoticed(t *testing.T, law, other *agreement.Law, class jisrv1.DataClass, cells []*jisrv1.ClassCell) (noticed int) {
	t.Helper()
	for _, cell := range cells {
		if n, _ := compareCell(law, cell.GetRole(), class); n == 0 {
			continue // no record that this role may know of has a field of this class
		}
		if _, differ := compareCell(other, cell.GetRole(), class); len(differ) == 0 {
			t.Errorf("%s %s: turned around, and nobody noticed", agreement.RoleName(cell.GetRole()), agreement.ClassName(class))
			continue
		}
		noticed++
	}
	return noticed
}

func turn(cell *jisrv1.ClassCell) {
	if slices.Contains(cell.GetRead(), jisrv1.Condition_CONDITION_NEVER) {
		cell.SetRead([]jisrv1.Condition{jisrv1.Condition_CONDITION_ALWAYS})
		return
	}
	cell.SetRead([]jisrv1.Condition{jisrv1.Condition_CONDITION_NEVER})
	cell.SetConsent(false)
}

// compareCell returns how many decisions about a role and class were compared, and where the two differ.
func compareCell(law *agreement.Law, role jisrv1.Role, class jisrv1.DataClass) (compared int, differ []string) {
	for _, purpose := range law.Purposes(role) {
		for _, v := range variants() {
			for _, typ := range record.Types() {
				if !typ.Classes.Has(class) && class != jisrv1.DataClass_DATA_CLASS_REFERENCE || !v.plausible(law, role, typ.Name) {
					continue
				}
				got := law.Read(role, purpose, v.standing()).Has(class)
				want := matrixLens(role, purpose, v)[class]
				compared++
				if got != want {
					differ = append(differ, fmt.Sprintf("%s under %s for %s: agreement %v, matrix %v", typ.Name, v.name, agreement.PurposeName(purpose), got, want))
				}
			}
		}
	}
	return compared, differ
}

// matrixLenses keeps what the slow side said: it is asked thousands of times.
var matrixLenses = make(map[string]map[jisrv1.DataClass]bool)

func matrixLens(role jisrv1.Role, purpose jisrv1.Purpose, v variant) map[jisrv1.DataClass]bool {
	key := fmt.Sprint(role, purpose, v.name)
	lens, ok := matrixLenses[key]
	if !ok {
		lens = oracle.Lens(role, purpose, v.oracle())
		matrixLenses[key] = lens
	}
	return lens
}

// variant is one standing, in the words of both sides.
type variant struct {
	name                    string
	link                    jisrv1.Link
	own, consented, ordered bool
}

func variants() (all []variant) {
	for n := 1; n < len(jisrv1.Link_name); n++ {
		link := jisrv1.Link(n)
		ordered := link == jisrv1.Link_LINK_DISCLOSED
		for _, own := range []bool{false, true} {
			for _, consented := range []bool{false, true} {
				name := agreement.LinkName(link)
				if own {
					name += "+own"
				}
				if consented {
					name += "+consent"
				}
				all = append(all, variant{name: name, link: link, own: own, consented: consented, ordered: ordered})
			}
		}
	}
	return all
}

// plausible leaves out standings that the shelf never lets arise: a role that may
// not know of such a record by such a link has no page of it.
func (v variant) plausible(law *agreement.Law, role jisrv1.Role, typeName string) bool {
	if typeName == "LogEntry" && v.own {
		return false // an entry has no author but the exchange
	}
	if v.link == jisrv1.Link_LINK_AUTHOR && !v.own {
		return false // an author wrote something
	}
	return law.Shelf(role, typeName).Has(v.link)
}

func (v variant) standing() agreement.Standing {
	s := agreement.Standing{Links: []agreement.InForce{{Link: v.link, Scope: record.EveryClass}}}
	if v.own {
		s.Own = record.EveryClass
	}
	if v.consented {
		s.Consented = record.EveryClass
	}
	return s
}

func (v variant) oracle() oracle.Standing {
	every := make(map[jisrv1.DataClass]bool)
	for _, c := range oracle.Classes() {
		every[c] = true
	}
	s := oracle.Standing{Links: []oracle.Link{{Kind: v.link}}, ActorSeen: true}
	if v.own {
		s.Own = every
	}
	if v.consented {
		s.Consented = every
	}
	if v.ordered {
		s.Ordered = every
	}
	return s
}
