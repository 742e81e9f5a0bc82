package jisrtest_test

import (
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/jisrtest"
)

// attempt lets the onlooker try every rpc that changes something, on what it may
// know, on what is hidden from it and on what never was. What it may do is done,
// in both worlds; what it may not do must be refused alike.
func (w *world) attempt(names map[string]string) {
	w.t.Helper()
	p, asks := w.tape, w.asks(w.reader, names)
	for _, in := range []string{"case", "sealed case", "other case", "no case"} {
		w.attemptIn(p, asks, asks[in])
	}
	for _, person := range []string{"first", "second", "third", "sealed victim", "Erbil victim", "no victim"} {
		w.attemptOn(p, asks, asks[person])
	}
	for _, referral := range []string{"referral", "interpreting", "judge's referral", "Erbil referral", "no referral"} {
		name := asks[referral]
		p.call("ReferralService/UpdateReferral", "referral", jisrv1.Referral_builder{Name: name, Logistics: jisrv1.ReferralLogistics_builder{Text: "by the onlooker"}.Build()}.Build(), "update_mask", paths("logistics"))
		for _, verb := range []string{"Receive", "Return", "Send", "Accept", "Start", "Complete", "Discontinue", "Reject", "Withdraw"} {
			p.call("ReferralService/"+verb+"Referral", "name", name, "reason", jisrv1.Referral_END_REASON_OTHER)
		}
	}
	for _, order := range []string{"forensic order", "quiet order", "seal", "no order"} {
		p.call("OrderService/RevokeOrder", "name", asks[order])
	}
	for _, share := range []string{"share", "other share"} {
		p.call("CaseService/EndShare", "name", asks[share])
	}
	for _, consent := range []string{"consent", "first's consent", "no consent"} {
		p.call("ConsentService/WithdrawConsent", "name", asks[consent])
	}
	p.call("CaseService/CreateCase", "case", jisrtest.BaghdadCase())
	p.call("CaseService/CreateCase", "case", jisrv1.Case_builder{CrimeType: jisrv1.Case_CRIME_TYPE_TRAFFICKING_IN_PERSONS, Governorate: "IQG08", AdministeringAuthority: jisrv1.Jurisdiction_JURISDICTION_FEDERAL}.Build())
	p.call("NotificationService/AcknowledgeDeliveries", "parent", p.client.Agency, "names", []string{p.client.Agency + "/deliveries/aaaaaaaaaaaaaaaaaaaaaaaaaa"})
	p.call("AgreementService/GetAgreement")
	p.call("AgreementService/GetDisclosureMatrix")
	p.pages("DirectoryService/ListAgencies", "")
	p.call("DirectoryService/GetAgency", "name", "agencies/molsa")
}

func paths(p ...string) *fieldmaskpb.FieldMask { return &fieldmaskpb.FieldMask{Paths: p} }

// attemptIn tries what is done to a case.
func (w *world) attemptIn(p *tape, asks map[string]string, in string) {
	c := jisrtest.BaghdadCase()
	c.SetName(in)
	for _, path := range []string{"core", "narrative", "sources", "hearings"} {
		p.call("CaseService/UpdateCase", "case", c, "update_mask", paths(path))
	}
	p.call("CaseService/AdvanceCase", "name", in, "state", jisrv1.Case_STATE_DISMISSED)
	p.call("CaseService/ShareCase", "parent", in, "share", jisrv1.Share_builder{Agency: "agencies/kri-erbil-felony"}.Build())
	p.call("CaseService/CreateVictim", "parent", in, "victim", jisrv1.Victim_builder{PersonRole: jisrv1.Victim_PERSON_ROLE_WITNESS}.Build())
	p.call("CaseService/CreateSuspect", "parent", in, "suspect", jisrv1.Suspect_builder{Endangers: []string{asks["second"]}}.Build())
	p.call("CaseService/UpdateSuspect", "suspect", jisrv1.Suspect_builder{Name: asks["suspect"], Alert: jisrv1.SuspectAlert_builder{Relation: "neighbour"}.Build()}.Build(), "update_mask", paths("alert"))
	p.call("NotificationService/SendNotification", "notification", jisrv1.Notification_builder{
		Case: in, Subject: jisrv1.Notification_SUBJECT_UPDATE, Receivers: []string{"agencies/kri-dcoc"},
	}.Build())
	p.call("OrderService/IssueOrder", "parent", in, "order", jisrv1.Order_builder{
		Kind: jisrv1.Order_KIND_NO_CONTACT, Target: in, Decision: jisrv1.Decision_builder{Court: "Rusafa", Number: "99/ت/2026", Date: "2026-11-22"}.Build(),
	}.Build())
}

// attemptOn tries what is done about a person.
func (w *world) attemptOn(p *tape, asks map[string]string, person string) {
	in, _, _ := strings.Cut(person, "/victims/")
	v := jisrtest.Person(1)
	v.SetName(person)
	for _, path := range []string{"nationality", "location", "risk", "health", "consular"} {
		w.text(v, func(jisrv1.DataClass) bool { return false })
		p.call("CaseService/UpdateVictim", "victim", v, "update_mask", paths(path))
	}
	p.call("ConsentService/RequestConsent", "parent", person, "consent", given(jisrv1.Role_ROLE_MIGRATION, jisrv1.Purpose_PURPOSE_ASSISTANCE, jisrv1.DataClass_DATA_CLASS_VICTIM_IDENTITY))
	p.call("ConsentService/RecordConsent", "parent", person, "answer", jisrv1.Consent_STATE_GIVEN, "consent",
		given(jisrv1.Role_ROLE_MIGRATION, jisrv1.Purpose_PURPOSE_ASSISTANCE, jisrv1.DataClass_DATA_CLASS_VICTIM_IDENTITY))
	for _, kind := range []jisrv1.Referral_Kind{jisrv1.Referral_KIND_INTERPRETER, jisrv1.Referral_KIND_CHILD_PROTECTION, jisrv1.Referral_KIND_SHELTER_PLACEMENT} {
		p.call("ReferralService/CreateReferral", "parent", in, "referral", jisrv1.Referral_builder{Kind: kind, Victim: person, Receiver: "agencies/ngo-shelter-erbil"}.Build())
	}
}

// unasked are the rpcs of the contract that none of the takes is of.
func unasked(takes []take) (rpcs []string) {
	protoregistry.GlobalFiles.RangeFilesByPackage("jisr.v1", func(f protoreflect.FileDescriptor) bool {
		for i := range f.Services().Len() {
			service := f.Services().Get(i)
			for j := range service.Methods().Len() {
				rpc := string(service.Name()) + "/" + string(service.Methods().Get(j).Name())
				if !slices.ContainsFunc(takes, func(k take) bool { return strings.HasPrefix(k.label+" ", rpc+" ") }) {
					rpcs = append(rpcs, rpc)
				}
			}
		}
		return true
	})
	slices.Sort(rpcs)
	return rpcs
}
