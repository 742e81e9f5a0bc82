package oracle

import (
	"testing"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
)

type (
	class = jisrv1.DataClass
	role  = jisrv1.Role
)

// by returns a standing of unscoped links.
func by(kinds ...jisrv1.Link) Standing {
	var s Standing
	for _, kind := range kinds {
		s.Links = append(s.Links, Link{Kind: kind})
	}
	return s
}

// classes turns short class names into a set.
func classes(names ...string) map[class]bool {
	of := make(map[class]bool)
	for _, name := range names {
		of[class(jisrv1.DataClass_value["DATA_CLASS_"+name])] = true
	}
	return of
}

func sees(t *testing.T, lens map[class]bool, names ...string) {
	t.Helper()
	for c := range classes(names...) {
		if !lens[c] {
			t.Errorf("%s is shut", c)
		}
	}
}

func misses(t *testing.T, lens map[class]bool, names ...string) {
	t.Helper()
	for c := range classes(names...) {
		if lens[c] {
			t.Errorf("%s is open", c)
		}
	}
}

const (
	assistance    = jisrv1.Purpose_PURPOSE_ASSISTANCE
	investigation = jisrv1.Purpose_PURPOSE_INVESTIGATION
	oversight     = jisrv1.Purpose_PURPOSE_OVERSIGHT
)

func TestNonPunishmentIsRaisedToProsecutorAndJudgeOnly(t *testing.T) {
	for _, r := range Roles() {
		lens := Lens(r, investigation, by(working...))
		want := r == jisrv1.Role_ROLE_PROSECUTOR || r == jisrv1.Role_ROLE_INVESTIGATING_JUDGE || r == jisrv1.Role_ROLE_JUDICIAL_INVESTIGATOR
		if lens[jisrv1.DataClass_DATA_CLASS_NON_PUNISHMENT] != want {
			t.Errorf("%s: %t", r, !want)
		}
	}
}

func TestSocialAffairsSeesExploitationAndNeitherChargesNorSuspectsNorMethods(t *testing.T) {
	lens := Lens(jisrv1.Role_ROLE_SOCIAL_AFFAIRS, assistance, by(jisrv1.Link_LINK_OWNER))
	sees(t, lens, "CASE_CORE", "CASE_STATUS", "VICTIM_IDENTITY", "VICTIM_LOCATION", "SUSPECT_ALERT")
	misses(t, lens, "CHARGES", "CASE_NARRATIVE", "SCREENING", "SUSPECT_IDENTITY", "SUSPECT_NOTICE", "INVESTIGATION_PLAN", "VICTIM_HEALTH", "VICTIM_STATEMENT")
}

func TestForeignAffairsSeesTheNationalityAndWithConsentTheNameAndNeverTheLocation(t *testing.T) {
	foreignAffairs, consularHelp := jisrv1.Role_ROLE_FOREIGN_AFFAIRS, jisrv1.Purpose_PURPOSE_CONSULAR
	names := []string{"VICTIM_IDENTITY", "VICTIM_DOCUMENTS", "VICTIM_CONSULAR"}
	never := []string{"VICTIM_LOCATION", "VICTIM_DISTRICT", "LIAISON_CONTACT", "VICTIM_IMMIGRATION", "VICTIM_PROFILE"}

	s := by(jisrv1.Link_LINK_RECEIVER)
	without := Lens(foreignAffairs, consularHelp, s)
	sees(t, without, "REFERENCE", "VICTIM_NATIONALITY", "RETURN_RISK")
	misses(t, without, append(never, names...)...)

	s.Consented = classes(names...)
	with := Lens(foreignAffairs, consularHelp, s)
	sees(t, with, names...)
	misses(t, with, never...)

	s.Consented = nil
	misses(t, Lens(foreignAffairs, consularHelp, s), names...)
}

func TestConsentWithoutALinkOpensNothing(t *testing.T) {
	s := Standing{Consented: classes("VICTIM_IDENTITY"), Ordered: classes("VICTIM_IDENTITY"), Own: classes("VICTIM_IDENTITY")}
	for _, r := range Roles() {
		lens := Lens(r, assistance, s)
		delete(lens, jisrv1.DataClass_DATA_CLASS_EXCHANGE)
		if len(lens) != 0 {
			t.Errorf("%s: %v", r, lens)
		}
	}
}

