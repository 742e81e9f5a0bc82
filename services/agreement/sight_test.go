package agreement

import (
	"testing"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/record"
)

func TestForeignAffairsReadsNationalityWithoutConsentAndNameWithIt(t *testing.T) {
	p := newPlay(t)
	st := p.by("RECEIVER")
	p.reads("foreign_affairs", st, "VICTIM_NATIONALITY", "RETURN_RISK", "CASE_CORE")
	p.cannotRead("foreign_affairs", st, "VICTIM_IDENTITY", "VICTIM_DOCUMENTS", "VICTIM_CONSULAR")
	agreed := p.consented(st, "VICTIM_IDENTITY", "VICTIM_DOCUMENTS", "VICTIM_CONSULAR")
	p.reads("foreign_affairs", agreed, "VICTIM_IDENTITY", "VICTIM_DOCUMENTS", "VICTIM_CONSULAR")
}

func TestForeignAffairsNeverReadsWhereThePersonIsNorWhatTheyFledFrom(t *testing.T) {
	p := newPlay(t)
	p.cannotRead("foreign_affairs", everyLink(), "VICTIM_LOCATION", "VICTIM_DISTRICT", "LIAISON_CONTACT", "VICTIM_IMMIGRATION", "VICTIM_RISK", "VICTIM_HEALTH")
	p.reads("foreign_affairs", everyLink(), "RETURN_RISK", "VICTIM_CONSULAR")
}

func TestNobodyButCarersAndTheJudgeReadsTheShelter(t *testing.T) {
	p := newPlay(t)
	may := map[string]bool{
		"violence_against_women": true, "social_affairs": true, "ngo": true,
		"investigating_judge": true, "judicial_investigator": true,
		"prosecutor": true, // by a judge's order alone, which the next test holds to
	}
	for _, role := range every[jisrv1.Role]() {
		name := RoleName(role)
		if got := p.lens(name, everyLink()).Has(p.class("VICTIM_LOCATION")); got != may[name] {
			t.Errorf("%s reads the location: %v, want %v", name, got, may[name])
		}
	}
}

func TestPoliceReachTheVictimThroughTheLiaisonAndNotTheAddress(t *testing.T) {
	p := newPlay(t)
	for _, police := range []string{"counter_trafficking", "organised_crime"} {
		p.reads(police, p.by("OWNER"), "LIAISON_CONTACT")
		p.cannotRead(police, everyLink(), "VICTIM_LOCATION", "VICTIM_DISTRICT")
		p.cannotRead(police, p.by("TERRITORY"), "LIAISON_CONTACT")
	}
}

func TestCommunityPoliceKeepTheirReportAndFollowItsProgress(t *testing.T) {
	p := newPlay(t)
	before := p.wrote(p.by("OWNER", "AUTHOR"), "CASE_CORE", "CASE_NARRATIVE", "VICTIM_PROFILE", "VICTIM_IDENTITY")
	p.reads("community_police", before, "PROGRESS", "CASE_CORE", "CASE_NARRATIVE", "VICTIM_PROFILE")
	p.tells("community_police", before, "CASE_CORE", "VICTIM_IDENTITY")
	after := p.wrote(p.by("AUTHOR"), "CASE_CORE", "CASE_NARRATIVE", "VICTIM_PROFILE", "VICTIM_IDENTITY")
	p.reads("community_police", after, "PROGRESS", "CASE_CORE", "CASE_NARRATIVE", "VICTIM_PROFILE")
	p.cannotRead("community_police", after, "CASE_STATUS", "CASE_PARTIES", "VICTIM_IDENTITY")
	p.cannotTell("community_police", after, "CASE_CORE", "VICTIM_IDENTITY")
	p.cannotRead("community_police", everyLink(), "VICTIM_IDENTITY")
}

func TestPoliceReadTheirTerritoryAndNoOther(t *testing.T) {
	p := newPlay(t)
	for _, role := range []string{"counter_trafficking", "organised_crime", "prosecutor", "investigating_judge", "judicial_investigator", "trial_court"} {
		p.reads(role, p.by("TERRITORY"), "CASE_CORE", "VICTIM_IDENTITY", "SUSPECT_IDENTITY")
		p.cannotRead(role, p.by("AUTHOR"), "CASE_CORE", "VICTIM_IDENTITY", "SUSPECT_IDENTITY")
	}
	for _, role := range []string{"counter_trafficking", "organised_crime"} {
		p.cannotRead(role, p.by("TERRITORY"), "INVESTIGATION_PLAN", "INVESTIGATION_SOURCES", "VICTIM_STATEMENT", "VICTIM_RISK")
		p.cannotTell(role, p.by("TERRITORY"), "CASE_CORE")
		p.reads(role, p.by("ASSIGNED"), "INVESTIGATION_PLAN", "VICTIM_STATEMENT", "VICTIM_RISK")
	}
	p.cannotRead("cassation_court", p.by("TERRITORY"), "CASE_CORE")
	p.reads("cassation_court", p.by("ASSIGNED"), "CASE_CORE")
}

func TestProsecutorReadsThePlanAndNotTheSources(t *testing.T) {
	p := newPlay(t)
	p.reads("prosecutor", p.by("TERRITORY"), "INVESTIGATION_PLAN")
	p.cannotRead("prosecutor", everyLink(), "INVESTIGATION_SOURCES")
	p.reads("investigating_judge", p.by("TERRITORY"), "INVESTIGATION_SOURCES")
}

