package jisrtest_test

import (
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/jisrtest"
)

const (
	identity    = jisrv1.DataClass_DATA_CLASS_VICTIM_IDENTITY
	documents   = jisrv1.DataClass_DATA_CLASS_VICTIM_DOCUMENTS
	forConsular = jisrv1.Purpose_PURPOSE_CONSULAR
	abroad      = jisrv1.Role_ROLE_FOREIGN_AFFAIRS
)

// legalAid is what legal aid shows of a person, as far as it takes the person's consent.
var legalAid = []jisrv1.DataClass{
	identity, documents, jisrv1.DataClass_DATA_CLASS_VICTIM_PROFILE, jisrv1.DataClass_DATA_CLASS_VICTIM_NATIONALITY,
	jisrv1.DataClass_DATA_CLASS_VICTIM_ALIAS, jisrv1.DataClass_DATA_CLASS_IMMIGRATION_HOLD,
}

// sections are what of the person foreign affairs reads, wherever it reads it.
type sections struct{ nationality, name, passport bool }

// abroadReads asks for the victim in every way there is, and fails where the ways differ.
func abroadReads(t *testing.T, p *jisrtest.Play) sections {
	t.Helper()
	mofa := consular(p)
	all := []*jisrv1.Victim{got(getVictim(mofa, p.First))(t)}
	for _, v := range got(mofa.ListVictims(ctx, jisrv1.ListVictimsRequest_builder{Parent: p.Case}.Build()))(t).GetVictims() {
		if v.GetName() == p.First {
			all = append(all, v)
		}
	}
	for _, part := range got(recvFile(mofa, p.Case))(t) {
		if v := part.GetVictim(); v.GetName() == p.First {
			all = append(all, v)
		}
	}
	if len(all) != 3 {
		t.Fatalf("the victim shows in %d of three ways to read it", len(all))
	}
	var seen []sections
	for _, v := range all {
		if v.HasLocation() || v.HasDistrict() || v.HasLiaison() || v.HasRisk() || v.HasImmigration() || v.HasHealth() {
			t.Errorf("foreign affairs reads where the person is, or what else it never may: %v", v)
		}
		seen = append(seen, sections{v.HasNationality(), v.HasIdentity(), v.HasDocuments()})
	}
	if seen[0] != seen[1] || seen[0] != seen[2] {
		t.Errorf("one way to read shows more than another: %v", seen)
	}
	return seen[0]
}

func TestForeignAffairsLearnsTheNameWithConsentAndLosesItWithTheConsent(t *testing.T) {
	p := baghdad(t)
	housed(t, p)
	p.Notify(jisrtest.Foreign)
	if s := abroadReads(t, p); s != (sections{nationality: true}) {
		t.Errorf("without consent: %+v", s)
	}
	c := p.Consent(jisrtest.Police, abroad, forConsular, identity, documents)
	if s := abroadReads(t, p); s != (sections{true, true, true}) {
		t.Errorf("with consent: %+v", s)
	}
	got(withdraw(p.As(jisrtest.Police), c.GetName()))(t)
	if s := abroadReads(t, p); s != (sections{nationality: true}) {
		t.Errorf("after withdrawal: %+v", s)
	}
}

func TestConsentOpensWhatItNamesForItsPurposeAndPersonAlone(t *testing.T) {
	p := baghdad(t)
	p.Notify(jisrtest.Foreign)
	p.Consent(jisrtest.Police, abroad, forConsular, identity)
	if s := abroadReads(t, p); s != (sections{nationality: true, name: true}) {
		t.Errorf("a consent to the name opens %+v", s)
	}
	other := p.AsFor(jisrtest.Foreign, abroad, jisrv1.Purpose_PURPOSE_PROTECTION)
	if got(getVictim(other, p.First))(t).HasIdentity() {
		t.Error("a consent for one purpose opens the name for another")
	}
	if got(getVictim(consular(p), p.Second))(t).HasIdentity() {
		t.Error("one person's consent opens another's name")
	}
}