func TestAReaderAfterCompletionSeesItsOwnEntriesAlone(t *testing.T) {
	s := by(jisrv1.Link_LINK_PAST)
	s.Own = classes("VICTIM_HEALTH", "CHARGES")
	lens := Lens(jisrv1.Role_ROLE_SOCIAL_AFFAIRS, assistance, s)
	sees(t, lens, "REFERENCE", "REFERRAL_STATUS", "REFERRAL_PARTIES", "REFERRAL_OUTCOME", "VICTIM_HEALTH")
	misses(t, lens, "VICTIM_LOCATION", "VICTIM_IDENTITY", "CASE_CORE", "REFERRAL_REQUEST", "CHARGES")
}

func TestCommunityPoliceKeepsItsReportAndTheProgress(t *testing.T) {
	s := by(jisrv1.Link_LINK_AUTHOR)
	s.Own = classes("CASE_CORE", "CASE_NARRATIVE", "VICTIM_PROFILE", "VICTIM_IDENTITY")
	lens := Lens(jisrv1.Role_ROLE_COMMUNITY_POLICE, jisrv1.Purpose_PURPOSE_IDENTIFICATION, s)
	sees(t, lens, "PROGRESS", "CASE_CORE", "CASE_NARRATIVE", "VICTIM_PROFILE")
	misses(t, lens, "CASE_STATUS", "CASE_PARTIES", "SCREENING", "VICTIM_IDENTITY")
}

func TestTheTextOfASealGoesByOrder(t *testing.T) {
	s := by(jisrv1.Link_LINK_NAMED, jisrv1.Link_LINK_TERRITORY)
	misses(t, Lens(jisrv1.Role_ROLE_COUNTER_TRAFFICKING, investigation, s), "COURT_SEALED")
	s.Ordered = classes("COURT_SEALED")
	sees(t, Lens(jisrv1.Role_ROLE_COUNTER_TRAFFICKING, investigation, s), "COURT_SEALED")
	misses(t, Lens(jisrv1.Role_ROLE_SOCIAL_AFFAIRS, assistance, s), "COURT_SEALED")
}

func TestTerritoryOpensTheCaseAndNotTheInvestigation(t *testing.T) {
	for _, r := range []role{jisrv1.Role_ROLE_COUNTER_TRAFFICKING, jisrv1.Role_ROLE_ORGANISED_CRIME} {
		here := Lens(r, investigation, by(jisrv1.Link_LINK_TERRITORY))
		sees(t, here, "CASE_CORE", "CHARGES", "VICTIM_IDENTITY", "SUSPECT_IDENTITY")
		misses(t, here, "INVESTIGATION_PLAN", "EVIDENCE", "VICTIM_STATEMENT", "VICTIM_RISK", "LIAISON_CONTACT")
		assigned := Lens(r, investigation, by(jisrv1.Link_LINK_ASSIGNED))
		sees(t, assigned, "CASE_CORE", "INVESTIGATION_PLAN", "INVESTIGATION_SOURCES", "EVIDENCE", "LIAISON_CONTACT")
		misses(t, assigned, "VICTIM_LOCATION", "VICTIM_DISTRICT", "REFERRAL_PARTIES", "VICTIM_HEALTH")
	}
	// A transferred case: the directorate that lost it is a past party.
	gone := Lens(jisrv1.Role_ROLE_ORGANISED_CRIME, investigation, by(jisrv1.Link_LINK_PAST))
	misses(t, gone, "CASE_CORE", "CHARGES", "SUSPECT_IDENTITY")
}

func TestTerritoryIsNothingToARoleWithoutOne(t *testing.T) {
	for _, r := range []role{jisrv1.Role_ROLE_SOCIAL_AFFAIRS, jisrv1.Role_ROLE_CASSATION_COURT, jisrv1.Role_ROLE_ASAYISH} {
		misses(t, Lens(r, investigation, by(jisrv1.Link_LINK_TERRITORY, jisrv1.Link_LINK_OVERSIGHT)), "CASE_STATUS", "CASE_CORE", "VICTIM_PROFILE", "REFERRAL_STATUS")
	}
}

func TestAScopeNarrowsAllButOnesDealings(t *testing.T) {
	s := Standing{Links: []Link{{Kind: jisrv1.Link_LINK_RECEIVER, Scope: classes("CARE_INSTRUCTIONS", "SUSPECT_IDENTITY")}}}
	lens := Lens(jisrv1.Role_ROLE_SOCIAL_AFFAIRS, assistance, s)
	sees(t, lens, "REFERENCE", "REFERRAL_STATUS", "REFERRAL_PARTIES", "PROGRESS", "CARE_INSTRUCTIONS")
	misses(t, lens, "VICTIM_IDENTITY", "VICTIM_LOCATION", "REFERRAL_REQUEST", "SUSPECT_IDENTITY")
}

