package agreement

import (
	"testing"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/record"
)

// everyLink is a standing by all links at once, with everything written by the
// agency, consented to and disclosed: whoever cannot read a class under it never can.
func everyLink() Standing {
	st := Standing{Own: record.EveryClass, Consented: record.EveryClass}
	for _, l := range every[jisrv1.Link]() {
		st.Links = append(st.Links, InForce{Link: l, Scope: record.EveryClass})
	}
	return st
}

func TestOrderOpensOnlyWhatTheAgreementLetsAnOrderOpen(t *testing.T) {
	p := newPlay(t)
	// The scope of an order that discloses everything is still the cells'.
	everything := p.by("DISCLOSED")
	p.reads("prosecutor", everything, "VICTIM_LOCATION", "FORENSIC_REPORT", "REFERENCE")
	p.cannotRead("prosecutor", everything, "INVESTIGATION_SOURCES", "VICTIM_IMMIGRATION", "CASE_CORE")
	p.cannotRead("prosecutor", p.by("TERRITORY"), "VICTIM_LOCATION")
	p.reads("residency", p.scoped("DISCLOSED", "SUSPECT_NOTICE", "VICTIM_LOCATION"), "SUSPECT_NOTICE")
	p.cannotRead("residency", p.scoped("DISCLOSED", "SUSPECT_NOTICE", "VICTIM_LOCATION"), "VICTIM_LOCATION", "VICTIM_DOCUMENTS")
	for _, role := range every[jisrv1.Role]() {
		lens := p.lens(RoleName(role), everything)
		if more := lens &^ (p.law.OpenableByOrder(role) | p.classes("REFERENCE")); more != 0 {
			t.Errorf("an order opens more to %s than the agreement lets it: %v", RoleName(role), more.List())
		}
	}
}

func TestOrderNeverLetsAnAgencyTell(t *testing.T) {
	p := newPlay(t)
	for _, role := range every[jisrv1.Role]() {
		if pen := p.pen(RoleName(role), p.by("DISCLOSED")); pen != 0 {
			t.Errorf("%s may tell %v by an order", RoleName(role), pen.List())
		}
	}
	p.tells("counter_trafficking", p.by("OWNER"), "CASE_CORE")
	// To be addressed by a court is not to sit on one.
	p.cannotTell("cassation_court", p.by("ADDRESSED"), "COURT_ORDERS")
	p.tells("cassation_court", p.by("ASSIGNED"), "COURT_ORDERS")
}

func TestOrderIsReadByWhomItIsAddressedTo(t *testing.T) {
	p := newPlay(t)
	for _, role := range []string{"counter_trafficking", "residency", "asayish", "health", "ngo"} {
		p.reads(role, p.by("ADDRESSED"), "COURT_ORDERS", "REFERENCE")
		p.cannotRead(role, p.by("NAMED"), "COURT_ORDERS")
		p.cannotRead(role, p.by("ADDRESSED"), "COURT_SEALED", "CASE_CORE", "HEARINGS")
	}
	p.cannotRead("community_police", p.by("ADDRESSED"), "COURT_ORDERS")
}

func TestWithdrawnConsentClosesTheClass(t *testing.T) {
	p := newPlay(t)
	given := p.consented(p.by("RECEIVER"), "VICTIM_IDENTITY")
	p.reads("ngo", given, "VICTIM_IDENTITY")
	withdrawn := given
	withdrawn.Consented = 0
	p.cannotRead("ngo", withdrawn, "VICTIM_IDENTITY")
	// A carer of the State rests on its duty, not on consent.
	p.reads("social_affairs", withdrawn, "VICTIM_IDENTITY")
}

func TestConsentToOneClassOpensNoOther(t *testing.T) {
	p := newPlay(t)
	st := p.consented(p.by("RECEIVER"), "VICTIM_ALIAS")
	p.reads("ngo", st, "VICTIM_ALIAS")
	p.cannotRead("ngo", st, "VICTIM_IDENTITY", "VICTIM_DOCUMENTS")
}

func TestConsentOpensNothingThatTheCellsDoNot(t *testing.T) {
	p := newPlay(t)
	st := p.by("RECEIVER")
	for _, role := range every[jisrv1.Role]() {
		all := st
		all.Consented = record.EveryClass
		more := p.lens(RoleName(role), all) &^ p.lens(RoleName(role), st)
		if more&^p.law.ConsentClasses(role) != 0 {
			t.Errorf("consent opens to %s what needs none: %v", RoleName(role), more.List())
		}
	}
}