func TestConsentEndsAtItsTerm(t *testing.T) {
	s := newStage()
	p := jisrtest.Opened(t, s.start(t))
	p.Notify(jisrtest.Foreign)
	c := given(abroad, forConsular, identity)
	c.SetExpireTime(timestamppb.New(noon.Add(time.Hour)))
	got(p.As(jisrtest.Police).RecordConsent(ctx, jisrv1.RecordConsentRequest_builder{Parent: p.First, Answer: jisrv1.Consent_STATE_GIVEN, Consent: c}.Build()))(t)
	if !abroadReads(t, p).name {
		t.Error("the consent opens nothing before its term")
	}
	s.pass(time.Hour - time.Microsecond)
	if !abroadReads(t, p).name {
		t.Error("the consent ends before its term")
	}
	s.pass(time.Microsecond)
	if abroadReads(t, p).name {
		t.Error("the consent outlives its term")
	}
}

func TestRefusalAndRequestOpenNothing(t *testing.T) {
	p := baghdad(t)
	p.Notify(jisrtest.Foreign)
	police := p.As(jisrtest.Police)
	asked := given(abroad, forConsular, identity)
	asked.ClearRecord()
	c := got(police.RequestConsent(ctx, jisrv1.RequestConsentRequest_builder{Parent: p.First, Consent: asked}.Build()))(t)
	if abroadReads(t, p).name {
		t.Error("to ask is to have")
	}
	asked.SetName(c.GetName())
	got(police.RecordConsent(ctx, jisrv1.RecordConsentRequest_builder{Parent: p.First, Consent: asked, Answer: jisrv1.Consent_STATE_REFUSED}.Build()))(t)
	if abroadReads(t, p).name {
		t.Error("a refusal opens the name")
	}
	refused(police.RecordConsent(ctx, jisrv1.RecordConsentRequest_builder{Parent: p.First, Consent: asked, Answer: jisrv1.Consent_STATE_NOT_REQUIRED}.Build()))(t, fault.TransitionNotAllowed)
}

func TestGuardianWhoIsASuspectCannotConsent(t *testing.T) {
	p := baghdad(t)
	for _, standing := range []jisrv1.ConsentRecord_GuardianStanding{
		jisrv1.ConsentRecord_GUARDIAN_STANDING_UNSPECIFIED, jisrv1.ConsentRecord_GUARDIAN_STANDING_SUSPECT,
	} {
		c := given(abroad, forConsular, identity)
		c.GetRecord().SetGivenBy(jisrv1.ConsentRecord_GIVEN_BY_GUARDIAN)
		c.GetRecord().SetGuardianStanding(standing)
		refused(p.As(jisrtest.Police).RecordConsent(ctx, jisrv1.RecordConsentRequest_builder{Parent: p.First, Answer: jisrv1.Consent_STATE_GIVEN, Consent: c}.Build()))(t, fault.InvalidRequest)
	}
}

func TestWithdrawalEndsTheReferralThatRestedOnConsent(t *testing.T) {
	for _, accepted := range []bool{false, true} {
		p := baghdad(t)
		ngo := p.AsFor(jisrtest.NGO, ngoRole, assisting)
		c := p.Consent(jisrtest.Police, ngoRole, assisting, legalAid...)
		r := p.Refer(jisrv1.Referral_KIND_LEGAL_AID, jisrtest.NGO)
		want := jisrv1.Referral_STATE_WITHDRAWN
		if accepted {
			got(accept(ngo, r.GetName()))(t)
			want = jisrv1.Referral_STATE_DISCONTINUED
		}
		if !got(getVictim(ngo, p.First))(t).HasIdentity() {
			t.Error("the organisation cannot read whom it helps, with consent")
		}
		got(withdraw(p.As(jisrtest.Police), c.GetName()))(t)
		for _, party := range []*jisrtest.Client{p.As(jisrtest.Police), ngo} {
			ended := got(getReferral(party, r.GetName()))(t)
			if ended.GetState() != want || ended.GetEndReason() != jisrv1.Referral_END_REASON_CONSENT_ENDED {
				t.Errorf("accepted %v: %s sees %s, %s", accepted, party.Agency, ended.GetState(), ended.GetEndReason())
			}
		}
		refused(getVictim(ngo, p.First))(t, fault.NotFound)
		refused(getCase(ngo, p.Case))(t, fault.NotFound)
	}
}