func TestAnNgoNeedsLinkAndConsentAndScope(t *testing.T) {
	ngo := jisrv1.Role_ROLE_NGO
	s := Standing{
		Links:     []Link{{Kind: jisrv1.Link_LINK_RECEIVER, Scope: classes("VICTIM_IDENTITY", "VICTIM_ALIAS")}},
		Consented: classes("VICTIM_IDENTITY", "VICTIM_PROFILE"),
	}
	lens := Lens(ngo, assistance, s)
	sees(t, lens, "VICTIM_IDENTITY")
	misses(t, lens, "VICTIM_ALIAS", "VICTIM_PROFILE")
}

func TestAsayishSeesIdentityAndStatementByOrderOnly(t *testing.T) {
	s := by(jisrv1.Link_LINK_ASSIGNED)
	sees(t, Lens(jisrv1.Role_ROLE_ASAYISH, investigation, s), "CASE_CORE", "SUSPECT_IDENTITY")
	misses(t, Lens(jisrv1.Role_ROLE_ASAYISH, investigation, s), "VICTIM_IDENTITY", "VICTIM_STATEMENT", "INVESTIGATION_PLAN")
	s.Ordered = classes("VICTIM_IDENTITY", "VICTIM_LOCATION", "INVESTIGATION_SOURCES")
	sees(t, Lens(jisrv1.Role_ROLE_ASAYISH, investigation, s), "VICTIM_IDENTITY")
	misses(t, Lens(jisrv1.Role_ROLE_ASAYISH, investigation, s), "VICTIM_LOCATION", "INVESTIGATION_SOURCES")
}

func TestAnOrderIsReadByWhomItAddresses(t *testing.T) {
	for _, r := range []role{jisrv1.Role_ROLE_RESIDENCY, jisrv1.Role_ROLE_HEALTH, jisrv1.Role_ROLE_COUNTER_TRAFFICKING} {
		sees(t, Lens(r, assistance, by(jisrv1.Link_LINK_ADDRESSED)), "COURT_ORDERS")
		misses(t, Lens(r, assistance, by(jisrv1.Link_LINK_OWNER, jisrv1.Link_LINK_TERRITORY)), "COURT_ORDERS")
	}
	misses(t, Lens(jisrv1.Role_ROLE_COMMUNITY_POLICE, assistance, by(jisrv1.Link_LINK_ADDRESSED)), "COURT_ORDERS")
	sees(t, Lens(jisrv1.Role_ROLE_PROSECUTOR, investigation, by(jisrv1.Link_LINK_TERRITORY)), "COURT_ORDERS", "HEARINGS")
}

func TestTheReceiverOfAReferralIsKnownToItsPartiesAndTheJudge(t *testing.T) {
	for _, r := range Roles() {
		judge := r == jisrv1.Role_ROLE_INVESTIGATING_JUDGE || r == jisrv1.Role_ROLE_JUDICIAL_INVESTIGATOR
		lens := Lens(r, investigation, by(jisrv1.Link_LINK_OWNER, jisrv1.Link_LINK_ASSIGNED, jisrv1.Link_LINK_TERRITORY, jisrv1.Link_LINK_OVERSIGHT))
		if lens[jisrv1.DataClass_DATA_CLASS_REFERRAL_PARTIES] != judge {
			t.Errorf("%s: %t", r, !judge)
		}
	}
	receiver := Lens(jisrv1.Role_ROLE_HEALTH, assistance, by(jisrv1.Link_LINK_RECEIVER))
	sees(t, receiver, "REFERRAL_STATUS", "REFERRAL_PARTIES", "REFERRAL_REQUEST")
	misses(t, receiver, "REFERRAL_LOGISTICS")
	misses(t, Lens(jisrv1.Role_ROLE_HEALTH, assistance, by(jisrv1.Link_LINK_PAST)), "REFERRAL_REQUEST")
}

func TestARoleThatOnlyPassesOnFollowsWhatItSent(t *testing.T) {
	sent, received := by(jisrv1.Link_LINK_SENDER), by(jisrv1.Link_LINK_RECEIVER)
	for _, r := range []role{jisrv1.Role_ROLE_COMMUNITY_POLICE, jisrv1.Role_ROLE_ASAYISH} {
		sees(t, Lens(r, assistance, sent), "REFERRAL_STATUS", "REFERRAL_PARTIES", "REFERRAL_OUTCOME")
		misses(t, Lens(r, assistance, sent), "REFERRAL_REQUEST", "REFERRAL_LOGISTICS")
		misses(t, Lens(r, assistance, received), "REFERRAL_STATUS", "REFERRAL_PARTIES", "REFERRAL_REQUEST")
	}
}