func TestScopeNarrowsAReferral(t *testing.T) {
	p := newPlay(t)
	narrow := p.scoped("RECEIVER", "VICTIM_PROFILE")
	p.reads("social_affairs", narrow, "VICTIM_PROFILE")
	p.cannotRead("social_affairs", narrow, "VICTIM_IDENTITY", "VICTIM_LOCATION", "CASE_CORE")
	p.reads("social_affairs", p.by("RECEIVER"), "VICTIM_IDENTITY", "VICTIM_LOCATION", "CASE_CORE")
	// It still reads what it was asked, and may tell where the person is now.
	p.reads("social_affairs", narrow, "REFERRAL_STATUS", "REFERRAL_PARTIES", "REFERRAL_REQUEST", "REFERRAL_OUTCOME", "REFERENCE")
	p.tells("social_affairs", narrow, "VICTIM_LOCATION")
}

func TestScopesOfTwoReferralsAdd(t *testing.T) {
	p := newPlay(t)
	st := p.scoped("RECEIVER", "VICTIM_PROFILE")
	st.Links = append(st.Links, p.scoped("RECEIVER", "VICTIM_RISK").Links...)
	p.reads("social_affairs", st, "VICTIM_PROFILE", "VICTIM_RISK")
	p.cannotRead("social_affairs", st, "VICTIM_IDENTITY")
}

func TestReceiverOfAnEndedReferralKeepsOnlyItsDealings(t *testing.T) {
	p := newPlay(t)
	past := p.by("PAST")
	p.reads("social_affairs", past, "REFERENCE", "REFERRAL_STATUS", "REFERRAL_PARTIES", "REFERRAL_OUTCOME")
	p.cannotRead("social_affairs", past, "REFERRAL_REQUEST", "VICTIM_PROFILE", "VICTIM_LOCATION", "CASE_CORE")
	p.reads("social_affairs", p.wrote(past, "VICTIM_HEALTH"), "VICTIM_HEALTH")
	p.cannotTell("social_affairs", past, "VICTIM_LOCATION", "REFERRAL_OUTCOME")
	if p.law.Shelf(p.role("social_affairs"), "Case").Has(jisrv1.Link_LINK_PAST) {
		t.Error("an ended referral keeps the case on the shelf")
	}
	if !p.law.Shelf(p.role("social_affairs"), "Referral").Has(jisrv1.Link_LINK_PAST) {
		t.Error("an ended referral is not on its receiver's shelf")
	}
}

func TestPurposeIsACeiling(t *testing.T) {
	p := newPlay(t)
	st := p.consented(p.by("RECEIVER"), "VICTIM_IDENTITY")
	fa := p.role("foreign_affairs")
	if !p.law.Read(fa, p.purpose("consular"), st).Has(p.class("VICTIM_IDENTITY")) {
		t.Error("a consular call does not open the name")
	}
	ls := p.role("social_affairs")
	if p.law.Read(ls, p.purpose("consular"), st) != 0 || p.law.Write(ls, p.purpose("consular"), st) != 0 {
		t.Error("a purpose that the role may not use opens something")
	}
	cc := p.role("committee")
	if got := p.law.Read(cc, p.purpose("statistics"), p.by("OVERSIGHT")); got&^p.classes("EXCHANGE", "REFERENCE", "CASE_STATUS", "CASE_CORE", "REFERRAL_STATUS") != 0 {
		t.Errorf("statistics open %v", got.List())
	}
}

func TestNoLinkOpensNothing(t *testing.T) {
	p := newPlay(t)
	st := Standing{Own: record.EveryClass, Consented: record.EveryClass, Links: []InForce{{Link: 0, Scope: record.EveryClass}, {Link: 99, Scope: record.EveryClass}, {Link: -1, Scope: record.EveryClass}}}
	for _, role := range every[jisrv1.Role]() {
		if p.lens(RoleName(role), st) != 0 || p.pen(RoleName(role), st) != 0 {
			t.Errorf("%s reads or tells without a link", RoleName(role))
		}
	}
	for _, role := range []jisrv1.Role{0, -1, 99} {
		if p.law.Read(role, p.purpose("protection"), everyLink()) != 0 || p.law.Write(role, p.purpose("protection"), everyLink()) != 0 {
			t.Errorf("a role that does not exist (%d) reads or tells", role)
		}
	}
}

func TestNobodyTellsMoreThanTheCeiling(t *testing.T) {
	p := newPlay(t)
	for _, role := range every[jisrv1.Role]() {
		for _, purpose := range p.law.Purposes(role) {
			if more := p.law.Write(role, purpose, everyLink()) &^ p.law.WriteCeiling(role, purpose); more != 0 {
				t.Errorf("%s tells %v above the ceiling", RoleName(role), more.List())
			}
		}
	}
}