func TestPoliceNeverReadThatAVictimIsAccused(t *testing.T) {
	p := newPlay(t)
	for _, role := range []string{"community_police", "counter_trafficking", "organised_crime", "asayish", "residency"} {
		p.cannotRead(role, everyLink(), "NON_PUNISHMENT")
	}
	p.reads("prosecutor", p.by("TERRITORY"), "NON_PUNISHMENT")
}

func TestHealthIsSecret(t *testing.T) {
	p := newPlay(t)
	for _, role := range []string{"community_police", "counter_trafficking", "organised_crime", "asayish", "residency", "foreign_affairs", "migration", "human_rights", "committee"} {
		p.cannotRead(role, everyLink(), "VICTIM_HEALTH", "CARE_INSTRUCTIONS", "FORENSIC_REPORT")
	}
	for _, role := range []string{"prosecutor", "investigating_judge", "trial_court"} {
		p.cannotRead(role, p.by("OWNER", "TERRITORY", "ASSIGNED"), "VICTIM_HEALTH")
	}
	p.reads("health", p.by("RECEIVER"), "VICTIM_HEALTH")
	// Carers act on instructions and reread only their own notes.
	p.reads("social_affairs", p.by("RECEIVER"), "CARE_INSTRUCTIONS")
	p.cannotRead("social_affairs", p.by("RECEIVER"), "VICTIM_HEALTH")
	p.reads("social_affairs", p.wrote(p.by("RECEIVER"), "VICTIM_HEALTH"), "VICTIM_HEALTH")
}

func TestForensicReportGoesToTheJudge(t *testing.T) {
	p := newPlay(t)
	p.reads("investigating_judge", p.by("TERRITORY"), "FORENSIC_REPORT")
	p.cannotRead("prosecutor", p.by("TERRITORY"), "FORENSIC_REPORT")
	p.cannotRead("health", p.by("RECEIVER"), "FORENSIC_REPORT")
	p.reads("health", p.wrote(p.by("RECEIVER"), "FORENSIC_REPORT"), "FORENSIC_REPORT")
}

func TestShelterReadsWhoIsAtTheDoor(t *testing.T) {
	p := newPlay(t)
	for _, role := range []string{"social_affairs", "ngo", "violence_against_women"} {
		p.reads(role, p.by("RECEIVER"), "SUSPECT_ALERT")
		p.cannotRead(role, everyLink(), "SUSPECT_IDENTITY", "CHARGES", "INVESTIGATION_PLAN", "COURT_PROCEEDINGS")
	}
}

func TestResidencyReadsTheHoldAndNotThePerson(t *testing.T) {
	p := newPlay(t)
	p.reads("residency", p.by("RECEIVER"), "IMMIGRATION_HOLD")
	p.cannotRead("residency", p.by("RECEIVER"), "VICTIM_DOCUMENTS", "CASE_CORE", "CASE_STATUS", "VICTIM_NATIONALITY")
	p.reads("residency", p.scoped("DISCLOSED", "VICTIM_DOCUMENTS"), "VICTIM_DOCUMENTS")
	p.cannotRead("residency", everyLink(), "VICTIM_IDENTITY", "VICTIM_IMMIGRATION")
}

func TestMonitorReadsTheCoreAndANameOnlyOnComplaint(t *testing.T) {
	p := newPlay(t)
	st := p.by("OVERSIGHT")
	p.reads("human_rights", st, "CASE_CORE", "CASE_STATUS", "REFERRAL_STATUS", "CONSENT_RECORD", "LOG_ENTRY")
	p.cannotRead("human_rights", st, "VICTIM_IDENTITY")
	p.cannotRead("human_rights", everyLink(), "CASE_PARTIES", "REFERRAL_PARTIES", "LOG_AGENCY", "VICTIM_LOCATION")
	p.reads("human_rights", p.consented(st, "VICTIM_IDENTITY"), "VICTIM_IDENTITY")
	p.cannotRead("committee", everyLink(), "VICTIM_IDENTITY", "CONSENT_SCOPE", "CASE_PARTIES")
}

func TestOperationsReadsNothingOfACase(t *testing.T) {
	p := newPlay(t)
	op := p.role("operations")
	want := p.classes("EXCHANGE")
	if got := p.lens("operations", everyLink()); got != want {
		t.Errorf("operations reads %v", got.List())
	}
	if got := p.pen("operations", everyLink()); got != 0 {
		t.Errorf("operations tells %v", got.List())
	}
	for _, typ := range record.Types() {
		if p.law.Shelf(op, typ.Name) != 0 {
			t.Errorf("operations may know of a %s", typ.Name)
		}
	}
}

func TestWhoWasMerelyToldAnswersAndTellsNothingElse(t *testing.T) {
	p := newPlay(t)
	answers := p.classes("RETURN_RISK", "IMMIGRATION_HOLD", "VICTIM_CONSULAR")
	for _, role := range every[jisrv1.Role]() {
		if more := p.pen(RoleName(role), p.by("NOTIFIED")) &^ answers; more != 0 {
			t.Errorf("merely told, %s tells %v", RoleName(role), more.List())
		}
	}
	p.tells("foreign_affairs", p.by("NOTIFIED"), "VICTIM_CONSULAR")
	p.tells("residency", p.by("NOTIFIED"), "IMMIGRATION_HOLD")
	p.cannotTell("foreign_affairs", p.scoped("NOTIFIED", "RETURN_RISK"), "VICTIM_CONSULAR")
	// A share or a referral is work.
	p.tells("social_affairs", p.by("RECEIVER"), "VICTIM_PROFILE", "VICTIM_RISK")
}