func TestTheMonitorSeesTheLogAndNoPerson(t *testing.T) {
	s := by(jisrv1.Link_LINK_OVERSIGHT)
	lens := Lens(jisrv1.Role_ROLE_HUMAN_RIGHTS, oversight, s)
	sees(t, lens, "CASE_STATUS", "CASE_CORE", "REFERRAL_STATUS", "CONSENT_SCOPE", "CONSENT_RECORD", "LOG_ENTRY")
	misses(t, lens, "CASE_PARTIES", "PROGRESS", "VICTIM_IDENTITY", "VICTIM_PROFILE", "REFERRAL_PARTIES", "LOG_AGENCY", "SHARE_TERMS")
	s.Consented = classes("VICTIM_IDENTITY", "VICTIM_LOCATION")
	complaint := Lens(jisrv1.Role_ROLE_HUMAN_RIGHTS, oversight, s)
	sees(t, complaint, "VICTIM_IDENTITY")
	misses(t, complaint, "VICTIM_LOCATION")
}

func TestTheLogIsTheOwners(t *testing.T) {
	s := by(jisrv1.Link_LINK_PARTICIPANT, jisrv1.Link_LINK_TERRITORY, jisrv1.Link_LINK_AUTHOR)
	s.ActorSeen = true
	misses(t, Lens(jisrv1.Role_ROLE_COUNTER_TRAFFICKING, investigation, s), "LOG_ENTRY", "LOG_AGENCY")
	s = by(jisrv1.Link_LINK_OWNER)
	sees(t, Lens(jisrv1.Role_ROLE_COUNTER_TRAFFICKING, investigation, s), "LOG_ENTRY")
	misses(t, Lens(jisrv1.Role_ROLE_COUNTER_TRAFFICKING, investigation, s), "LOG_AGENCY")
	s.ActorSeen = true
	sees(t, Lens(jisrv1.Role_ROLE_COUNTER_TRAFFICKING, investigation, s), "LOG_AGENCY")
}

func TestAPurposeIsACeiling(t *testing.T) {
	everything := by(working...)
	everything.Own = set(Classes()...)
	everything.Ordered = everything.Own
	everything.Consented = everything.Own
	for _, c := range Classes() {
		for _, r := range Roles() {
			if Lens(r, jisrv1.Purpose_PURPOSE_STATISTICS, everything)[c] && !statistical[c] {
				t.Errorf("%s counts with %s", r, c)
			}
			if Lens(r, jisrv1.Purpose_PURPOSE_OPERATIONS, everything)[c] {
				t.Errorf("%s operates with %s", r, c)
			}
		}
	}
	s := by(jisrv1.Link_LINK_OWNER)
	sees(t, Lens(jisrv1.Role_ROLE_INVESTIGATING_JUDGE, jisrv1.Purpose_PURPOSE_ADJUDICATION, s), "VICTIM_LOCATION")
	misses(t, Lens(jisrv1.Role_ROLE_INVESTIGATING_JUDGE, jisrv1.Purpose_PURPOSE_CONSULAR, s), "VICTIM_LOCATION", "CHARGES")
}

func TestOperationsSeesNothing(t *testing.T) {
	for _, purpose := range Purposes() {
		if lens := Lens(jisrv1.Role_ROLE_OPERATIONS, purpose, by(append(working, lookers...)...)); len(lens) != 0 {
			t.Errorf("%s: %v", purpose, lens)
		}
	}
}

func TestAJudicialInvestigatorReadsAsTheJudge(t *testing.T) {
	for _, link := range []jisrv1.Link{jisrv1.Link_LINK_OWNER, jisrv1.Link_LINK_TERRITORY, jisrv1.Link_LINK_PAST} {
		judge := Lens(jisrv1.Role_ROLE_INVESTIGATING_JUDGE, investigation, by(link))
		investigator := Lens(jisrv1.Role_ROLE_JUDICIAL_INVESTIGATOR, investigation, by(link))
		for _, c := range Classes() {
			if judge[c] != investigator[c] {
				t.Errorf("%s by %s: judge %t", c, link, judge[c])
			}
		}
	}
}
