package agreement

import (
	"slices"
	"testing"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/record"
)

func TestWhoeverOpensARecordMayTellWhatMakesIt(t *testing.T) {
	p := newPlay(t)
	created := Standing{Links: p.by("OWNER").Links, Own: record.EveryClass}
	for rpc, classes := range map[string]record.ClassSet{
		"CaseService/CreateCase":               p.classes("CASE_CORE"),
		"CaseService/CreateVictim":             p.classes("VICTIM_PROFILE", "VICTIM_IDENTITY"),
		"CaseService/CreateSuspect":            p.classes("SUSPECT_IDENTITY", "SUSPECT_NOTICE", "SUSPECT_ALERT"),
		"CaseService/ShareCase":                p.classes("SHARE_TERMS"),
		"ReferralService/CreateReferral":       p.classes("REFERRAL_STATUS", "REFERRAL_PARTIES", "REFERRAL_REQUEST", "REFERRAL_LOGISTICS"),
		"ConsentService/RequestConsent":        p.classes("CONSENT_SCOPE"),
		"ConsentService/RecordConsent":         p.classes("CONSENT_SCOPE", "CONSENT_RECORD"),
		"OrderService/IssueOrder":              p.classes("COURT_ORDERS"),
		"NotificationService/SendNotification": p.classes("NOTIFICATION", "NOTIFICATION_RECEIPTS"),
	} {
		roles := p.law.RolesFor(rpc)
		if len(roles) == 0 {
			t.Errorf("nobody may call %s", rpc)
		}
		for _, role := range roles {
			if missing := classes &^ p.pen(RoleName(role), created); missing != 0 {
				t.Errorf("%s may call %s and cannot tell %v", RoleName(role), rpc, missing.List())
			}
		}
	}
}

func TestWhoeverMayKnowOfARecordMayAskForIt(t *testing.T) {
	l := shippedLaw(t)
	for name, rpc := range map[string]string{
		"Case": "CaseService/GetCase", "Victim": "CaseService/GetVictim", "Suspect": "CaseService/GetSuspect",
		"Referral": "ReferralService/GetReferral", "Consent": "ConsentService/GetConsent", "Order": "OrderService/GetOrder",
		"Share": "CaseService/ListShares", "Notification": "NotificationService/GetNotification",
		"Delivery": "NotificationService/PullDeliveries", "LogEntry": "AuditService/ListLogEntries",
	} {
		for _, role := range every[jisrv1.Role]() {
			if shelf, door := l.Shelf(role, name) != 0, l.MayCall(role, rpc); shelf != door {
				t.Errorf("%s: may know of a %s: %v, may call %s: %v", RoleName(role), name, shelf, rpc, door)
			}
		}
	}
}

func TestRpcsNamesTheContract(t *testing.T) {
	names := Rpcs()
	for _, want := range []string{"CaseService/GetCase", "OrderService/IssueOrder", Reflection} {
		if !slices.Contains(names, want) {
			t.Errorf("%s is not there", want)
		}
	}
	l := shippedLaw(t)
	if l.MayCall(jisrv1.Role_ROLE_COUNTER_TRAFFICKING, "CaseService/BurnCase") || l.MayCall(0, "CaseService/GetCase") {
		t.Error("an rpc or a role that does not exist is let in")
	}
	if !l.MayCall(jisrv1.Role_ROLE_COUNTER_TRAFFICKING, "CaseService/GetCase") {
		t.Error("counter-trafficking police may not read a case")
	}
}

func TestReferralTerms(t *testing.T) {
	p := newPlay(t)
	shelter, ok := p.law.Referral(jisrv1.Referral_KIND_SHELTER_PLACEMENT)
	if !ok || shelter.Order != jisrv1.Order_KIND_SHELTER || !shelter.Protection || shelter.Consent {
		t.Errorf("a place in a shelter rests on the wrong terms: %+v", shelter)
	}
	if !shelter.Receivers.Has(p.role("ngo")) || shelter.Receivers.Has(p.role("counter_trafficking")) {
		t.Error("the wrong roles receive a place in a shelter")
	}
	legal, _ := p.law.Referral(jisrv1.Referral_KIND_LEGAL_AID)
	if !legal.Consent || legal.Scope.Has(p.class("VICTIM_LOCATION")) || !shelter.Scope.Has(p.class("VICTIM_LOCATION")) {
		t.Error("legal aid opens where the person is, or needs no consent")
	}
	if _, ok := p.law.Referral(0); ok {
		t.Error("the unspecified kind has terms")
	}
}
