package jisrtest_test

import (
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/jisrtest"
)

func share(t testing.TB, p *jisrtest.Play, s *jisrv1.Share) *jisrv1.Share {
	t.Helper()
	return got(policeOf(p).ShareCase(ctx, jisrv1.ShareCaseRequest_builder{Parent: p.Case, Share: s}.Build()))(t)
}

func TestAShareOpensWhatItNamesUntilItEnds(t *testing.T) {
	p := baghdad(t)
	erbil := p.As(jisrtest.Erbil)
	refused(getCase(erbil, p.Case))(t, fault.NotFound)
	s := share(t, p, jisrv1.Share_builder{
		Agency: "agencies/kri-dcoc", Victims: []string{p.First},
		Scope: []jisrv1.DataClass{jisrv1.DataClass_DATA_CLASS_CASE_CORE, jisrv1.DataClass_DATA_CLASS_VICTIM_NATIONALITY},
	}.Build())
	v := got(getVictim(erbil, p.First))(t)
	if !v.HasNationality() || v.HasIdentity() || v.HasProfile() || v.HasRisk() {
		t.Errorf("the share's scope does not bind: %v", v)
	}
	if c := got(getCase(erbil, p.Case))(t); !c.HasCore() || c.HasNarrative() {
		t.Errorf("the share's scope does not bind: %v", c)
	}
	refused(getVictim(erbil, p.Second))(t, fault.NotFound)
	// Whoever was let in lets nobody else in.
	refused(erbil.ShareCase(ctx, jisrv1.ShareCaseRequest_builder{Parent: p.Case, Share: jisrv1.Share_builder{Agency: "agencies/kri-asayish"}.Build()}.Build()))(t, fault.TransitionNotAllowed)
	refused(erbil.EndShare(ctx, jisrv1.EndShareRequest_builder{Name: s.GetName()}.Build()))(t, fault.TransitionNotAllowed)
	got(policeOf(p).EndShare(ctx, jisrv1.EndShareRequest_builder{Name: s.GetName()}.Build()))(t)
	refused(getCase(erbil, p.Case))(t, fault.NotFound)
	refused(getVictim(erbil, p.First))(t, fault.NotFound)
	if n := len(got(erbil.ListVictims(ctx, jisrv1.ListVictimsRequest_builder{Parent: "cases/-"}.Build()))(t).GetVictims()); n != 0 {
		t.Errorf("%d victims after the share", n)
	}
	refused(policeOf(p).EndShare(ctx, jisrv1.EndShareRequest_builder{Name: s.GetName()}.Build()))(t, fault.TransitionNotAllowed)
}

func TestAShareEndsAtItsTerm(t *testing.T) {
	s := newStage()
	p := jisrtest.Opened(t, s.start(t))
	share(t, p, jisrv1.Share_builder{Agency: "agencies/kri-dcoc", ExpireTime: timestamppb.New(noon.Add(time.Hour))}.Build())
	got(getCase(p.As(jisrtest.Erbil), p.Case))(t)
	s.pass(time.Hour)
	refused(getCase(p.As(jisrtest.Erbil), p.Case))(t, fault.NotFound)
	if n := len(got(p.As(jisrtest.Erbil).ListCases(ctx, &jisrv1.ListCasesRequest{}))(t).GetCases()); n != 0 {
		t.Errorf("%d cases after the share's term", n)
	}
}

func TestARecordIsThereUnderItsOwnParentAlone(t *testing.T) {
	p := baghdad(t)
	other := jisrtest.Opened(t, p.Exchange)
	c := policeOf(p)
	moved := func(name string) string { return other.Case + name[len(p.Case):] }
	refused(getVictim(c, moved(p.First)))(t, fault.NotFound)
	refused(c.GetSuspect(ctx, jisrv1.GetSuspectRequest_builder{Name: moved(p.Suspect)}.Build()))(t, fault.NotFound)
	r := placed(t, p)
	refused(getReferral(c, moved(r.GetName())))(t, fault.NotFound)
	consent := p.Consent(jisrtest.Police, abroad, forConsular, identity)
	refused(c.GetConsent(ctx, jisrv1.GetConsentRequest_builder{Name: p.Second + consent.GetName()[len(p.First):]}.Build()))(t, fault.NotFound)
	// Nor does a new record bind a person of another case.
	refused(c.CreateReferral(ctx, jisrv1.CreateReferralRequest_builder{Parent: other.Case, Referral: jisrv1.Referral_builder{
		Kind: jisrv1.Referral_KIND_MEDICAL_EXAM, Victim: p.First, Receiver: "agencies/moh",
	}.Build()}.Build()))(t, fault.InvalidRequest)
	refused(c.ShareCase(ctx, jisrv1.ShareCaseRequest_builder{Parent: other.Case, Share: jisrv1.Share_builder{
		Agency: "agencies/kri-dcoc", Victims: []string{p.First},
	}.Build()}.Build()))(t, fault.InvalidRequest)
	list := got(c.ListVictims(ctx, jisrv1.ListVictimsRequest_builder{Parent: other.Case}.Build()))(t)
	for _, v := range list.GetVictims() {
		if v.GetName() != other.First && v.GetName() != other.Second {
			t.Errorf("%s is listed under %s", v.GetName(), other.Case)
		}
	}
}
