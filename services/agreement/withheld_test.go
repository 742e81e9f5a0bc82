package agreement

import (
	"slices"
	"testing"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/record"
)

// withheld is what the role is told about a victim's record, for its widest purpose.
func (p play) withheld(role string, st Standing) map[record.Class]*jisrv1.Withholding {
	p.Helper()
	return p.withheldFor(role, p.widest(p.role(role)), st)
}

func (p play) withheldFor(role string, purpose jisrv1.Purpose, st Standing) map[record.Class]*jisrv1.Withholding {
	p.Helper()
	r := p.role(role)
	lens := p.law.Read(r, purpose, st)
	found := make(map[record.Class]*jisrv1.Withholding)
	var order []record.Class
	for _, w := range p.law.Withheld(r, purpose, jisrv1.Jurisdiction_JURISDICTION_FEDERAL, st, lens, record.ByName("Victim").Classes) {
		found[w.GetDataClass()] = w
		order = append(order, w.GetDataClass())
	}
	if !slices.IsSorted(order) {
		p.Error("withheld classes are out of order")
	}
	for c := range record.ByName("Victim").Classes.All() {
		if _, ok := found[c]; ok == lens.Has(c) {
			p.Errorf("%s: %v is both shown and withheld, or neither", role, c)
		}
	}
	return found
}

func (p play) why(role string, st Standing, class string, want jisrv1.Withholding_Reason) {
	p.Helper()
	w := p.withheld(role, st)[p.class(class)]
	if w.GetReason() != want {
		p.Errorf("%s: %s is withheld for %v, want %v", role, class, w.GetReason(), want)
	}
}

func TestWithheldSaysWhy(t *testing.T) {
	p := newPlay(t)
	p.why("counter_trafficking", p.by("OWNER"), "VICTIM_LOCATION", jisrv1.Withholding_REASON_ROLE_NOT_GRANTED)
	p.why("residency", p.by("RECEIVER"), "VICTIM_DOCUMENTS", jisrv1.Withholding_REASON_ORDER_REQUIRED)
	p.why("counter_trafficking", p.by("TERRITORY"), "VICTIM_RISK", jisrv1.Withholding_REASON_LINK_REQUIRED)
	p.why("social_affairs", p.scoped("RECEIVER", "VICTIM_PROFILE"), "VICTIM_IDENTITY", jisrv1.Withholding_REASON_LINK_REQUIRED)
	// Foreign affairs sees which consents there are, so it may be told that one is missing.
	p.why("foreign_affairs", p.by("RECEIVER"), "VICTIM_IDENTITY", jisrv1.Withholding_REASON_CONSENT_REQUIRED)
	// Under a scope without consents it may not.
	p.why("foreign_affairs", p.scoped("RECEIVER", "CASE_CORE"), "VICTIM_IDENTITY", jisrv1.Withholding_REASON_NOT_AVAILABLE)
	p.why("foreign_affairs", p.consented(p.scoped("RECEIVER", "CONSENT_SCOPE"), "VICTIM_IDENTITY"), "VICTIM_IDENTITY", jisrv1.Withholding_REASON_NOT_AVAILABLE)
	st := p.by("RECEIVER")
	w := p.withheldFor("foreign_affairs", p.purpose("consular"), p.consented(st, "VICTIM_IDENTITY"))
	if w[p.class("VICTIM_LOCATION")].GetReason() != jisrv1.Withholding_REASON_ROLE_NOT_GRANTED {
		t.Error("what the role never gets is blamed on something else")
	}
	w = p.withheldFor("social_affairs", p.purpose("consular"), st)
	if w[p.class("VICTIM_PROFILE")].GetReason() != jisrv1.Withholding_REASON_PURPOSE_NOT_GRANTED {
		t.Error("a purpose that the role may not use is not blamed")
	}
}

func TestWithheldAsksWhomTheAgreementNames(t *testing.T) {
	p := newPlay(t)
	w := p.withheld("counter_trafficking", p.by("OWNER"))[p.class("VICTIM_LOCATION")]
	if got := w.GetAskAgency(); got != "agencies/sjc-rusafa-inv" {
		t.Errorf("asks %s about a location", got)
	}
	for _, class := range every[jisrv1.DataClass]() {
		for _, j := range every[jisrv1.Jurisdiction]() {
			if p.law.Ask(class, j) == "" {
				t.Errorf("nobody to ask about %v in %v", class, j)
			}
		}
	}
	if p.law.Ask(0, 1) != "" || p.law.Ask(1, 0) != "" || p.law.Ask(99, 1) != "" {
		t.Error("somebody to ask about nothing")
	}
}

// A reason must not tell what the lens does not show: two standings under which
// the caller sees the same, and knows of the same consents, get the same reasons.
func TestWithheldTellsNoMoreThanTheLens(t *testing.T) {
	p := newPlay(t)
	schema := record.ByName("Victim").Classes
	for _, role := range every[jisrv1.Role]() {
		for _, purpose := range p.law.Purposes(role) {
			hidden := Standing{Links: p.by("AUTHOR").Links}
			other := p.scoped("RECEIVER", "EXCHANGE")
			other.Consented = record.EveryClass
			a, b := p.law.Read(role, purpose, hidden), p.law.Read(role, purpose, other)
			if a != b {
				continue
			}
			wa := p.law.Withheld(role, purpose, 1, hidden, a, schema)
			wb := p.law.Withheld(role, purpose, 1, other, b, schema)
			for i := range wa {
				if wa[i].GetReason() != wb[i].GetReason() {
					t.Errorf("%s learns from why %v is withheld", RoleName(role), wa[i].GetDataClass())
				}
			}
		}
	}
}
